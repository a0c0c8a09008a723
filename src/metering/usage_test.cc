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

}  // namespace
}  // namespace bellwether::metering
