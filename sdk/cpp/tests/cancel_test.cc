// Ending what is under way, from another thread.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <future>
#include <thread>

#include "world.h"

namespace bellwether::testing {
namespace {

// A server that says nothing for longer than any test may last.
class Cancelling : public ::testing::Test {
 protected:
  /// Once the server has the request.
  void when_asked(const std::function<void()>& then) {
    while (sim.requests().empty()) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    then();
  }
  Folder folder;
  Simulator sim{folder};
  Client client{sim.options()};
};

TEST_F(Cancelling, EndsAWaitForTheAnswer) {
  std::stop_source stop;
  auto waiting = std::async(std::launch::async, [&] { return client.chat(ask_fault("silence"), {.stop = stop.get_token()}); });
  when_asked([&] { stop.request_stop(); });
  const Result<ChatCompletion> answer = waiting.get();
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().kind, ErrorKind::cancelled);
}

TEST_F(Cancelling, EndsAPauseBeforeARetry) {
  std::stop_source stop;
  auto waiting = std::async(std::launch::async, [&] { return client.chat(ask_fault("429-once:100"), {.stop = stop.get_token()}); });
  when_asked([&] { stop.request_stop(); });
  const Result<ChatCompletion> answer = waiting.get();
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().kind, ErrorKind::cancelled);
}

TEST_F(Cancelling, EndsAWaitForAConnection) {
  ClientOptions options = sim.options();
  options.connections_max = 1;
  const Client narrow{options};
  Call<ChatCompletion> first = narrow.async_chat(ask_fault("silence"));
  first.start();
  when_asked([] {});
  std::stop_source stop;
  auto waiting = std::async(std::launch::async, [&] { return narrow.chat(ask(), {.stop = stop.get_token()}); });
  stop.request_stop();
  EXPECT_EQ(waiting.get().error().kind, ErrorKind::cancelled);
  first.cancel();
  EXPECT_EQ(first.get().error().kind, ErrorKind::cancelled);
}

TEST_F(Cancelling, EndsAStreamInItsMiddle) {
  std::stop_source stop;
  ChatStream stream = client.chat_stream(ask_fault("stall:2"), {.stop = stop.get_token()});
  int pieces = 0;
  std::optional<Error> error;
  for (auto&& element : stream) {
    if (!element) error = element.error();
    else if (++pieces == 2) stop.request_stop();
  }
  ASSERT_TRUE(error);
  EXPECT_EQ(error->kind, ErrorKind::cancelled);
}

TEST_F(Cancelling, BeforeTheStartSendsNothing) {
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(client.chat(ask(), {.stop = stop.get_token()}).error().kind, ErrorKind::cancelled);
  EXPECT_TRUE(sim.requests().empty());
}

TEST_F(Cancelling, ByLettingGoEndsTheClientsThread) {
  for (int round = 0; round < 20; ++round) {
    const Client short_lived{sim.options()};
    Call<ChatCompletion> call = short_lived.async_chat(ask_fault("silence"));
    call.start();
    ChatStream stream = short_lived.chat_stream(ask_fault("stall:1"));
    ASSERT_TRUE(stream.read());
  }
}

TEST_F(Cancelling, IsNotNeededAfterAForkWhichIsToldApart) {
  ASSERT_TRUE(client.chat(ask("deepseek-ai/DeepSeek-V3")));
  const pid_t child = ::fork();
  if (child == 0) {
    const Result<ChatCompletion> answer = client.chat(ask("deepseek-ai/DeepSeek-V3"));
    const bool told = !answer && answer.error().code == "used_after_fork";
#ifdef __SANITIZE_THREAD__
    const bool fresh_works = true;  // ThreadSanitizer takes no thread that is made after a fork.
#else
    const bool fresh_works = Client{sim.options()}.chat(ask("deepseek-ai/DeepSeek-V3")).has_value();
#endif
    ::_exit(told && fresh_works ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  EXPECT_TRUE(client.chat(ask("deepseek-ai/DeepSeek-V3"))) << "the parent goes on";
}

}  // namespace
}  // namespace bellwether::testing
