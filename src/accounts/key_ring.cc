#include "accounts/key_ring.h"

#include <algorithm>
#include <cstring>

#include "accounts/constant_time.h"

namespace bellwether::accounts {
namespace {

constexpr std::size_t credential_bytes_max = 512;

std::unexpected<Failure> rejected(std::string text) { return failed(Reason::key_rejected, PublicText{"Incorrect API key provided" + std::move(text)}); }

/// The credential of a Bearer header, or an empty view.
std::string_view bearer(std::string_view authorization) {
  constexpr std::string_view scheme = "bearer";
  if (authorization.size() <= scheme.size() || authorization[scheme.size()] != ' ') return {};
  for (std::size_t i = 0; i < scheme.size(); ++i)
    if ((authorization[i] | 0x20) != scheme[i]) return {};
  authorization.remove_prefix(scheme.size());
  authorization.remove_prefix(std::min(authorization.find_first_not_of(' '), authorization.size()));
  return authorization;
}

/// Printable ASCII only: what is echoed must be fit for a JSON text and a terminal.
std::string shown_safely(std::string_view credential) {
  std::string text(credential.substr(0, credential_bytes_max));
  std::ranges::replace_if(text, [](char c) { return c < '!' || c > '~'; }, '?');
  return shown(text);
}

std::unexpected<Failure> complain(std::string_view credential) {
  const std::string text = ": " + shown_safely(credential) + ".";
  if (credential.starts_with("sk-"))
    return rejected(text + " This looks like another vendor's key; a key of this gateway begins with hs_. Do not send other vendors' keys here.");
  if (!credential.starts_with(key_prefix)) return rejected(text + " A key of this gateway begins with hs_.");
  if (!well_formed(credential)) return rejected(text + " Its checksum does not fit: it was probably mistyped or cut.");
  return rejected(text);
}

}  // namespace

std::size_t KeyRing::DigestHash::operator()(const Digest& digest) const noexcept {
  // A digest is random already.
  std::size_t hash;
  std::memcpy(&hash, digest.data(), sizeof hash);
  return hash;
}

KeyRing::KeyRing(std::vector<Key> keys) : keys_{std::move(keys)} {
  by_digest_.reserve(keys_.size());
  for (std::size_t i = 0; i < keys_.size(); ++i) by_digest_.insert_or_assign(keys_[i].digest, i);
}

Result<Caller> KeyRing::authenticate(std::string_view authorization, WallTime now, KeyMemo& memo) const {
  if (authorization.empty()) return rejected(": there is no Authorization header. Send 'Authorization: Bearer hs_…'.");
  const std::string_view credential = bearer(authorization);
  if (credential.empty()) return rejected(": the Authorization header is not of the form 'Bearer hs_…'.");
  if (credential.size() != key_chars) return complain(credential);
  const Digest& digest = memo.digest_of(credential);
  const auto found = by_digest_.find(digest);
  if (found == by_digest_.end()) return complain(credential);
  const Key& key = keys_[found->second];
  if (!same_in_constant_time<sizeof(Digest)>(key.digest.data(), digest.data())) return complain(credential);
  if (key.revoked) return rejected(": " + key.hint + ". This key was revoked.");
  if (key.expires && now >= *key.expires) return rejected(": " + key.hint + ". This key has expired.");
  return Caller{&key};
}

bool may_use(const Caller& caller, std::string_view model) {
  const std::vector<std::string>& models = caller.key->models;
  return models.empty() || std::ranges::find(models, model) != models.end();
}

}  // namespace bellwether::accounts
