#include "relay/breaker.h"

#include <gtest/gtest.h>

#include "relay/support_test.h"

namespace bellwether::relay {
namespace {

constexpr std::uint64_t longest = UINT64_MAX - 1;  // Random bits; what they give is bounded from both sides below.

void fail(Breaker& breaker, TimePoint now, int times = 1, Reason reason = Reason::upstream_down) {
  for (int i = 0; i < times; ++i) breaker.failed(*breaker.enter(now), reason, now, longest);
}

TEST(Breaker, OpensAfterFiveFailuresInARow) {
  Breaker breaker{{}};
  fail(breaker, start, 4);
  breaker.succeeded(*breaker.enter(start), start);
  fail(breaker, start, 4);
  EXPECT_EQ(breaker.state(), Breaker::State::closed);
  fail(breaker, start);
  EXPECT_EQ(breaker.state(), Breaker::State::open);
  EXPECT_FALSE(breaker.may_enter(start));
}

TEST(Breaker, OpensWhenHalfOfTwentyFail) {
  Breaker breaker{{}};
  for (int i = 0; i < 9; ++i) {
    breaker.succeeded(Turn{}, start);
    fail(breaker, start);
  }
  EXPECT_EQ(breaker.state(), Breaker::State::closed);
  breaker.succeeded(Turn{}, start);
  fail(breaker, start);
  EXPECT_EQ(breaker.state(), Breaker::State::open);
}

TEST(Breaker, StaysClosedWhereThePolicyCountsNeither) {
  Breaker breaker{{.failures = 0, .rate_percent = 0}};
  for (int i = 0; i < 1000; ++i) {
    const auto turn = breaker.enter(start);
    ASSERT_TRUE(turn);
    breaker.failed(*turn, Reason::upstream_down, start, 0);
  }
  EXPECT_EQ(breaker.state(), Breaker::State::closed);
}

TEST(Breaker, ForgetsFailuresAfterHalfAMinute) {
  Breaker breaker{{.failures = 1'000}};
  fail(breaker, start, 19);
  breaker.succeeded(Turn{}, start + seconds(31));
  fail(breaker, start + seconds(31));
  EXPECT_EQ(breaker.state(), Breaker::State::closed);
}

TEST(Breaker, LetsOneProbeInAfterTheCoolDown) {
  Breaker breaker{{}};
  fail(breaker, start, 5);
  const TimePoint due = breaker.until();
  EXPECT_GE(due, start + milliseconds(500));
  EXPECT_LE(due, start + seconds(1));
  EXPECT_FALSE(breaker.enter(due - milliseconds(1)));
  const auto probe = breaker.enter(due);
  ASSERT_TRUE(probe);
  EXPECT_EQ(breaker.state(), Breaker::State::half_open);
  EXPECT_FALSE(breaker.enter(due));
  breaker.succeeded(*probe, due);
  EXPECT_EQ(breaker.state(), Breaker::State::closed);
}

TEST(Breaker, CoolsDownTwiceAsLongForEachProbeThatFails) {
  Breaker breaker{{}};
  fail(breaker, start, 5);
  TimePoint now = start;
  for (const int bound : {2, 4, 4, 4, 4}) {
    now = breaker.until();
    fail(breaker, now);
    EXPECT_GE(breaker.until() - now, seconds(bound) / 2) << bound;
    EXPECT_LE(breaker.until() - now, seconds(bound)) << bound;
  }
  breaker.succeeded(*breaker.enter(breaker.until()), breaker.until());
  fail(breaker, now, 5);
  EXPECT_LE(breaker.until() - now, seconds(1));
}

TEST(Breaker, IsClosedByTheFirstTokenAndOnTrialUntilTheEnd) {
  Breaker breaker{{}};
  fail(breaker, start, 5);
  const TimePoint due = breaker.until();
  const auto probe = breaker.enter(due);
  breaker.answered(*probe);
  EXPECT_EQ(breaker.state(), Breaker::State::closed);
  breaker.failed(*probe, Reason::upstream_broken, due, 0);
  EXPECT_EQ(breaker.state(), Breaker::State::open);
}

TEST(Breaker, FreesThePlaceOfAProbeThatWasAbandonedOrIsSilent) {
  Breaker breaker{{}};
  fail(breaker, start, 5);
  const TimePoint due = breaker.until();
  breaker.abandoned(*breaker.enter(due));
  const auto silent = breaker.enter(due);
  ASSERT_TRUE(silent);
  EXPECT_FALSE(breaker.may_enter(due + milliseconds(3'999)));
  const auto second = breaker.enter(due + seconds(4));
  ASSERT_TRUE(second);
  breaker.failed(*silent, Reason::upstream_timeout, due + seconds(5), 0);
  EXPECT_EQ(breaker.state(), Breaker::State::half_open);  // The second one decides.
}

TEST(Breaker, LetsALastResortInBeforeTheCoolDownEnds) {
  Breaker breaker{{}};
  fail(breaker, start, 5);
  const auto probe = breaker.enter(start, Urgency::last_resort);
  EXPECT_TRUE(probe);
  EXPECT_FALSE(breaker.enter(start, Urgency::last_resort));
}

TEST(Breaker, IgnoresWhatWasBegunBeforeItOpened) {
  Breaker breaker{{}};
  const auto early = breaker.enter(start), late = breaker.enter(start);
  fail(breaker, start, 5);
  const TimePoint due = breaker.until();
  breaker.failed(*early, Reason::upstream_down, start + milliseconds(400), longest);
  EXPECT_EQ(breaker.until(), due);
  breaker.succeeded(*late, start + milliseconds(400));
  EXPECT_EQ(breaker.state(), Breaker::State::open);
}

TEST(Breaker, AsksAgainAMinuteAfterAFaultOfTheConfiguration) {
  for (const Reason reason : {Reason::upstream_denied_us, Reason::upstream_lacks_model}) {
    Breaker breaker{{}};
    fail(breaker, start, 1, reason);
    EXPECT_EQ(breaker.until(), start + seconds(60));
    EXPECT_TRUE(breaker.waits_for_configuration());
    fail(breaker, start + seconds(60), 1, reason);
    EXPECT_EQ(breaker.until(), start + seconds(120));
    breaker.try_soon(start + seconds(61));
    EXPECT_TRUE(breaker.may_enter(start + seconds(61)));
  }
}

TEST(Breaker, AsksALoadingUpstreamEachSecond) {
  Breaker breaker{{}};
  TimePoint now = start;
  for (int i = 0; i < 10; ++i) {
    fail(breaker, now, 1, Reason::upstream_loading);
    EXPECT_EQ(breaker.until(), now + seconds(1));
    now = breaker.until();
  }
}

}  // namespace
}  // namespace bellwether::relay
