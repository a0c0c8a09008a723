#include "json/patch.h"

#include <gtest/gtest.h>

#include <array>

namespace bellwether::json {
namespace {

std::string padded(std::string text) {
  text.reserve(text.size() + padding);
  return text;
}

TEST(Patch, ReplacesAValueAndLeavesTheRestAlone) {
  const std::string text = padded(R"({"model" : "a", "big":12345678901234567890})");
  Reader reader;
  Patch patch{text};
  patch.replace(find(*reader.members(text), "model")->raw, "\"b\"");
  EXPECT_EQ(patch.apply(), R"({"model" : "b", "big":12345678901234567890})");
  EXPECT_EQ(patch.size(), patch.apply().size());
}

TEST(WithoutMembers, LeavesTheOthersAsTheyStand) {
  Reader reader;
  constexpr std::array<std::string_view, 2> names{"x", "y"};
  for (const auto& [text, left] : {std::pair{R"({"x":1,"y":2,"a" : 1.50,"b":{"x":3}})", R"({"a":1.50,"b":{"x":3}})"},
                                   {R"({ "a":1, "x":"}" })", R"({"a":1})"},
                                   {R"({"x":1,"a":2,"x":3,"a":4})", R"({"a":2,"a":4})"},
                                   {R"({"x":1})", "{}"},
                                   {"{}", "{}"}})
    EXPECT_EQ(without_members(padded(text), names, reader), left);
}

TEST(Patch, AddsMembersInOrder) {
  const std::string text = padded(R"({"a":1 })");
  Patch patch{text};
  patch.add_member(text, "b", "2");
  patch.add_member(text, "c", "3");
  EXPECT_EQ(patch.apply(), R"({"a":1 ,"b":2,"c":3})");
}

TEST(Patch, AddsToAnEmptyObjectWithoutAComma) {
  const std::string text = padded("{ }");
  Patch patch{text};
  patch.add_member(text, "b", "2");
  patch.add_member(text, "c", "3");
  EXPECT_EQ(patch.apply(), R"({ "b":2,"c":3})");
}

TEST(Patch, RemovesAMemberWithItsComma) {
  const std::string text = padded(R"({"a":1, "b":2, "c":3})");
  for (const auto& [name, expected] : {std::pair{"a", R"({"b":2, "c":3})"}, {"b", R"({"a":1, "c":3})"}, {"c", R"({"a":1, "b":2})"}}) {
    Reader reader;
    Patch patch{text};
    patch.remove_member(text, *find(*reader.members(text), name));
    EXPECT_EQ(patch.apply(), expected);
  }
}

TEST(Patch, RemovesTheOnlyMemberAndAddsAnother) {
  const std::string text = padded(R"({"a":1})");
  Reader reader;
  Patch patch{text};
  patch.remove_member(text, *find(*reader.members(text), "a"));
  patch.add_member(text, "b", "2");
  EXPECT_EQ(patch.apply(), R"({"b":2})");
}

}  // namespace
}  // namespace bellwether::json
