#include "relay/rate_guard.h"

#include <gtest/gtest.h>

#include "relay/support_test.h"

namespace bellwether::relay {
namespace {

TEST(RateGuard, IsOffUnlessSet) {
  RateGuard guard{{}, start};
  EXPECT_EQ(guard.due(), TimePoint::max());
  EXPECT_FALSE(guard.has_stalled(start + std::chrono::hours(10)));
}

TEST(RateGuard, FindsAStreamThatTrickles) {
  RateGuard guard{{.tokens = 10, .over = seconds(30)}, start};
  guard.count(9);
  EXPECT_FALSE(guard.has_stalled(start + seconds(29)));
  EXPECT_TRUE(guard.has_stalled(guard.due()));
}

TEST(RateGuard, CountsEachWindowAnew) {
  RateGuard guard{{.tokens = 10, .over = seconds(30)}, start};
  guard.count(1'000);
  EXPECT_FALSE(guard.has_stalled(start + seconds(30)));
  EXPECT_TRUE(guard.has_stalled(start + seconds(60)));
}

}  // namespace
}  // namespace bellwether::relay
