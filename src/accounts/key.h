// Keys: what a caller shows. The text is seen once, when it is made; what we keep is its SHA-256 digest.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"

namespace bellwether::accounts {

/// `hs_`, 34 random base62 characters, 6 checksum characters (CRC-32 of the 34, base62, most significant first,
/// zero-padded; digits 0-9 A-Z a-z). The checksum lets an SDK tell a typo from an unknown key without asking us.
inline constexpr std::string_view key_prefix = "hs_";
inline constexpr std::size_t key_random_chars = 34;
inline constexpr std::size_t key_checksum_chars = 6;
inline constexpr std::size_t key_chars = key_prefix.size() + key_random_chars + key_checksum_chars;

using Digest = std::array<std::uint8_t, 32>;

/// A key as we keep it.
struct Key {
  std::string id;                   ///< "key_" and 16 hex digits; not secret.
  std::string name;                 ///< The operator's own word for it.
  std::string account = "default";  ///< Who pays.
  Digest digest{};
  std::vector<std::string> models;  ///< Canonical names it may use; empty: all.
  std::string hint;                 ///< First 7 and last 4 characters, for lists.
  WallTime created{};
  std::optional<WallTime> expires;
  std::optional<WallTime> revoked;
};

/// 34 random characters from `entropy` (26 bytes or more of the system's randomness), with prefix and checksum.
[[nodiscard]] std::string make_key_text(const std::array<std::uint8_t, 64>& entropy);

/// Whether prefix, length, alphabet and checksum fit. Says nothing about whether we ever issued it.
[[nodiscard]] bool well_formed(std::string_view key_text);

/// SHA-256. Reuses a context of the calling thread: OpenSSL's one-shot call costs five times as much (performance.md).
[[nodiscard]] Digest digest_of(std::string_view key_text);

/// At most the first 7 and last 4 characters, as in "hs_Ab3d…9fQ2"; shorter texts show less.
[[nodiscard]] std::string shown(std::string_view key_text);

}  // namespace bellwether::accounts
