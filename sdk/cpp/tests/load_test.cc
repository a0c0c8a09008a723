// Many calls at once: bounded connections, flat memory, answers in their order.
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <deque>
#include <fstream>
#include <random>
#include <thread>

#include "world.h"

namespace bellwether::testing {
namespace {

std::size_t resident_bytes() {
  std::ifstream file{"/proc/self/statm"};
  std::size_t total = 0, resident = 0;
  file >> total >> resident;
  return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

std::size_t open_descriptors() {
  const std::filesystem::directory_iterator all{"/proc/self/fd"};
  return static_cast<std::size_t>(std::distance(begin(all), end(all)));
}

TEST(Load, OfTenThousandCallsWith256InFlightStaysFlat) {
  const int calls_all = is_sanitized() ? 2000 : 10'000;
  constexpr std::size_t in_flight_max = 256;
  const Folder folder;
  const Simulator sim{folder, {"--tokens", "12", "--no-record"}};
  const Gateway gateway{folder, sim};
  rlimit before{}, narrow{};
  ::getrlimit(RLIMIT_NOFILE, &before);
  narrow = {1024, before.rlim_max};
  ::setrlimit(RLIMIT_NOFILE, &narrow);

  const Client client{gateway.options()};
  const std::string expected{client.chat(ask())->text()};
  std::deque<Call<ChatCompletion>> in_flight;
  std::size_t descriptors_max = 0, resident_warm = 0;
  int failures = 0;
  const auto take = [&] {
    const Result<ChatCompletion> answer = in_flight.front().get();
    in_flight.pop_front();
    if (!answer || answer->text() != expected) {
      if (++failures < 4) ADD_FAILURE() << (answer ? answer->raw() : answer.error().to_string());
    }
  };
  for (int i = 0; i < calls_all; ++i) {
    in_flight.push_back(client.async_chat(ask()).start());
    if (in_flight.size() == in_flight_max) take();
    if (i % 500 == 0) descriptors_max = std::max(descriptors_max, open_descriptors());
    if (i == calls_all / 5) resident_warm = resident_bytes();
  }
  while (!in_flight.empty()) take();
  const std::size_t grown = resident_bytes() - std::min(resident_bytes(), resident_warm);
  ::setrlimit(RLIMIT_NOFILE, &before);
  EXPECT_EQ(failures, 0);
  EXPECT_LT(descriptors_max, 256u + 64u);
  RecordProperty("grown_bytes", std::to_string(grown));
  if (!is_sanitized()) EXPECT_LT(grown, std::size_t{4} << 20) << "of " << resident_warm;
}

TEST(Load, OfMoreCallsThanConnectionsWaitsItsTurn) {
  const Folder folder;
  const Simulator sim{folder, {"--tokens", "12", "--no-record"}};
  ClientOptions options = sim.options();
  options.connections_max = 8;
  const Client client{options};
  const std::size_t before = open_descriptors();
  std::vector<Call<ChatCompletion>> calls;
  for (int i = 0; i < 1000; ++i) calls.push_back(client.async_chat(ask("deepseek-ai/DeepSeek-V3")).start());
  std::size_t most = 0;
  for (Call<ChatCompletion>& call : calls) {
    ASSERT_TRUE(call.get());
    most = std::max(most, open_descriptors());
  }
  EXPECT_LE(most, before + 8 + 4) << "the loop has a few of its own";
}

/// Seeded: calls and streams that are cancelled, stopped, read for a while or dropped, by several threads at once, on few connections.
TEST(Load, OfCallsThatAreLetGoAtAnyMomentLeavesAClientThatWorks) {
  const Folder folder;
  const Simulator sim{folder, {"--tokens", "12", "--no-record"}};
  ClientOptions options = sim.options();
  options.connections_max = 8;
  const Client client{options};
  std::atomic<int> unexpected = 0;
  {
    std::vector<std::jthread> threads;
    for (unsigned seed = 1; seed <= 6; ++seed)
      threads.emplace_back([&client, &unexpected, seed] {
        std::minstd_rand random{seed};
        const auto pause = [&random] { std::this_thread::sleep_for(std::chrono::microseconds(random() % 1500)); };
        for (int round = 0; round < 60; ++round) {
          std::stop_source stop;
          const ChatRequest request = ask(random() % 4 == 0 ? "fault-silence" : random() % 4 == 0 ? "fault-slow-drip:1ms" : "deepseek-ai/DeepSeek-V3");
          Call<ChatCompletion> call = client.async_chat(request, {.stop = stop.get_token()});
          call.start();
          ChatStream stream = client.chat_stream(ask("fault-slow-drip:1ms"), {.stop = stop.get_token()});
          const unsigned pieces = random() % 5;
          for (unsigned i = 0; i < pieces; ++i)
            if (!stream.read()) break;
          pause();
          if (random() % 3 == 0) call.cancel();
          if (random() % 3 == 0) stop.request_stop();
          if (random() % 3 == 0) {
            stop.request_stop();
            const Result<ChatCompletion> answer = call.get();
            if (!answer && answer.error().kind != ErrorKind::cancelled) ++unexpected;
          }
        }
      });
  }
  EXPECT_EQ(unexpected, 0);
  EXPECT_TRUE(client.chat(ask("deepseek-ai/DeepSeek-V3")));
}

TEST(Load, OfManyThreadsSharesOneClient) {
  const Folder folder;
  const Simulator sim{folder, {"--tokens", "12", "--no-record"}};
  const Client client{sim.options()};
  std::atomic<int> answered = 0;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 16; ++i)
      threads.emplace_back([copy = client, &answered] {
        for (int round = 0; round < 20; ++round) {
          if (copy.chat(ask("deepseek-ai/DeepSeek-V3"))) ++answered;
          if (!hear(copy.chat_stream(ask("deepseek-ai/DeepSeek-V3"))).error) ++answered;
        }
      });
  }
  EXPECT_EQ(answered, 16 * 40);
}

}  // namespace
}  // namespace bellwether::testing
