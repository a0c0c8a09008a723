#include "accounts/key_book.h"

#include <gtest/gtest.h>

#include "accounts/key_ring.h"

namespace bellwether::accounts {
namespace {

constexpr WallTime now{std::chrono::hours(1000)};

KeyEntropy entropy(std::uint8_t seed) {
  KeyEntropy bytes;
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::uint8_t>(seed + i * 7);
  return bytes;
}

TEST(KeyBook, MakesKeysThatTheRingKnows) {
  KeyMemo memo;
  std::vector<Key> keys;
  const auto made = create_key(keys, {.name = "app", .account = "default", .models = {"m"}, .expires_in = std::chrono::hours(1)}, entropy(1), now);
  ASSERT_TRUE(made);
  EXPECT_TRUE(well_formed(made->text));
  const KeyRing ring{keys};
  EXPECT_TRUE(ring.authenticate("Bearer " + made->text, now, memo));
  EXPECT_FALSE(ring.authenticate("Bearer " + made->text, now + std::chrono::hours(1), memo));
}

TEST(KeyBook, RevokesByIdAndByName) {
  KeyMemo memo;
  std::vector<Key> keys;
  const auto first = create_key(keys, {.name = "a"}, entropy(1), now);
  const auto second = create_key(keys, {.name = "b"}, entropy(2), now);
  ASSERT_TRUE(revoke_key(keys, first->key.id, now));
  ASSERT_TRUE(revoke_key(keys, "b", now));
  const KeyRing ring{keys};
  EXPECT_FALSE(ring.authenticate("Bearer " + first->text, now, memo));
  EXPECT_FALSE(ring.authenticate("Bearer " + second->text, now, memo));
  const auto again = revoke_key(keys, "b", now + std::chrono::hours(1));
  ASSERT_TRUE(again);
  EXPECT_EQ(again->revoked, now);
}

TEST(KeyBook, AsksWhichOneWhenANameIsSharedAndWhatWasMeantWhenThereIsNone) {
  std::vector<Key> keys;
  std::ignore = create_key(keys, {.name = "app"}, entropy(1), now);
  std::ignore = create_key(keys, {.name = "app"}, entropy(2), now);
  const auto shared = revoke_key(keys, "app", now);
  ASSERT_FALSE(shared);
  EXPECT_NE(shared.error().about.text.str().find(keys[1].id), std::string::npos);
  const auto none = revoke_key(keys, "ap", now);
  ASSERT_FALSE(none);
  EXPECT_NE(none.error().about.text.str().find("did you mean app?"), std::string::npos);
}

TEST(KeyBook, RotatesIntoAKeyOfTheSameRights) {
  KeyMemo memo;
  std::vector<Key> keys;
  const auto first = create_key(keys, {.name = "app", .account = "default", .models = {"m"}, .expires_in = std::chrono::hours(2)}, entropy(1), now);
  const auto second = rotate_key(keys, "app", entropy(2), now + std::chrono::hours(1));
  ASSERT_TRUE(second);
  EXPECT_EQ(second->key.models, first->key.models);
  EXPECT_EQ(second->key.expires, first->key.expires);
  const KeyRing ring{keys};
  EXPECT_FALSE(ring.authenticate("Bearer " + first->text, now, memo));
  EXPECT_TRUE(ring.authenticate("Bearer " + second->text, now, memo));
  EXPECT_FALSE(rotate_key(keys, first->key.id, entropy(3), now));
}

TEST(KeyBook, RefusesWhatCannotBe) {
  std::vector<Key> keys;
  EXPECT_FALSE(create_key(keys, {.name = ""}, entropy(1), now));
  EXPECT_FALSE(create_key(keys, {.name = "a\nb"}, entropy(1), now));
  EXPECT_FALSE(create_key(keys, {.name = "a", .account = "other"}, entropy(1), now));
  EXPECT_FALSE(create_key(keys, {.name = "a", .account = "default", .models = {}, .expires_in = Duration{}}, entropy(1), now));
  EXPECT_TRUE(keys.empty());
}

}  // namespace
}  // namespace bellwether::accounts
