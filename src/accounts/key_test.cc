#include "accounts/key.h"

#include <gtest/gtest.h>

#include "accounts/key_ring.h"

namespace bellwether::accounts {
namespace {

std::array<std::uint8_t, 64> entropy(std::uint8_t first) {
  std::array<std::uint8_t, 64> bytes{};
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::uint8_t>(first + i * 7);
  return bytes;
}

Key key_of(const std::string& text) {
  Key key;
  key.id = "key_1";
  key.digest = digest_of(text);
  key.hint = shown(text);
  return key;
}

TEST(Key, HasPrefixRandomPartAndChecksum) {
  const std::string text = make_key_text(entropy(1));
  EXPECT_EQ(text.size(), key_chars);
  EXPECT_TRUE(well_formed(text));
}

// The same vectors stand in docs/keys.md, for SDKs.
TEST(Key, ChecksumFitsThePublishedVectors) {
  EXPECT_TRUE(well_formed("hs_00000000000000000000000000000000000iqUEf"));
  EXPECT_TRUE(well_formed("hs_Bellwether0123456789abcdefghijklmn4EIEaI"));
}

TEST(Key, NoticesEveryMistypedCharacter) {
  const std::string text = make_key_text(entropy(3));
  for (std::size_t i = 0; i < text.size(); ++i) {
    std::string typo = text;
    typo[i] = typo[i] == 'x' ? 'y' : 'x';
    EXPECT_FALSE(well_formed(typo)) << i;
  }
  EXPECT_FALSE(well_formed(text.substr(0, text.size() - 1)));
}

TEST(Key, DigestIsSha256) {
  const Digest digest = digest_of("abc");
  EXPECT_EQ(digest[0], 0xba);
  EXPECT_EQ(digest[31], 0xad);
}

TEST(Key, ShowsAtMostItsEnds) {
  EXPECT_EQ(shown("hs_abcdefghijklmnopqrstuvwxyz"), "hs_abcd…wxyz");
  EXPECT_EQ(shown("short"), "s…");
}

TEST(KeyMemo, TellsKeysOfOneSlotApart) {
  KeyMemo memo;
  const std::string first = "hs_Bellwether0123456789abcdefghijklmn4EIEaI";
  std::string second = first;
  second.back() = 'J';
  for (int round = 0; round < 2; ++round) {
    EXPECT_EQ(memo.digest_of(first), digest_of(first));
    EXPECT_EQ(memo.digest_of(first), digest_of(first));
    EXPECT_EQ(memo.digest_of(second), digest_of(second));
  }
}

TEST(KeyRing, KnowsItsKeys) {
  KeyMemo memo;
  const std::string text = make_key_text(entropy(1));
  const KeyRing ring{{key_of(text)}};
  EXPECT_TRUE(ring.authenticate("Bearer " + text, {}, memo));
  EXPECT_TRUE(ring.authenticate("bearer  " + text, {}, memo));
}

TEST(KeyRing, SaysWhatIsWrongAndShowsNoSecret) {
  KeyMemo memo;
  const std::string text = make_key_text(entropy(1));
  Key revoked = key_of(text);
  revoked.revoked = WallTime{};
  const KeyRing ring{{revoked}};
  const std::string other = make_key_text(entropy(9));
  const std::pair<std::string, std::string> cases[] = {{"", "no Authorization header"},
                                                       {"Basic abc", "not of the form"},
                                                       {"Bearer sk-" + std::string(40, 'a'), "another vendor's key"},
                                                       {"Bearer xy", "begins with hs_"},
                                                       {"Bearer " + other.substr(0, 42) + "!", "mistyped"},
                                                       {"Bearer " + other, "Incorrect API key provided: "},
                                                       {"Bearer " + text, "revoked"}};
  for (const auto& [header, fragment] : cases) {
    const auto caller = ring.authenticate(header, {}, memo);
    ASSERT_FALSE(caller);
    const std::string& message = caller.error().about.text;
    EXPECT_TRUE(message.starts_with("Incorrect API key provided")) << message;
    EXPECT_NE(message.find(fragment), std::string::npos) << message;
    if (header.size() > 20) {
      EXPECT_EQ(message.find(header.substr(7)), std::string::npos) << message;
    }
  }
}

TEST(KeyRing, RefusesAnExpiredKey) {
  KeyMemo memo;
  const std::string text = make_key_text(entropy(1));
  Key key = key_of(text);
  key.expires = WallTime{} + std::chrono::hours(1);
  const KeyRing ring{{key}};
  EXPECT_TRUE(ring.authenticate("Bearer " + text, WallTime{}, memo));
  EXPECT_FALSE(ring.authenticate("Bearer " + text, WallTime{} + std::chrono::hours(1), memo));
}

TEST(Caller, MayUseWhatItsKeyNames) {
  Key key;
  EXPECT_TRUE(may_use(Caller{&key}, "m"));
  key.models = {"a", "b"};
  EXPECT_TRUE(may_use(Caller{&key}, "b"));
  EXPECT_FALSE(may_use(Caller{&key}, "m"));
}

}  // namespace
}  // namespace bellwether::accounts
