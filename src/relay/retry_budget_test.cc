#include "relay/retry_budget.h"

#include <gtest/gtest.h>

#include "relay/support_test.h"

namespace bellwether::relay {
namespace {

TEST(RetryBudget, AddsAFifthToTheLoadOfAnUpstreamThatFailsThroughout) {
  RetryBudget budget{20};
  std::uint32_t requests = 0, retries = 0;
  for (TimePoint now = start; now < start + seconds(60); now += milliseconds(2)) {
    budget.earn(now);
    ++requests;
    for (int i = 0; i < 2; ++i) retries += budget.spend(now) ? 1 : 0;
    ASSERT_LE(retries, std::max(10U, requests / 5));
  }
  EXPECT_GT(retries, requests * 19 / 100);
}

TEST(RetryBudget, LetsAQuietUpstreamHaveItsRetries) {
  RetryBudget budget{20};
  for (int minute = 0; minute < 5; ++minute) {
    const TimePoint now = start + minutes(minute);
    budget.earn(now);
    EXPECT_TRUE(budget.spend(now));
    EXPECT_TRUE(budget.spend(now));
  }
}

TEST(RetryBudget, RecoversWithTheWindow) {
  RetryBudget budget{20};
  int spent = 0;
  while (budget.spend(start)) ++spent;
  EXPECT_EQ(spent, 10);
  EXPECT_FALSE(budget.spend(start + seconds(8)));
  EXPECT_TRUE(budget.spend(start + seconds(10)));
}

TEST(RetryBudget, OfNothingGivesNothing) { EXPECT_FALSE(RetryBudget{0}.spend(start)); }

}  // namespace
}  // namespace bellwether::relay
