// The rules for making and ending keys. Values in, values out: store/ keeps what comes of it.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "accounts/key.h"
#include "base/result.h"

namespace bellwether::accounts {

/// What the operator asks for.
struct KeyWish {
  std::string name;  ///< 1 to 100 bytes without control characters; need not be unique.
  std::string account = "default";
  std::vector<std::string> models;  ///< Canonical names; empty: all.
  std::optional<Duration> expires_in;
};

struct MadeKey {
  Key key;
  std::string text;  ///< The key itself: shown once and kept nowhere.
};

/// 64 bytes for the key's text, 8 for its id; from the system's randomness.
using KeyEntropy = std::array<std::uint8_t, 72>;

inline constexpr std::size_t keys_max = 1'000'000;

/// Adds a key to `keys`. Fails with request_malformed for a wish that cannot be.
[[nodiscard]] Result<MadeKey> create_key(std::vector<Key>& keys, const KeyWish& wish, const KeyEntropy& entropy, WallTime now);

/// Marks a key as revoked, by id or by name, and returns it; one that was revoked before stays as it was.
/// Fails with request_malformed: no such key, or a name that several live keys have.
[[nodiscard]] Result<Key> revoke_key(std::vector<Key>& keys, std::string_view id_or_name, WallTime now);

/// Revokes a key and makes another with the same name, account, models and remaining time.
[[nodiscard]] Result<MadeKey> rotate_key(std::vector<Key>& keys, std::string_view id_or_name, const KeyEntropy& entropy, WallTime now);

}  // namespace bellwether::accounts
