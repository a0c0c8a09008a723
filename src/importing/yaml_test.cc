#include "importing/yaml.h"

#include <gtest/gtest.h>

#include <fmt/format.h>

namespace bellwether::importing {
namespace {

Yaml read(std::string_view text) {
  auto yaml = read_yaml(text);
  EXPECT_TRUE(yaml.has_value()) << (yaml ? "" : yaml.error().text);
  return yaml ? *yaml : Yaml{};
}

TEST(Yaml, KnowsWhereEverythingStands) {
  const Yaml root = read("a:\n  b: 1\n  c: [x, {d: y}]\n");
  const Yaml& a = *root.find("a");
  EXPECT_EQ(a.members[0].at, (Place{2, 3}));
  EXPECT_EQ(a.find("c")->items[1].find("d")->at, (Place{3, 14}));
}

TEST(Yaml, OfAKeyThatStandsTwiceTheLastCounts) {
  const Yaml root = read("a: 1\nb: 2\na: 3\n");
  ASSERT_EQ(root.members.size(), 2U);
  EXPECT_EQ(root.find("a")->text, "3");
  EXPECT_EQ(root.members[0].before, (std::vector<Place>{{1, 1}}));
}

TEST(Yaml, ResolvesAliasesAndMergeKeysBehindWhatTheMapSaysItself) {
  const Yaml root = read("base: &b {x: 1, y: 2}\nit:\n  <<: *b\n  y: 3\n");
  const Yaml& it = *root.find("it");
  EXPECT_EQ(it.find("x")->text, "1");
  EXPECT_EQ(it.find("y")->text, "3");
  EXPECT_EQ(it.find("<<"), nullptr);
}

TEST(Yaml, EscapesOfOneLetterAreUtf8) {
  const Yaml root = read("a: \"é\\N\\_양\\L\\P\\e\"\n");
  EXPECT_EQ(root.find("a")->text, "é\u0085\u00a0양\u2028\u2029\x1b");
}

TEST(Yaml, RefusesABombBeforeItUnfolds) {
  std::string text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 12; ++i) {
    text += fmt::format("a{}: &a{} [", i, i);
    for (int j = 0; j < 10; ++j) text += fmt::format("*a{}{}", i - 1, j < 9 ? ", " : "]\n");
  }
  const auto yaml = read_yaml(text);
  ASSERT_FALSE(yaml.has_value());
  EXPECT_NE(yaml.error().text.find("aliases unfolded"), std::string::npos);
  EXPECT_GT(yaml.error().at.line, 1U);
}

TEST(Yaml, RefusesWhatNestsWithoutEndOrHoldsItself) {
  EXPECT_FALSE(read_yaml(std::string(5'000, '[')).has_value());
  EXPECT_FALSE(read_yaml("a: &a\n  b: *a\n").has_value());
}

TEST(Yaml, RefusesWhatIsNoText) {
  const auto binary = read_yaml(std::string_view("a: 1\nb: \xff\xfe\n", 12));
  ASSERT_FALSE(binary.has_value());
  EXPECT_EQ(binary.error().at.line, 2U);
  EXPECT_FALSE(read_yaml(std::string_view("a\0b", 3)).has_value());
  EXPECT_FALSE(read_yaml("").has_value());
  EXPECT_FALSE(read_yaml("a: 1\n---\nb: 2\n").has_value());
}

TEST(Yaml, TellsWhereTheGrammarIsBroken) {
  const auto broken = read_yaml("a: 1\nb: [1, 2\nc: 3\n");
  ASSERT_FALSE(broken.has_value());
  EXPECT_GE(broken.error().at.line, 2U);
  EXPECT_FALSE(broken.error().text.empty());
}

TEST(Yaml, HasTheTypesOfYaml11) {
  const Yaml root = read("a: yes\nb: Off\nc: \"yes\"\nd: 1_000\ne: 4.2e-07\nf: ~\ng: 1.5.2\nh: .inf\n");
  EXPECT_EQ(root.find("a")->boolean(), true);
  EXPECT_EQ(root.find("b")->boolean(), false);
  EXPECT_EQ(root.find("c")->boolean(), std::nullopt);
  EXPECT_EQ(root.find("d")->integer(), 1000);
  EXPECT_DOUBLE_EQ(*root.find("e")->number(), 4.2e-07);
  EXPECT_EQ(root.find("f")->kind, Yaml::Kind::null);
  EXPECT_EQ(root.find("g")->number(), std::nullopt);
  EXPECT_EQ(root.find("h")->number(), std::nullopt);
}

TEST(Yaml, LeavesAreWhatHoldsNoMap) {
  const std::vector<std::string> expected{"a.b", "a.c[0].d", "a.c[1]", "e", "f"};
  EXPECT_EQ(leaves_of(read("a: {b: 1, c: [{d: 2}, x]}\ne: [1, 2]\nf: {}\n")), expected);
}

}  // namespace
}  // namespace bellwether::importing
