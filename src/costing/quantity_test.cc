#include "costing/quantity.h"

#include <gtest/gtest.h>

namespace bellwether::costing {
namespace {

constexpr std::int64_t dollar = 1'000'000'000;

TEST(Quantity, ReadsTokensExactly) {
  EXPECT_EQ(parse_tokens("100M"), 100'000'000);
  EXPECT_EQ(parse_tokens("1.5B"), 1'500'000'000);
  EXPECT_EQ(parse_tokens("250k"), 250'000);
  EXPECT_EQ(parse_tokens("42"), 42);
  EXPECT_EQ(parse_tokens("1_000_000"), 1'000'000);
  EXPECT_EQ(parse_tokens("0.001k"), 1);
  EXPECT_EQ(parse_tokens("1000T"), tokens_max);
}

TEST(Quantity, RefusesWhatIsNoNumberOfTokens) {
  for (const char* text : {"", "M", "-1", "1.5", "1e6", "100 M", "0.0001k", "1001T", "99999999999999999999", "1_", "_1", "1__0", "1.M", "100MM", "+5"})
    EXPECT_EQ(parse_tokens(text), std::nullopt) << text;
}

TEST(Quantity, ReadsSharesAndFactors) {
  EXPECT_EQ(parse_share("56.3%"), 563'000);
  EXPECT_EQ(parse_share("100%"), whole);
  EXPECT_EQ(parse_share("101%"), std::nullopt);
  EXPECT_EQ(parse_share("0.5"), std::nullopt);
  EXPECT_EQ(parse_factor("1.4"), 1'400'000);
  EXPECT_EQ(parse_factor("1.1234567"), std::nullopt);
}

TEST(Quantity, RoundsHalfAwayFromZero) {
  EXPECT_EQ(to_money(5, 2).nano_usd, 3);
  EXPECT_EQ(to_money(-5, 2).nano_usd, -3);
  EXPECT_EQ(to_money(4, 3).nano_usd, 1);
  EXPECT_EQ(tenths_of_percent(Money{437 * dollar}, Money{500 * dollar}), 874);
  EXPECT_EQ(tenths_of_percent(Money{687 * dollar}, Money{750 * dollar}), 916);
  EXPECT_EQ(tenths_of_percent(Money{-1 * dollar}, Money{8 * dollar}), -125);
  EXPECT_EQ(tenths_of_percent(Money{1}, Money{0}), std::nullopt);
}

TEST(Quantity, SumsThatDoNotFitAreNotWrapped) {
  const Money most{std::numeric_limits<std::int64_t>::max()};
  EXPECT_THROW(static_cast<void>(most + Money{1}), Overflow);
  EXPECT_THROW(static_cast<void>(Money{} - most - most), Overflow);
  EXPECT_THROW(static_cast<void>(to_money(Wide{1} << 100)), Overflow);
}

TEST(Quantity, IsWrittenForPeople) {
  EXPECT_EQ(to_short_decimal(Money{63 * dollar}), "63.00");
  EXPECT_EQ(to_short_decimal(Money{2'800'000}), "0.0028");
  EXPECT_EQ(to_readable(Money{1'234'567 * (dollar / 1000)}), "1,234.57");
  EXPECT_EQ(to_readable(Money{14'600 * dollar}), "14,600");
  EXPECT_EQ(to_readable(Money{-437 * dollar}), "-437.00");
  EXPECT_EQ(with_separators(-1234567), "-1,234,567");
  EXPECT_EQ(with_separators(-123), "-123");
  EXPECT_EQ(to_short_tokens(150'000'000), "150M");
  EXPECT_EQ(to_short_tokens(1'488'095'238), "1.49B");
  EXPECT_EQ(to_short_tokens(999'999), "999,999");
  EXPECT_EQ(to_short_tokens(44'651'000'000), "44.7B");
  EXPECT_EQ(to_exact_tokens(1'500'000'000), "1.5B");
  EXPECT_EQ(to_exact_tokens(687'786'408), "687,786,408");
  EXPECT_EQ(to_percent(-125), "-12.5");
  EXPECT_EQ(share_to_percent(208'333), "20.8333");
}

}  // namespace
}  // namespace bellwether::costing
