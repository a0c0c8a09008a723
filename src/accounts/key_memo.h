// The digests of keys that were shown lately. A caller shows the same key with every request; its SHA-256 by way of EVP took 2,700
// instructions of a request's 37,000 (callgrind, which has no SHA instructions), a look here takes 60. Who a digest belongs to, and whether still, is asked of
// the KeyRing each time. One lane's.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "accounts/key.h"

namespace bellwether::accounts {

class KeyMemo {
 public:
  KeyMemo() = default;
  KeyMemo(const KeyMemo&) = delete;
  KeyMemo& operator=(const KeyMemo&) = delete;
  /// Wipes the texts.
  ~KeyMemo();

  /// As accounts::digest_of, for a text of key_chars characters. Texts are compared in constant time. Valid until the next call.
  [[nodiscard]] const Digest& digest_of(std::string_view key_text);

 private:
  struct Slot {
    std::array<char, key_chars> text{};
    Digest digest{};
  };
  /// More callers than this take turns in a slot, and pay for the digest then.
  static constexpr std::size_t slots = 64;
  std::array<Slot, slots> slots_{};
};

}  // namespace bellwether::accounts
