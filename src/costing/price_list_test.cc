#include "costing/price_list.h"

#include <gtest/gtest.h>

namespace bellwether::costing {
namespace {

Date date(const char* text) { return parse_date(text).value(); }
Money usd(const char* text) { return parse_money(text).value(); }

std::string problem_of(const std::string& toml) {
  const auto read = read_price_list(toml, "p.toml");
  const auto* problems = std::get_if<std::vector<config::Problem>>(&read);
  return problems == nullptr ? "none" : config::to_text(problems->front());
}

const std::string head = "[[price]]\nprovider = \"a\"\nmodel = \"m\"\nvalid_from = \"2026-01-01\"\nsource = \"s\"\nchecked = \"2026-01-02\"\n";

TEST(PriceList, TheShippedOneIsRead) {
  const PriceList& list = shipped_prices();
  ASSERT_FALSE(list.empty());
  for (const PriceEntry& entry : list) EXPECT_TRUE(entry.source.starts_with("https://")) << entry.name();
}

TEST(PriceList, AnAliasMeansWhatItMeantOnTheDay) {
  const PriceList& list = shipped_prices();
  EXPECT_EQ(find_price(list, "deepseek-chat", date("2025-10-15"))->tariff.price.input, usd("0.28"));
  EXPECT_EQ(find_price(list, "deepseek-chat", date("2025-06-01"))->tariff.price.output, usd("1.10"));
  EXPECT_EQ(find_price(list, "deepseek-chat", date("2026-06-01"))->model, "deepseek-v4-flash");
  EXPECT_EQ(find_price(list, "deepseek-chat", date("2026-11-25")), nullptr);  // Shut down in July 2026.
  EXPECT_EQ(find_past_price(list, "deepseek-chat", date("2026-11-25"))->model, "deepseek-v4-flash");
  EXPECT_EQ(find_price(list, "deepseek/deepseek-flash", date("2026-11-25"))->tariff.price.output, usd("0.60"));
  EXPECT_EQ(find_price(list, "deepseek-flash", date("2026-09-09")), nullptr);
  EXPECT_EQ(find_price(list, "no such model", date("2026-11-25")), nullptr);
}

TEST(PriceList, ANameOfTwoProvidersIsNotGuessed) {
  const std::string other =
      "[[price]]\nprovider = \"b\"\nmodel = \"m\"\nvalid_from = \"2026-01-01\"\nsource = \"s\"\nchecked = \"2026-01-02\"\ninput = \"2\"\noutput = \"2\"\n";
  const auto read = read_price_list(head + "input = \"1\"\noutput = \"1\"\n" + other, "p.toml");
  const auto& list = std::get<PriceList>(read);
  EXPECT_EQ(find_price(list, "m", date("2026-02-01")), nullptr);
  EXPECT_EQ(find_price(list, "b/m", date("2026-02-01"))->tariff.price.input, usd("2"));
}

TEST(PriceList, TellsWhatIsWrongAndWhere) {
  EXPECT_EQ(problem_of(head + "inptu = \"1\"\noutput = \"1\"\n"), "p.toml:1:1: a price needs input and output: an unpriced token is not a free one");
  EXPECT_EQ(problem_of(head + "input = \"1\"\ncached_input = \"2\"\noutput = \"1\"\n"),
            "p.toml:8:16: cached_input in [[price]] is above input: cached tokens never cost more");
  EXPECT_EQ(problem_of(head + "input = 1\noutput = \"1\"\n"),
            "p.toml:7:9: input in [[price]] must be USD per million tokens as a decimal string such as \"0.42\", below 1000");
  EXPECT_EQ(problem_of(head + "input = \"1\"\noutput = \"1\"\nsorce = \"x\"\n"), "p.toml:9:1: unknown key sorce in [[price]]; did you mean source?");
  EXPECT_EQ(problem_of("x = \xC3\xA9\n").substr(0, 11), "p.toml:1:5:");
  EXPECT_EQ(problem_of("").substr(0, 7), "p.toml:");
}

TEST(PriceList, TwoPricesAtOneTimeAreAProblem) {
  const std::string one = head + "input = \"1\"\noutput = \"1\"\n";
  EXPECT_NE(problem_of(one + one).find("has another price at the same time"), std::string::npos);
}

TEST(PriceList, WindowsAreMovedToUtcAndMayNotOverlap) {
  const std::string window = "[[price.window]]\ndays = [\"mon\"]\nfrom = \"08:00\"\nto = \"10:00\"\nzone = \"Asia/Seoul\"\ninput = \"2\"\noutput = \"2\"\n";
  const auto read = read_price_list(head + "input = \"1\"\noutput = \"1\"\n" + window, "p.toml");
  const auto& list = std::get<PriceList>(read);
  // Monday 08:00 to 10:00 in Seoul is Sunday 23:00 to Monday 01:00 in UTC.
  const auto minutes = minutes_of(list.front().tariff.windows.front());
  ASSERT_EQ(minutes.size(), 2u);
  EXPECT_EQ(minutes[0], (std::pair{6 * 1440 + 23 * 60, 7 * 1440}));
  EXPECT_EQ(minutes[1], (std::pair{0, 60}));
  EXPECT_NE(problem_of(head + "input = \"1\"\noutput = \"1\"\n" + window + window).find("overlap"), std::string::npos);
}

}  // namespace
}  // namespace bellwether::costing
