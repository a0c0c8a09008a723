#include "store/key_file.h"

#include <gtest/gtest.h>

namespace bellwether::store {
namespace {

TEST(KeyFile, GivesBackWhatWasWritten) {
  accounts::Key key{.id = "key_1",
                    .name = "앱 \"one\"",
                    .account = "default",
                    .digest = {},
                    .models = {"a", "b/c"},
                    .hint = "hs_abcd…wxyz",
                    .created = WallTime(std::chrono::milliseconds(1'700'000'000'123)),
                    .expires = WallTime(std::chrono::hours(5)),
                    .revoked = std::nullopt};
  for (std::size_t i = 0; i < key.digest.size(); ++i) key.digest[i] = static_cast<std::uint8_t>(i * 9);
  const auto read = keys_from_text(keys_to_text({key, key}));
  ASSERT_TRUE(read);
  ASSERT_EQ(read->size(), 2U);
  const accounts::Key& back = (*read)[1];
  EXPECT_EQ(back.name, key.name);
  EXPECT_EQ(back.digest, key.digest);
  EXPECT_EQ(back.models, key.models);
  EXPECT_EQ(back.created, key.created);
  EXPECT_EQ(back.expires, key.expires);
  EXPECT_FALSE(back.revoked);
}

TEST(KeyFile, IsEmptyWhereThereIsNone) { EXPECT_EQ(keys_from_text("")->size(), 0U); }

TEST(KeyFile, RefusesToForgetKeysInADamagedFile) {
  EXPECT_FALSE(keys_from_text("nonsense\n"));
  const auto cut = keys_from_text(keys_to_text({{.id = "k"}}).substr(0, 60));
  ASSERT_FALSE(cut);
  EXPECT_NE(cut.error().detail.text.str().find("line 2"), std::string::npos);
}

}  // namespace
}  // namespace bellwether::store
