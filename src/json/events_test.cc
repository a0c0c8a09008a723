#include "json/events.h"

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

namespace bellwether::json {
namespace {

/// Writes down what it is told, with the names of the paths that the tests use.
class Recorder : public Handler {
 public:
  Children begin(Path path, Kind kind, std::string_view) override {
    told.push_back((kind == Kind::object ? "{" : "[") + name(path));
    return path == record ? Children::from_root : Children::onwards;
  }
  void end(Path path, Kind kind) override { told.push_back((kind == Kind::object ? "}" : "]") + name(path)); }
  bool wants(Path path) override { return path != unwanted; }
  void value(Path path, Kind, std::string_view key, std::string_view text) override {
    told.push_back(name(path) + "(" + std::string(key) + ")=" + std::string(text));
  }
  void broken(Trouble trouble) override { told.push_back("broken " + std::to_string(static_cast<int>(trouble))); }

  std::vector<std::string> told;
  Path unwanted = 0, record = 0;

 private:
  static std::string name(Path path) {
    for (const std::string_view known : {"", "a", "b", "a.b", "a[]", "a[].b", "[]", "[].b", "[][]"})
      if (path == path_of(known)) return std::string(known);
    return "?";
  }
};

std::vector<std::string> told_of(std::string_view text, std::size_t step = 1000, Path unwanted = 0, Path record = 0) {
  Recorder recorder;
  recorder.unwanted = unwanted;
  recorder.record = record;
  Events events{recorder};
  for (std::size_t at = 0; at < text.size(); at += step) events.feed(text.substr(at, step));
  events.finish();
  return recorder.told;
}

using Told = std::vector<std::string>;

TEST(Events, TellsWhereEachValueStands) {
  EXPECT_EQ(told_of(R"({"a":{"b":"x"},"b":[]} )"), (Told{"{", "{a", "a.b(b)=x", "}a", "[b", "]b", "}"}));
  EXPECT_EQ(told_of(R"({"a":[{"b":1.5e3},true,null]})"), (Told{"{", "[a", "{a[]", "a[].b(b)=1.5e3", "}a[]", "a[]()=true", "a[]()=null", "]a", "}"}));
}

TEST(Events, AreTheSameHoweverTheBytesAreCut) {
  const std::string_view text = "{\"a\":\"\\u00e9\\n\\\"x\",\"b\":[12,{}]}\nnonsense\n{\"a\":tru}\n[[3]]\n{\"b\":\"cut";
  const Told whole = told_of(text);
  for (std::size_t step = 1; step < 20; ++step) EXPECT_EQ(told_of(text, step), whole) << step;
  EXPECT_EQ(whole[1], "a(a)=\xc3\xa9\n\"x");
}

TEST(Events, GoOnWithTheNextLineAfterABrokenOne) {
  EXPECT_EQ(told_of("{\"a\":1}\n{\"a\":{\"b\":\n{\"b\":2}\n"), (Told{"{", "a(a)=1", "}", "{", "{a", "broken 1", "{", "b(b)=2", "}"}));
  EXPECT_EQ(told_of("{\"a\":1}\n{\"a\":\"cut off\n{\"b\":2}"), (Told{"{", "a(a)=1", "}", "{", "broken 1", "{", "b(b)=2", "}"}));
  EXPECT_EQ(told_of("plain text\n{\"b\":2}"), (Told{"broken 0", "{", "b(b)=2", "}"}));
  EXPECT_EQ(told_of("{]\n{\"b\":2}"), (Told{"{", "broken 1", "{", "b(b)=2", "}"}));
}

TEST(Events, ReadADocumentOverManyLines) { EXPECT_EQ(told_of("{\n  \"a\": 1,\n\n \"b\": 2\n}\n"), (Told{"{", "a(a)=1", "b(b)=2", "}"})); }

TEST(Events, PassOverStringsThatNobodyWants) { EXPECT_EQ(told_of(R"({"a":"long \" text","b":"x"})", 3, path_of("a")), (Told{"{", "b(b)=x", "}"})); }

TEST(Events, StartPathsAnewWithinARecord) { EXPECT_EQ(told_of(R"([{"b":1}])", 100, 0, path_of("[]")), (Told{"[", "{[]", "b(b)=1", "}[]", "]"})); }

TEST(Events, BoundWhatTheyHold) {
  std::string deep(2000, '[');
  EXPECT_EQ(told_of(deep).back(), "broken 2");
  const Told long_text = told_of("{\"a\":\"" + std::string(1 << 20, 'x') + "\"}", 4096);
  ASSERT_EQ(long_text.size(), 3U);
  EXPECT_EQ(long_text[1].size(), Events::text_max + 5);
}

TEST(Events, CountLines) {
  Recorder recorder;
  Events events{recorder};
  events.feed("{\"a\":1}\nx\n\n{\"a\":\n");
  EXPECT_EQ(events.line(), 5U);
}

}  // namespace
}  // namespace bellwether::json
