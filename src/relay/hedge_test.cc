#include "relay/hedge.h"

#include <gtest/gtest.h>

#include "relay/support_test.h"

namespace bellwether::relay {
namespace {

TEST(FirstTokenTimes, FindAPercentileWithinAQuarter) {
  FirstTokenTimes times;
  for (int i = 1; i <= 1'000; ++i) times.add(milliseconds(i));
  EXPECT_GE(times.percentile(95), milliseconds(950));
  EXPECT_LE(times.percentile(95), milliseconds(950) * 125 / 100);
  EXPECT_GE(times.percentile(50), milliseconds(500));
  EXPECT_LE(times.percentile(50), milliseconds(625));
}

TEST(FirstTokenTimes, TakeAnyTime) {
  FirstTokenTimes times;
  for (const Duration time : {Duration{-5}, Duration{}, Duration{1}, Duration{std::chrono::hours(100)}}) times.add(time);
  EXPECT_EQ(times.count(), 4U);
}

TEST(FirstTokenTimes, ForgetWhatIsLongPast) {
  FirstTokenTimes times;
  for (int i = 0; i < 2'000; ++i) times.add(seconds(10));
  for (int i = 0; i < 20'000; ++i) times.add(milliseconds(100));
  EXPECT_LE(times.percentile(95), milliseconds(150));
}

TEST(Hedge, WaitsUntilEnoughIsKnown) {
  Hedge hedge{{}};
  for (int i = 0; i < 90; ++i) hedge.observe(milliseconds(100));
  EXPECT_FALSE(hedge.begin());
  for (int i = 0; i < 60; ++i) hedge.observe(milliseconds(100));
  ASSERT_TRUE(hedge.begin());
  EXPECT_LE(*hedge.begin(), milliseconds(150));
}

TEST(Hedge, NeverAddsMoreThanItsShare) {
  Hedge hedge{{.percentile = 95, .extra_percent = 5}};
  int extra = 0;
  for (int i = 1; i <= 10'000; ++i) {
    std::ignore = hedge.begin();
    extra += hedge.spend() ? 1 : 0;
    ASSERT_LE(extra, i * 5 / 100);
  }
  EXPECT_GE(extra, 490);
}

TEST(Hedge, SavesOnlyAFewForABadMinute) {
  Hedge hedge{{}};
  for (int i = 0; i < 100'000; ++i) std::ignore = hedge.begin();
  int burst = 0;
  while (hedge.spend()) ++burst;
  EXPECT_EQ(burst, 10);
}

}  // namespace
}  // namespace bellwether::relay
