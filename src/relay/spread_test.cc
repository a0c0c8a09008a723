#include "relay/spread.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <vector>

namespace bellwether::relay {
namespace {

using catalog::Policy;

std::vector<std::uint8_t> order_of(Policy policy, const std::vector<Share>& shares, std::uint64_t prefix, Random& random) {
  std::vector<std::uint8_t> order(shares.size());
  spread(policy, shares, prefix, random, order);
  std::vector<std::uint8_t> sorted = order;
  std::ranges::sort(sorted);
  for (std::size_t i = 0; i < sorted.size(); ++i) EXPECT_EQ(sorted[i], i);  // Each candidate once.
  return order;
}

/// How often each comes first.
std::vector<int> firsts(Policy policy, const std::vector<Share>& shares, int times) {
  Random random{7};
  std::vector<int> counts(shares.size());
  for (int i = 0; i < times; ++i) ++counts[order_of(policy, shares, random.next(), random)[0]];
  return counts;
}

TEST(Spread, KeepsTheRoutesOrderUnlessAskedOtherwise) {
  Random random{1};
  EXPECT_EQ(order_of(Policy::ordered, {{.weight = 1}, {.weight = 9}, {.outstanding = 5}}, 1, random), (std::vector<std::uint8_t>{0, 1, 2}));
}

TEST(Spread, DrawsByWeight) {
  const auto counts = firsts(Policy::weighted, {{.weight = 90}, {.weight = 9}, {.weight = 1}}, 10'000);
  EXPECT_NEAR(counts[0], 9'000, 150);
  EXPECT_NEAR(counts[1], 900, 150);
  EXPECT_NEAR(counts[2], 100, 50);
}

TEST(Spread, PrefersTheIdlerOfTwo) {
  const auto counts = firsts(Policy::least_outstanding, {{.outstanding = 10}, {.outstanding = 3}, {.outstanding = 0}}, 9'000);
  EXPECT_EQ(counts[0], 0);
  EXPECT_NEAR(counts[1], 3'000, 200);
  EXPECT_NEAR(counts[2], 6'000, 200);
}

TEST(Spread, MeasuresLoadAgainstWeight) {
  const auto counts = firsts(Policy::least_outstanding, {{.weight = 10, .outstanding = 9}, {.weight = 1, .outstanding = 1}}, 100);
  EXPECT_EQ(counts[0], 100);
}

std::vector<Share> machines(std::size_t count) {
  std::vector<Share> shares;
  for (std::size_t i = 0; i < count; ++i) shares.push_back({.id = Random{i}.next()});
  return shares;
}

TEST(Spread, KeepsAConversationWithItsUpstream) {
  Random random{1};
  const auto five = machines(5);
  const auto four = std::vector<Share>(five.begin(), five.end() - 1);
  for (std::uint64_t prefix = 0; prefix < 1'000; ++prefix) {
    const auto home = order_of(Policy::affinity, five, prefix, random)[0];
    EXPECT_EQ(order_of(Policy::affinity, five, prefix, random)[0], home);
    // Only those of the one that left move.
    if (home != 4) {
      EXPECT_EQ(order_of(Policy::affinity, four, prefix, random)[0], home);
    }
  }
}

TEST(Spread, SharesConversationsOutByWeight) {
  auto shares = machines(3);
  shares[0].weight = 2;
  const auto counts = firsts(Policy::affinity, shares, 20'000);
  EXPECT_NEAR(counts[0], 10'000, 400);
  EXPECT_NEAR(counts[1], 5'000, 400);
}

TEST(Spread, DoesNotPileAPrefixThatEverybodySharesOnOneUpstream) {
  Random random{1};
  auto shares = machines(4);
  for (int i = 0; i < 100; ++i) ++shares[order_of(Policy::affinity, shares, 42, random)[0]].outstanding;
  for (const Share& share : shares) EXPECT_LE(share.outstanding, 33U);
}

}  // namespace
}  // namespace bellwether::relay
