// All keys at one moment, made for one question: whose is this? Immutable once built; shared by all lanes.
#pragma once

#include <memory>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "accounts/key.h"
#include "accounts/key_memo.h"
#include "base/result.h"

namespace bellwether::accounts {

/// Who is asking, once the key is known. Points into the KeyRing that answered: pin that for as long as this is used.
struct Caller {
  const Key* key;
};

class KeyRing {
 public:
  KeyRing() = default;
  explicit KeyRing(std::vector<Key> keys);

  /// The caller behind an `Authorization` header's value ("Bearer hs_…"; the scheme's case does not matter).
  /// Fails with key_rejected: missing, malformed, unknown, expired at `now`, or revoked. The public text shows at most the
  /// first 7 and last 4 characters, and says so when the key looks like another vendor's. Digests are compared in constant time;
  /// `memo` is the calling lane's.
  [[nodiscard]] Result<Caller> authenticate(std::string_view authorization, WallTime now, KeyMemo& memo) const;

  [[nodiscard]] const std::vector<Key>& keys() const { return keys_; }

 private:
  struct DigestHash {
    std::size_t operator()(const Digest& digest) const noexcept;
  };
  std::vector<Key> keys_;
  std::unordered_map<Digest, std::size_t, DigestHash> by_digest_;
};

/// Whether the caller's key covers the model of this canonical name.
[[nodiscard]] bool may_use(const Caller& caller, std::string_view model);

}  // namespace bellwether::accounts
