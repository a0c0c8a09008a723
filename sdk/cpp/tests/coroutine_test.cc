// Calls in coroutines: of a type that the library has never seen, on its thread and on an executor.
#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <coroutine>
#include <deque>
#include <future>
#include <thread>

#include "world.h"

namespace bellwether::testing {
namespace {

/// The smallest coroutine type there can be: it runs by itself, and its frame ends with it.
struct Fire {
  struct promise_type {
    Fire get_return_object() { return {}; }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() {}
    void unhandled_exception() { std::terminate(); }
  };
};

/// One whose frame its owner may destroy while it is suspended.
struct Owned {
  struct promise_type {
    Owned get_return_object() { return Owned{std::coroutine_handle<promise_type>::from_promise(*this)}; }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_always final_suspend() noexcept { return {}; }
    void return_void() {}
    void unhandled_exception() { std::terminate(); }
  };
  std::coroutine_handle<promise_type> handle;
};

class Coroutines : public ::testing::Test {
 protected:
  Folder folder;
  Simulator sim{folder};
};

Fire ask_in_turn(Client client, std::promise<std::vector<Result<ChatCompletion>>>& done) {
  std::vector<Result<ChatCompletion>> answers;
  for (int i = 0; i < 3; ++i) answers.push_back(co_await client.async_chat(ask("deepseek-ai/DeepSeek-V3")));
  answers.push_back(co_await client.async_chat(ask_fault("401")));
  done.set_value(std::move(answers));
}

TEST_F(Coroutines, GoOnWithTheAnswer) {
  std::promise<std::vector<Result<ChatCompletion>>> done;
  ask_in_turn(Client{sim.options()}, done);  // The last copy of the client ends on its own thread.
  const std::vector<Result<ChatCompletion>> answers = done.get_future().get();
  ASSERT_EQ(answers.size(), 4u);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(answers[static_cast<std::size_t>(i)]);
  EXPECT_EQ(answers[3].error().kind, ErrorKind::authentication);
}

Fire listen(const Client& client, std::string model, std::promise<std::pair<std::string, std::optional<Error>>>& done) {
  std::string text;
  ChatStream stream = client.chat_stream(ask(std::move(model)));
  for (;;) {
    auto element = co_await stream.next();
    if (!element) break;
    if (!*element) {
      done.set_value({text, element->error()});
      co_return;
    }
    text += (*element)->text();
  }
  done.set_value({text, std::nullopt});
}

TEST_F(Coroutines, HearStreams) {
  const Client client{sim.options()};
  std::promise<std::pair<std::string, std::optional<Error>>> whole, cut;
  listen(client, "deepseek-ai/DeepSeek-V3", whole);
  listen(client, "fault-cut:2", cut);
  const auto [text, none] = whole.get_future().get();
  EXPECT_FALSE(none);
  EXPECT_EQ(text, client.chat(ask("deepseek-ai/DeepSeek-V3"))->text());
  const auto [part, error] = cut.get_future().get();
  ASSERT_TRUE(error);
  EXPECT_EQ(error->kind, ErrorKind::stream_cut);
}

/// A thread that resumes what it is given.
class Executor {
 public:
  Executor() : thread_{[this] { run(); }} {}
  ~Executor() {
    post(nullptr);
    thread_.join();
  }
  void post(std::coroutine_handle<> handle) {
    const std::lock_guard lock{mutex_};
    handles_.push_back(handle);
    arrived_.notify_one();
  }
  [[nodiscard]] std::thread::id id() const { return thread_.get_id(); }

