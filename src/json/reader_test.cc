#include "json/reader.h"

#include <gtest/gtest.h>

namespace bellwether::json {
namespace {

/// A text with the padding that a Reader wants.
std::string padded(std::string text) {
  text.reserve(text.size() + padding);
  return text;
}

TEST(Reader, ListsMembersWithTheirText) {
  const std::string text = padded(R"( {"model" : "a\"b" , "n":12 ,"x":{"y":[1,"}"]},"t":true} )");
  Reader reader;
  const auto members = reader.members(text);
  ASSERT_TRUE(members);
  ASSERT_EQ(members->size(), 4U);
  EXPECT_EQ((*members)[0].key, "model");
  EXPECT_EQ((*members)[0].raw, R"("a\"b")");
  EXPECT_EQ((*members)[1].raw, "12");
  EXPECT_EQ((*members)[2].raw, R"({"y":[1,"}"]})");
  EXPECT_EQ((*members)[2].kind, Kind::object);
  EXPECT_EQ((*members)[3].kind, Kind::boolean);
}

TEST(Reader, UnescapesKeys) {
  const std::string text = padded(R"({"mo\u0064el":1})");
  Reader reader;
  const auto members = reader.members(text);
  ASSERT_TRUE(members);
  EXPECT_EQ(find(*members, "model")->raw, "1");
}

TEST(Reader, TakesTheLastOfDuplicates) {
  const std::string text = padded(R"({"a":1,"a":2})");
  Reader reader;
  EXPECT_EQ(find(*reader.members(text), "a")->raw, "2");
}

TEST(Reader, RefusesWhatIsNoJsonObject) {
  Reader reader;
  for (const char* text : {"",
                           " ",
                           "{",
                           "[]",
                           "1",
                           "null",
                           "\"a\"",
                           "{}x",
                           "{} {}",
                           R"({"a"})",
                           R"({"a":})",
                           R"({"a":1,})",
                           R"({a:1})",
                           R"({"a":tru})",
                           R"({"a":1 "b":2})",
                           R"({"a":[1,2})",
                           R"({"a":"x)",
                           "{\"a\":\"\x01\"}",
                           "{\"a\":\"\xff\"}",
                           R"({"a":01})"}) {
    const std::string document = padded(text);
    const auto members = reader.members(document);
    ASSERT_FALSE(members) << text;
    EXPECT_EQ(members.error().reason, Reason::request_malformed);
    EXPECT_FALSE(members.error().about.text.empty());
  }
}

TEST(Reader, RefusesAbsurdNestingAtOnce) {
  const std::string text = padded(R"({"a":)" + std::string(100'000, '[') + std::string(100'000, ']') + "}");
  Reader reader;
  EXPECT_FALSE(reader.members(text));
  EXPECT_FALSE(reader.outline(text));
}

TEST(Reader, OutlineRefusesACutDocumentAtEveryByte) {
  const std::string whole = R"({"id":"x","choices":[{"delta":{"content":"안녕 \"}"}}],"n":null})";
  Reader reader;
  for (std::size_t size = 0; size < whole.size(); ++size) EXPECT_FALSE(reader.outline(padded(whole.substr(0, size)))) << size;
  EXPECT_TRUE(reader.outline(padded(whole)));
}

TEST(Unquote, ResolvesEscapes) {
  EXPECT_EQ(unquote(R"("a\n\u00e9\ud83d\ude00\/")"), "a\n\xC3\xA9\xF0\x9F\x98\x80/");
  EXPECT_EQ(unquote(R"("\ud83d")"), "\xEF\xBF\xBD");
  EXPECT_EQ(unquote("12"), std::nullopt);
  EXPECT_EQ(unquote(R"("\x")"), std::nullopt);
}

TEST(Unquoter, PutsCharactersTogetherThatWereCutInTwo) {
  Unquoter unquoter;
  std::string out;
  EXPECT_TRUE(unquoter.append(out, R"("a\\ud83d \ud83d")"));
  EXPECT_TRUE(unquoter.mid_character());
  EXPECT_EQ(out, "a\\ud83d ");
  EXPECT_TRUE(unquoter.append(out, R"("")"));
  EXPECT_TRUE(unquoter.mid_character());
  EXPECT_TRUE(unquoter.append(out, R"("\ude00!\n")"));
  EXPECT_FALSE(unquoter.mid_character());
  EXPECT_EQ(out, "a\\ud83d \xF0\x9F\x98\x80!\n");
}

TEST(Unquoter, ReplacesAHalfWhoseOtherHalfNeverComes) {
  Unquoter unquoter;
  std::string out;
  EXPECT_TRUE(unquoter.append(out, R"("\ud83d")"));
  EXPECT_TRUE(unquoter.append(out, R"("양")"));
  EXPECT_EQ(out, "\xEF\xBF\xBD양");
  EXPECT_FALSE(unquoter.append(out, "null"));
  EXPECT_FALSE(unquoter.append(out, R"("\x")"));
}

TEST(Quote, EscapesWhatJsonDoesNotAllow) {
  EXPECT_EQ(quote("a\"b\\\n\x01"), R"("a\"b\\\n\u0001")");
  EXPECT_EQ(quote("한\xff"), "\"한\xEF\xBF\xBD\"");
}

TEST(ToInteger, TakesWholeNumbersOnly) {
  EXPECT_EQ(to_integer("-12"), -12);
  for (const char* text : {"", "1.0", "1e3", "9223372036854775808", "a", "1 "}) EXPECT_EQ(to_integer(text), std::nullopt) << text;
}

TEST(Reader, BoundsNoNumber) {
  Reader reader;
  for (const char* text : {R"({"a":123456789012345678901234567890})", R"({"a":[-1e4000,0.5]})", R"({"a":1e-999,"b":"1\\"})"})
    EXPECT_TRUE(reader.members(padded(text))) << text;
  for (const char* text : {R"({"a":0123456789012345678901234567890})", R"({"a":1e4000x})", R"({"a":1e4000 2})", R"({"a":1.e4})", R"({"a":-})"})
    EXPECT_FALSE(reader.members(padded(text))) << text;
}

}  // namespace
}  // namespace bellwether::json
