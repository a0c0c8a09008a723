#include <gtest/gtest.h>

#include <limits>

#include "base/id.h"
#include "base/money.h"
#include "base/nearest.h"
#include "base/result.h"
#include "base/time.h"

namespace bellwether {
namespace {

TEST(Money, ReadsDecimalsExactly) {
  EXPECT_EQ(parse_money("0.42"), Money{420'000'000});
  EXPECT_EQ(parse_money("5"), Money{5'000'000'000});
  EXPECT_EQ(parse_money("0.000000001"), Money{1});
  EXPECT_EQ(parse_money("9223372036.854775807"), Money{std::numeric_limits<std::int64_t>::max()});
}

TEST(Money, RefusesWhatIsNotAPlainDecimal) {
  for (const char* text : {"", ".", "1.", ".5", "-1", "+1", "1e3", " 1", "1 ", "0.0000000001", "9223372036.854775808", "1.2.3", "0x1"})
    EXPECT_EQ(parse_money(text), std::nullopt) << text;
}

TEST(Money, PrintsNinePlaces) {
  EXPECT_EQ(to_decimal(Money{5'000'000'000}), "5.000000000");
  EXPECT_EQ(to_decimal(Money{-1}), "-0.000000001");
  EXPECT_EQ(to_decimal(Money{std::numeric_limits<std::int64_t>::min()}), "-9223372036.854775808");
}

TEST(Time, PrintsRfc3339InUtc) {
  EXPECT_EQ(to_rfc3339(WallTime{} + std::chrono::milliseconds(1'764'000'000'123)), "2025-11-24T16:00:00.123Z");
  EXPECT_EQ(to_rfc3339(WallTime{} - std::chrono::milliseconds(1)), "1969-12-31T23:59:59.999Z");
}

TEST(RequestId, IsUniqueAndHeaderSafe) {
  Random random{1};
  const RequestId first = RequestId::make(random), second = RequestId::make(random);
  EXPECT_EQ(first.text().substr(0, 4), "req_");
  EXPECT_EQ(first.text().find_first_not_of("0123456789abcdef", 4), std::string_view::npos);
  EXPECT_NE(first.text(), second.text());
}

TEST(Nearest, FindsTypos) {
  const std::string_view known[] = {"deepseek-chat", "deepseek-reasoner", "gpt-4o"};
  EXPECT_EQ(nearest("deepseek-caht", known).front(), "deepseek-chat");
  EXPECT_EQ(nearest("deepseek", known).size(), 2U);
  EXPECT_EQ(nearest("DEEPSEEK", known).size(), 2U);
  EXPECT_TRUE(nearest("llama", known).empty());
}

TEST(Nearest, CountsASwapOfNeighboursAsOne) {
  EXPECT_EQ(edit_distance("listen", "lisetn"), 1U);
  EXPECT_EQ(edit_distance("Listen", "listen"), 0U);
}

TEST(Failure, EveryReasonHasItsOwnName) {
  for (int i = 0; i <= static_cast<int>(Reason::internal); ++i)
    for (int j = 0; j < i; ++j) EXPECT_NE(name_of(static_cast<Reason>(i)), name_of(static_cast<Reason>(j)));
}

TEST(Time, KeptTextFollowsTheClock) {
  WallClockText clock;
  for (const std::int64_t ms : {1'764'000'000'000LL, 1'764'000'000'007LL, 1'764'000'000'999LL, 1'764'000'001'000LL, 5LL, 1'764'000'000'120LL}) {
    const WallTime time{std::chrono::milliseconds(ms)};
    EXPECT_EQ(clock.of(time), to_rfc3339(time));
  }
}

TEST(Time, WritesMillisecondsRoundedToTheMicrosecond) {
  const auto text = [](std::int64_t ns) {
    std::string out = "=";
    append_milliseconds(out, Duration(ns));
    return out;
  };
  EXPECT_EQ(text(0), "=0.000");
  EXPECT_EQ(text(-5'000'000), "=0.000");
  EXPECT_EQ(text(499), "=0.000");
  EXPECT_EQ(text(500), "=0.001");
  EXPECT_EQ(text(1'999'600), "=2.000");
  EXPECT_EQ(text(12'345'678), "=12.346");
  EXPECT_EQ(text(600'000'000'000), "=600000.000");
}

}  // namespace
}  // namespace bellwether