 private:
  void run() {
    for (;;) {
      std::unique_lock lock{mutex_};
      arrived_.wait(lock, [this] { return !handles_.empty(); });
      const std::coroutine_handle<> handle = handles_.front();
      handles_.pop_front();
      lock.unlock();
      if (!handle) return;
      handle.resume();
    }
  }
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::deque<std::coroutine_handle<>> handles_;
  std::thread thread_;
};

Fire ask_where(const Client& client, std::promise<std::thread::id>& done) {
  const auto answer = co_await client.async_chat(ask("deepseek-ai/DeepSeek-V3"));
  EXPECT_TRUE(answer);
  const auto blocking = client.chat(ask("deepseek-ai/DeepSeek-V3"));  // An executor's thread may block.
  EXPECT_TRUE(blocking);
  done.set_value(std::this_thread::get_id());
}

TEST_F(Coroutines, GoOnWhereTheExecutorSays) {
  Executor executor;
  ClientOptions options = sim.options();
  options.resume_on = [&executor](std::coroutine_handle<> handle) { executor.post(handle); };
  const Client client{options};
  std::promise<std::thread::id> done;
  ask_where(client, done);
  EXPECT_EQ(done.get_future().get(), executor.id());
}

Fire block_on_own_thread(const Client& client, std::promise<Result<ChatCompletion>>& done) {
  std::ignore = co_await client.async_chat(ask("deepseek-ai/DeepSeek-V3"));
  done.set_value(client.chat(ask("deepseek-ai/DeepSeek-V3")));
}

TEST_F(Coroutines, ThatBlockTheClientsThreadAreToldSo) {
  const Client client{sim.options()};
  std::promise<Result<ChatCompletion>> done;
  block_on_own_thread(client, done);
  const Result<ChatCompletion> answer = done.get_future().get();
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, "would_wait_for_itself");
}

Fire await_twice(const Client& client, std::promise<Result<ChatCompletion>>& done) {
  Call<ChatCompletion> call = client.async_chat(ask("deepseek-ai/DeepSeek-V3"));
  const auto first = co_await call;
  EXPECT_TRUE(first);
  auto second = co_await call;
  done.set_value(std::move(second));
}

TEST_F(Coroutines, ThatAwaitTwiceSendOnceAndAreToldSo) {
  const Client client{sim.options()};
  std::promise<Result<ChatCompletion>> done;
  await_twice(client, done);
  EXPECT_EQ(done.get_future().get().error().code, "taken_twice");
  EXPECT_EQ(sim.requests().size(), 1u);
}

Fire ask_once(const Client& client, const ChatRequest& request, std::atomic<int>& answered, std::atomic<int>& left, std::promise<void>& all) {
  const auto answer = co_await client.async_chat(request);
  if (answer) ++answered;
  if (--left == 0) all.set_value();
}

TEST_F(Coroutines, MayWaitByTheThousandOnOneThread) {
  ClientOptions options = sim.options();
  options.connections_max = 64;
  const Client client{options};
  const ChatRequest request = ask("deepseek-ai/DeepSeek-V3");
  std::atomic<int> answered = 0, left = 3000;
  std::promise<void> all;
  for (int i = 0; i < 3000; ++i) ask_once(client, request, answered, left, all);
  all.get_future().wait();
  EXPECT_EQ(answered, 3000);
}

Owned wait_for_ever(const Client& client) {
  std::ignore = co_await client.async_chat(ask_fault("silence"));
  ADD_FAILURE() << "resumed";
}

TEST_F(Coroutines, MayBeDestroyedWhileTheyWait) {
  const Client client{sim.options()};
  for (int i = 0; i < 10; ++i) {
    const Owned waiting = wait_for_ever(client);
    if (i % 2 == 0)
      while (sim.requests().empty()) std::this_thread::sleep_for(std::chrono::milliseconds(2));
    waiting.handle.destroy();
  }
  EXPECT_TRUE(client.chat(ask("deepseek-ai/DeepSeek-V3")));
}

TEST_F(Coroutines, SendNothingBeforeTheyAreAwaitedAndOnceAfter) {
  const Client client{sim.options()};
  Call<ChatCompletion> call = client.async_chat(ask("deepseek-ai/DeepSeek-V3"));
  EXPECT_TRUE(sim.requests().empty());
  call.start().start();
  EXPECT_TRUE(call.get());
  EXPECT_EQ(call.get().error().code, "taken_twice");
  EXPECT_EQ(sim.requests().size(), 1u);
}

}  // namespace
}  // namespace bellwether::testing
