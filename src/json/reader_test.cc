#include "json/reader.h"

#include <gtest/gtest.h>
#include <simdjson.h>

#include <array>
#include <random>

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

/// simdjson's word on a document; nothing where it has a bound of its own that we have not (the size of numbers).
std::optional<bool> second_opinion(const std::string& text) {
  simdjson::dom::parser parser;
  simdjson::dom::element document;
  const simdjson::error_code error = parser.parse(text.data(), text.size()).get(document);
  if (error == simdjson::NUMBER_ERROR) return std::nullopt;
  return error == simdjson::SUCCESS && document.is_object();
}

TEST(Reader, JudgesAsSimdjsonDoes) {
  constexpr std::array<std::string_view, 8> seeds{
      R"({"model":"m","messages":[{"role":"user","content":"안녕 \"x\" \n\u00e9\ud83d\ude00"}],"n":1,"t":0.5,"s":true,"u":null})",
      R"( { "a" : [ ] , "b" : { } , "c" : [ [ 1 , -2.5e+3 ] , { "d" : false } ] } )",
      R"({"":"","\\":"\/\b\f\r\t","e":[0,-0,1e5,1E-5,10.01]})",
      R"({"a":"a string of more than sixteen bytes, so that it spans blocks \\","b":"0123456789abcdef","c":"0123456789abcde"})",
      R"([{"a":1}])",
      R"({"a":{"b":{"c":[{"d":[[[["x"]]]]}]}}})",
      R"({"\u0041":"\ud83d","b":"\ude00"})",
      "{\"a\":\"\t\"}",
  };
  constexpr std::string_view alphabet = "{}[]\":,\\ut0159.eE+-\n nfabr/\x01\x7f\xc3\xa9\xed\xff";
  std::mt19937 random{20261125};
  Reader reader;
  std::size_t good = 0, judged = 0;
  for (int round = 0; round < 60'000; ++round) {
    std::string text(seeds[random() % seeds.size()]);
    for (unsigned changes = random() % 4; changes > 0 && !text.empty(); --changes) {
      const std::size_t at = random() % text.size();
      switch (random() % 4) {
        case 0: text[at] = alphabet[random() % alphabet.size()]; break;
        case 1: text.erase(at, 1 + random() % 3); break;
        case 2: text.insert(at, 1, alphabet[random() % alphabet.size()]); break;
        default: text.resize(at); break;
      }
    }
    text = padded(std::move(text));
    const auto theirs = second_opinion(text);
    if (!theirs) continue;
    const auto ours = reader.members(text);
    ASSERT_EQ(ours.has_value(), *theirs) << text;
    // What is valid, the lenient reader reads to the same members.
    if (ours) {
      const std::vector<Member> strict(ours->begin(), ours->end());
      std::vector<std::string> keys;
      for (const Member& member : strict) keys.emplace_back(member.key);
      const auto outlined = reader.outline(text);
      ASSERT_TRUE(outlined) << text;
      ASSERT_EQ(outlined->size(), strict.size()) << text;
      for (std::size_t i = 0; i < strict.size(); ++i) {
        EXPECT_EQ((*outlined)[i].key, keys[i]);
        EXPECT_EQ((*outlined)[i].raw, strict[i].raw);
        EXPECT_EQ((*outlined)[i].kind, strict[i].kind);
      }
    }
    ++judged;
    good += *theirs ? 1 : 0;
  }
  EXPECT_GT(judged, 50'000U);
  EXPECT_GT(good, 10'000U);
}

TEST(Reader, NestsAsDeepAsItSays) {
  Reader reader;
  const auto nested = [](std::size_t levels) { return padded(R"({"a":)" + std::string(levels - 1, '[') + std::string(levels - 1, ']') + "}"); };
  EXPECT_TRUE(reader.members(nested(1'024)));
  EXPECT_TRUE(reader.outline(nested(1'024)));
  const auto deeper = reader.members(nested(1'025));
  ASSERT_FALSE(deeper);
  EXPECT_NE(deeper.error().about.text.str().find("1,024"), std::string::npos);
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
