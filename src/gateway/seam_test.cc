#include "gateway/seam.h"

#include <gtest/gtest.h>

#include <initializer_list>
#include <string>

namespace bellwether::gateway {
namespace {

/// What the caller gets of `pieces` after it has seen `shown`, of which the upstream was given all but the white space at the end.
std::string joined(const std::string& shown, Echo echo, std::initializer_list<std::string_view> pieces) {
  Seam seam{shown, shown.find_last_not_of(" \n\t") + 1, echo};
  std::string out;
  for (const std::string_view piece : pieces) EXPECT_TRUE(seam.take(json::quote(piece), shown, out));
  seam.end(shown, out);
  EXPECT_TRUE(seam.open() || out.empty());
  return out;
}

const std::string sentence = "한 번 더: the quick brown fox jumps 👋🏽 over";

TEST(Seam, LeavesNothingOutWhereNothingRepeats) {
  EXPECT_EQ(joined("Hello", Echo::never, {" world", "!"}), " world!");
  EXPECT_EQ(joined("ha ha ha", Echo::never, {" ha", " ha ha"}), " ha ha ha");
  EXPECT_EQ(joined("ha", Echo::maybe, {"ha", "ha"}), "haha");
}

TEST(Seam, LeavesOutTheWhiteSpaceThatTheCallerHas) {
  EXPECT_EQ(joined("def f():\n  ", Echo::never, {"\n", "  return"}), "return");
  EXPECT_EQ(joined("def f():\n  ", Echo::never, {"\n    return"}), "  return");
  EXPECT_EQ(joined("a ", Echo::never, {"b"}), "b");
  EXPECT_EQ(joined("a \n", Echo::never, {" ", "b"}), "b");
}

TEST(Seam, CountsPiecesThatWereSaidTwice) {
  const std::string shown = "a\n ";
  Seam seam{shown, 1, Echo::never};
  std::string out;
  EXPECT_TRUE(seam.take(R"("\n")", shown, out));
  EXPECT_FALSE(seam.open());
  EXPECT_TRUE(seam.take(R"(" b")", shown, out));
  EXPECT_TRUE(seam.open());
  EXPECT_EQ(out, "b");
  EXPECT_EQ(seam.repeated_pieces(), 1);
}

TEST(Seam, LeavesOutAnEchoOfTheWhole) {
  EXPECT_EQ(joined(sentence, Echo::maybe, {sentence, " the"}), " the");
  EXPECT_EQ(joined(sentence, Echo::maybe, {sentence + " the"}), " the");
  EXPECT_EQ(joined(sentence + " ", Echo::maybe, {sentence + " the"}), "the");
  EXPECT_EQ(joined(sentence, Echo::never, {sentence}), sentence);
}

TEST(Seam, TakesNothingForAnEchoThatIsNotTheWhole) {
  for (std::size_t size = 1; size < sentence.size(); ++size) {
    if ((static_cast<unsigned char>(sentence[size]) & 0xC0) == 0x80) continue;
    const std::string part = sentence.substr(0, size);
    EXPECT_EQ(joined(sentence, Echo::maybe, {part, "~"}), part + "~");
    EXPECT_EQ(joined(sentence, Echo::maybe, {part}), part);
  }
}

TEST(Seam, TakesARepeatingTextForAnAnswerThatGoesOn) {
  std::string laughter = "ha";
  while (laughter.size() < 64) laughter += " ha";
  EXPECT_EQ(joined(laughter, Echo::maybe, {laughter, " ha"}), laughter + " ha");
}

TEST(Seam, NeverCutsACharacter) {
  // An ideographic space and the comma after it in Unicode differ in their last byte.
  const std::string shown = "양\xE3\x80\x80";
  Seam seam{shown, 3, Echo::never};
  std::string out;
  EXPECT_TRUE(seam.take(json::quote("\xE3\x80\x81"), shown, out));
  EXPECT_EQ(out, "\xE3\x80\x81");
}

TEST(Seam, JoinsACharacterWhoseHalvesComeApart) {
  const std::string shown = "a ";
  Seam seam{shown, 1, Echo::never};
  std::string out;
  EXPECT_TRUE(seam.take(R"(" \ud83d")", shown, out));
  EXPECT_FALSE(seam.open());
  EXPECT_TRUE(seam.take(R"("\ude00")", shown, out));
  EXPECT_TRUE(seam.open());
  EXPECT_EQ(out, "\xF0\x9F\x98\x80");
}

}  // namespace
}  // namespace bellwether::gateway
