#include "net/task.h"

#include <gtest/gtest.h>

#include <memory>
#include <numeric>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "net/signal.h"
#include "net/spawn.h"

namespace bellwether::net {
namespace {

Task<int> plus_one(int number) { co_return number + 1; }

Task<int> sum_of(int count) {
  int sum = 0;
  for (int i = 0; i < count; ++i) {
    const int next = co_await plus_one(i);
    sum += next;
  }
  co_return sum;
}

/// Runs a coroutine on a loop of its own until that stops.
template <class Coroutine>
void run(Coroutine coroutine) {
  Loop loop{1};
  spawn(loop, "test", [&]() -> Task<void> {
    co_await coroutine(loop);
    loop.stop();
  });
  loop.run();
}

TEST(Task, ReturnsAValueThroughCallsThatDoNotWait) {
  int sum = 0;
  run([&](Loop&) -> Task<void> { sum = co_await sum_of(10); });
  EXPECT_EQ(sum, 55);
}

TEST(Task, NeedsNoStackForALongLoopOfCallsThatDoNotWait) {
  int sum = 0;
  run([&](Loop&) -> Task<void> { sum = co_await sum_of(30'000); });
  EXPECT_EQ(sum, 450'015'000);
}

Task<std::string> wait_and_say(Signal& signal, std::string text) {
  const IoStatus status = co_await signal.wait(TimePoint::max());
  co_return text + (status == IoStatus::ok ? " ok" : " not");
}

TEST(Task, GoesOnInItsParentsWhenWhatItWaitedForCame) {
  std::vector<std::string> said;
  run([&](Loop& loop) -> Task<void> {
    Signal signal{loop};
    for (int i = 0; i < 3; ++i) {
      loop.post([&signal] { signal.wake(IoStatus::ok); });
      said.push_back(co_await wait_and_say(signal, std::to_string(i)));
    }
  });
  EXPECT_EQ(said, (std::vector<std::string>{"0 ok", "1 ok", "2 ok"}));
}

TEST(Task, ASignalThatCameBeforeTheWaitEndsItAtOnce) {
  std::string said;
  run([&](Loop& loop) -> Task<void> {
    Signal signal{loop};
    signal.wake(IoStatus::cancelled);
    said = co_await wait_and_say(signal, "early");
  });
  EXPECT_EQ(said, "early not");
}

Task<void> throws_after_waiting(Signal& signal) {
  std::ignore = co_await signal.wait(TimePoint::max());
  throw std::runtime_error("lost");
}

TEST(Task, AnExceptionReachesWhoeverAwaits) {
  std::string caught;
  run([&](Loop& loop) -> Task<void> {
    Signal signal{loop};
    loop.post([&signal] { signal.wake(IoStatus::ok); });
    try {
      co_await throws_after_waiting(signal);
    } catch (const std::runtime_error& error) {
      caught = error.what();
    }
  });
  EXPECT_EQ(caught, "lost");
}

TEST(Task, ResultsMayBeMoveOnly) {
  std::unique_ptr<int> got;
  run([&](Loop&) -> Task<void> { got = co_await [](int value) -> Task<std::unique_ptr<int>> { co_return std::make_unique<int>(value); }(7); });
  ASSERT_TRUE(got);
  EXPECT_EQ(*got, 7);
}

struct Counted {
  explicit Counted(int& alive) : alive{alive} { ++alive; }
  Counted(const Counted& other) : alive{other.alive} { ++alive; }
  ~Counted() { --alive; }
  int& alive;
};

TEST(Spawn, ALoopThatEndsDestroysWhatStillWaits) {
  int alive = 0;
  {
    Loop loop{1};
    spawn(
        loop, "waits for ever",
        [](Loop*& owner, Counted&) -> Task<void> {
          Signal signal{*owner};
          owner->post([owner] { owner->stop(); });
          std::ignore = co_await wait_and_say(signal, "never");
        },
        &loop, Counted{alive});
    spawn(loop, "never begins", [](Counted&) -> Task<void> { co_return; }, Counted{alive});
    loop.run();
    EXPECT_GE(alive, 1);
  }
  EXPECT_EQ(alive, 0);
}

TEST(Spawn, ATaskThatEndedLeavesNothing) {
  int alive = 0;
  Loop loop{1};
  spawn(loop, "ends", [](Counted&) -> Task<void> { co_return; }, Counted{alive});
  loop.post([&loop] { loop.stop(); });
  loop.run();
  EXPECT_EQ(alive, 0);
}

TEST(Sleep, EndsByItselfOrIsEnded) {
  std::vector<std::string> said;
  run([&](Loop& loop) -> Task<void> {
    co_await loop.sleep_for(std::chrono::milliseconds(1));
    said.push_back("slept");
    Sleep long_one{loop, loop.now() + std::chrono::hours(1)};
    loop.post([&long_one] { long_one.end(); });
    co_await long_one;
    said.push_back("woken");
  });
  EXPECT_EQ(said, (std::vector<std::string>{"slept", "woken"}));
}

TEST(Loop, RunsWhatOtherThreadsPostInTheirOrder) {
  constexpr int count = 1000;
  std::vector<int> seen;
  Loop loop{1};
  std::thread other{[&] {
    for (int i = 0; i < count; ++i) loop.post([&seen, i] { seen.push_back(i); });
    loop.post([&loop] { loop.stop(); });
  }};
  loop.run();
  other.join();
  std::vector<int> expected(count);
  std::iota(expected.begin(), expected.end(), 0);
  EXPECT_EQ(seen, expected);
}

TEST(Loop, WhatIsPostedAfterItsEndIsDropped) {
  int alive = 0;
  std::shared_ptr<Inbox> inbox;
  {
    Loop loop{1};
    inbox = loop.inbox();
  }
  EXPECT_FALSE(inbox->put([counted = Counted{alive}] {}));
  EXPECT_EQ(alive, 0);
}

}  // namespace
}  // namespace bellwether::net
