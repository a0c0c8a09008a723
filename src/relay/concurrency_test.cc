#include "relay/concurrency.h"

#include <gtest/gtest.h>

#include "relay/support_test.h"

namespace bellwether::relay {
namespace {

TEST(Concurrency, AdmitsAllWithoutALimit) {
  Concurrency concurrency{{}, 4};
  for (int i = 0; i < 10'000; ++i) ASSERT_EQ(concurrency.enter(), Entry::admit);
}

TEST(Concurrency, AdmitsThenQueuesThenSheds) {
  Concurrency concurrency{{.max = 2, .queue_max = 1}, 1};
  EXPECT_EQ(concurrency.enter(), Entry::admit);
  EXPECT_EQ(concurrency.enter(), Entry::admit);
  EXPECT_EQ(concurrency.enter(), Entry::wait);
  EXPECT_EQ(concurrency.enter(), Entry::shed);
  EXPECT_FALSE(concurrency.has_place_for_waiting());
  concurrency.leave();
  EXPECT_TRUE(concurrency.has_place_for_waiting());
  EXPECT_EQ(concurrency.enter(), Entry::shed);  // Nobody overtakes.
  concurrency.enter_from_queue();
  EXPECT_FALSE(concurrency.has_place_for_waiting());
  EXPECT_EQ(concurrency.under_way(), 2U);
}

TEST(Concurrency, FreesTheQueueOfThoseWhoGiveUp) {
  Concurrency concurrency{{.max = 1, .queue_max = 1}, 1};
  std::ignore = concurrency.enter();
  std::ignore = concurrency.enter();
  concurrency.give_up_waiting();
  EXPECT_EQ(concurrency.enter(), Entry::wait);
}

TEST(Concurrency, GivesEachLaneItsShare) {
  Concurrency concurrency{{.max = 3, .queue_max = 0}, 2};
  EXPECT_EQ(concurrency.limit(), 1U);
  EXPECT_EQ((Concurrency{{.max = 1}, 8}.limit()), 1U);
}

/// Runs `times` answers of `first_token` at full use.
void run(Concurrency& concurrency, Duration first_token, int times) {
  for (int i = 0; i < times; ++i) {
    while (concurrency.under_way() < concurrency.limit()) ASSERT_EQ(concurrency.enter(), Entry::admit);
    concurrency.observe(first_token);
    while (concurrency.under_way() > concurrency.limit()) concurrency.leave();
  }
}

TEST(Concurrency, GrowsWhileTheFirstTokenComesAsUsual) {
  Concurrency concurrency{{.max = 64, .adaptive = true}, 1};
  EXPECT_EQ(concurrency.limit(), 20U);
  run(concurrency, milliseconds(100), 200);
  EXPECT_EQ(concurrency.limit(), 64U);
}

TEST(Concurrency, ShrinksWhenTheFirstTokenComesLate) {
  Concurrency concurrency{{.max = 64, .adaptive = true}, 1};
  run(concurrency, milliseconds(100), 200);
  run(concurrency, milliseconds(1'000), 50);
  EXPECT_LE(concurrency.limit(), 12U);
  EXPECT_GE(concurrency.limit(), 4U);
  run(concurrency, milliseconds(100), 200);
  EXPECT_EQ(concurrency.limit(), 64U);
}

TEST(Concurrency, DoesNotGrowUnused) {
  Concurrency concurrency{{.max = 64, .adaptive = true}, 1};
  std::ignore = concurrency.enter();
  for (int i = 0; i < 100; ++i) concurrency.observe(milliseconds(100));
  EXPECT_EQ(concurrency.limit(), 20U);
}

TEST(Concurrency, ShrinksOn429) {
  Concurrency concurrency{{.max = 64, .adaptive = true}, 1};
  concurrency.throttled();
  EXPECT_EQ(concurrency.limit(), 14U);
  for (int i = 0; i < 100; ++i) concurrency.throttled();
  EXPECT_EQ(concurrency.limit(), 4U);
}

TEST(Concurrency, StaysFixedUnlessAskedToAdapt) {
  Concurrency concurrency{{.max = 64}, 1};
  run(concurrency, milliseconds(100), 20);
  run(concurrency, seconds(10), 20);
  concurrency.throttled();
  EXPECT_EQ(concurrency.limit(), 64U);
}

}  // namespace
}  // namespace bellwether::relay
