#include "metering/usage.h"

#include <gtest/gtest.h>

namespace bellwether::metering {
namespace {

TEST(Usage, LeavesPlausibleFiguresAlone) {
  const Usage usage{.input = 10, .cached_input = 4, .output = 7, .reasoning_output = 2, .basis = Basis::reported};
  EXPECT_EQ(plausible(usage), usage);
}

TEST(Usage, FlagsNegativeFigures) {
  const Usage usage = plausible({.input = -5, .output = 3, .basis = Basis::reported});
  EXPECT_EQ(usage.input, 0);
  EXPECT_EQ(usage.output, 3);
  EXPECT_TRUE(usage.absurd);
}

TEST(Usage, FlagsMoreCachedThanRead) {
  const Usage usage = plausible({.input = 5, .cached_input = 6, .basis = Basis::reported});
  EXPECT_EQ(usage.cached_input, 5);
  EXPECT_TRUE(usage.absurd);
}

TEST(Usage, FlagsFiguresBeyondAnyModel) { EXPECT_TRUE(plausible({.output = tokens_max + 1, .basis = Basis::reported}).absurd); }

TEST(Usage, OfTwoLegsIsTheSumOnTheWeakerBasis) {
  const Usage one{.input = 10, .cached_input = 4, .output = 3, .reasoning_output = 1, .basis = Basis::running};
  const Usage other{.input = 13, .cached_input = 0, .output = 9, .reasoning_output = 0, .basis = Basis::reported};
  EXPECT_EQ(one + other, (Usage{.input = 23, .cached_input = 4, .output = 12, .reasoning_output = 1, .basis = Basis::running}));
}

}  // namespace
}  // namespace bellwether::metering
