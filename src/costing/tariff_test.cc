#include "costing/tariff.h"

#include <gtest/gtest.h>

#include <random>

#include "costing/price_list.h"

namespace bellwether::costing {
namespace {

Money usd(const char* text) { return parse_money(text).value(); }
Money cost(const Tokens& tokens, const Tariff& tariff) { return cost_of(tokens, tariff, shares_of_windows(tariff, evenly_spread()), 0); }
Tariff flat(const char* input, const char* cached, const char* output) {
  return {.price = {usd(input), *cached == '\0' ? std::nullopt : std::optional(usd(cached)), usd(output)}};
}

constexpr Tokens seed{.input = 100'000'000, .cached = 0, .output = 50'000'000};
constexpr Tokens seed_with_hits{.input = 100'000'000, .cached = 56'300'000, .output = 50'000'000};

// The table of what 100 M + 50 M cost at each list price, from the domain's reference.
TEST(Tariff, ReproducesTheListPricesOfTheStory) {
  EXPECT_EQ(cost(seed, flat("0.42", "", "0.42")), usd("63"));
  EXPECT_EQ(cost(seed, flat("0.27", "0.07", "1.10")), usd("82"));
  EXPECT_EQ(cost(seed_with_hits, flat("0.27", "0.07", "1.10")), usd("70.74"));
  EXPECT_EQ(cost(seed_with_hits, flat("0.135", "0.035", "0.55")), usd("35.37"));
  EXPECT_EQ(cost(seed, flat("0.56", "0.07", "1.68")), usd("140"));
  EXPECT_EQ(cost(seed_with_hits, flat("0.56", "0.07", "1.68")), usd("112.413"));
  EXPECT_EQ(cost(seed, flat("0.28", "0.028", "0.42")), usd("49"));
  EXPECT_EQ(cost(seed_with_hits, flat("0.28", "0.028", "0.42")), usd("34.8124"));
  EXPECT_EQ(cost(seed_with_hits, flat("0.14", "0.0028", "0.28")), usd("20.27564"));
}

TEST(Tariff, AMissingCachedPriceIsTheFullOneAndNeverNothing) {
  EXPECT_EQ(cost(seed_with_hits, flat("0.28", "", "0.42")), cost(seed, flat("0.28", "", "0.42")));
}

TEST(Tariff, PeakHoursOfTheWeekAreWeighedExactly) {
  const PriceEntry* flash = find_price(shipped_prices(), "deepseek-flash", parse_date("2026-11-25").value());
  ASSERT_NE(flash, nullptr);
  // Seven hours on five days: 35 of 168. 45 $ off-peak, 90 $ at peak.
  EXPECT_EQ(cost(seed, flash->tariff), usd("54.375"));
  HoursOfWeek busy{};
  busy[2] = 3;       // Monday 02:00 UTC: peak.
  busy[5 * 24] = 1;  // Saturday: never.
  EXPECT_EQ(cost_of(seed, flash->tariff, shares_of_windows(flash->tariff, busy), 0), usd("78.75"));
}

TEST(Tariff, ABatchDiscountTakesOffItsShareAlone) {
  Tariff tariff = flat("0.42", "", "0.42");
  tariff.batch_discount = 500'000;
  EXPECT_EQ(cost_of(seed, tariff, shares_of_windows(tariff, evenly_spread()), 300'000), usd("53.55"));
}

TEST(Tariff, NoTokensCostNothingAndTooManyAreRefused) {
  EXPECT_EQ(cost({}, flat("0.42", "", "0.42")), Money{});
  EXPECT_THROW(static_cast<void>(cost({tokens_max, 0, tokens_max}, flat("999", "", "999"))), Overflow);
}

TEST(Tariff, CostGrowsWithEveryKindOfTokenAndEveryPrice) {
  std::mt19937_64 random{20261125};
  const auto up_to = [&](std::int64_t max) { return static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(max + 1)); };
  for (int i = 0; i < 2000; ++i) {
    const Money input{up_to(5'000'000'000)}, cached{up_to(input.nano_usd)}, output{up_to(5'000'000'000)};
    Tariff tariff{.price = {input, random() % 2 == 0 ? std::nullopt : std::optional(cached), output}};
    tariff.windows.push_back(
        {.days = {true, true}, .from_minute = 60, .to_minute = 600, .price = {Money{input.nano_usd * 2}, cached, Money{output.nano_usd * 2}}, .name = "peak"});
    HoursOfWeek hours{};
    for (std::int64_t& weight : hours) weight = up_to(1000);
    const Shares shares = shares_of_windows(tariff, hours);
    const std::int64_t tokens = up_to(1'000'000'000'000);
    const Tokens base{tokens, up_to(tokens), up_to(1'000'000'000'000)};
    const Money before = cost_of(base, tariff, shares, 0);
    const std::int64_t more = up_to(1'000'000'000);
    EXPECT_GE(cost_of({base.input + more, base.cached, base.output}, tariff, shares, 0), before);
    EXPECT_GE(cost_of({base.input, base.cached, base.output + more}, tariff, shares, 0), before);
    EXPECT_LE(cost_of({base.input, base.cached + up_to(base.input - base.cached), base.output}, tariff, shares, 0), before);
    Tariff dearer = tariff;
    dearer.price.output = Money{output.nano_usd + more};
    EXPECT_GE(cost_of(base, dearer, shares, 0), before);
    EXPECT_LE(cost_of(base, tariff, shares, up_to(whole)), before);
  }
}

}  // namespace
}  // namespace bellwether::costing
