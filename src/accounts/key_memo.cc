#include "accounts/key_memo.h"

#include <openssl/crypto.h>

#include <cstring>

#include "accounts/constant_time.h"
#include "base/check.h"

namespace bellwether::accounts {

KeyMemo::~KeyMemo() { OPENSSL_cleanse(slots_.data(), sizeof slots_); }

const Digest& KeyMemo::digest_of(std::string_view key_text) {
  BW_CHECK(key_text.size() == key_chars);
  // The characters behind the prefix are random; the multiplication brings all of them into the upper bits (Knuth 6.4).
  std::uint64_t random = 0;
  std::memcpy(&random, key_text.data() + key_prefix.size(), sizeof random);
  Slot& slot = slots_[(random * 0x9E3779B97F4A7C15U >> 32) % slots];
  if (!same_in_constant_time<key_chars>(slot.text.data(), key_text.data())) {
    slot.digest = accounts::digest_of(key_text);
    std::memcpy(slot.text.data(), key_text.data(), key_chars);
  }
  return slot.digest;
}

}  // namespace bellwether::accounts
