#include "importing/scalars.h"

#include <gtest/gtest.h>

namespace bellwether::importing {
namespace {

Yaml scalar(std::string text, bool quoted = false) { return {.kind = Yaml::Kind::scalar, .text = std::move(text), .quoted = quoted}; }

std::string million(std::string_view text) {
  const auto price = per_million(text);
  return price ? price->usd + (price->exact ? "" : " rounded") : "none";
}

TEST(PerMillion, IsExactDigitByDigit) {
  EXPECT_EQ(million("4.2e-07"), "0.42");
  EXPECT_EQ(million("0.00000042"), "0.42");
  EXPECT_EQ(million("2.8E-8"), "0.028");
  EXPECT_EQ(million("0"), "0");
  EXPECT_EQ(million("0.0"), "0");
  EXPECT_EQ(million("1e-5"), "10");
  EXPECT_EQ(million("0.000123456789012"), "123.456789012");
  EXPECT_EQ(million("3"), "3000000");
}

TEST(PerMillion, RoundsUpAtTheNinthPlace) {
  EXPECT_EQ(million("0.0001234567890123"), "123.456789013 rounded");
  EXPECT_EQ(million("0.0000000000000001"), "0.000000001 rounded");
  EXPECT_EQ(million("0.0000019999999999999"), "2 rounded");
}

TEST(PerMillion, RefusesWhatIsNoPrice) {
  for (const std::string_view text : {"", "-1", "abc", "1e", "1e999", "1.2.3", "1e41", ".", "nan"}) EXPECT_EQ(million(text), "none") << text;
}

TEST(Seconds, AreWholeMillisecondsUpToAYear) {
  EXPECT_EQ(seconds_of(scalar("600")), Milliseconds(600'000));
  EXPECT_EQ(seconds_of(scalar("0.25")), Milliseconds(250));
  EXPECT_EQ(seconds_of(scalar("30", true)), Milliseconds(30'000));
  for (const char* text : {"0", "-1", "ten", "1e12", "os.environ/T"}) EXPECT_EQ(seconds_of(scalar(text)), std::nullopt) << text;
}

TEST(EnvironmentReference, TakesNamesThatAShellCanSet) {
  EXPECT_EQ(environment_reference(scalar("os.environ/DEEPSEEK_API_KEY")), "DEEPSEEK_API_KEY");
  EXPECT_EQ(environment_reference(scalar("os.environ/1X")), std::nullopt);
  EXPECT_EQ(environment_reference(scalar("os.environ/A B")), std::nullopt);
  EXPECT_EQ(environment_reference(scalar("sk-123")), std::nullopt);
}

TEST(TomlValue, KeepsTypesAndQuotesEveryKey) {
  const auto yaml = read_yaml("a: 1\nb: [true, 0.5, \"1\", 1.0]\nc d: {e: \"x\\n\\\"y\"}\n");
  ASSERT_TRUE(yaml.has_value());
  EXPECT_EQ(toml_value(*yaml), R"({ "a" = 1, "b" = [true, 0.5, "1", 1.0], "c d" = { "e" = "x\n\"y" } })");
  EXPECT_EQ(toml_value(*read_yaml("a: null\n")), std::nullopt);
}

}  // namespace
}  // namespace bellwether::importing
