#include "accounts/key_book.h"

#include <algorithm>
#include <cstring>

#include "base/nearest.h"

namespace bellwether::accounts {
namespace {

constexpr std::size_t name_bytes_max = 100;
constexpr Duration expires_min = std::chrono::seconds(1);

std::unexpected<Failure> refused(std::string text) { return failed(Reason::request_malformed, PublicText{std::move(text)}); }

bool is_plain(std::string_view text) {
  return !text.empty() && text.size() <= name_bytes_max && std::ranges::none_of(text, [](char c) { return static_cast<unsigned char>(c) < ' ' || c == 0x7F; });
}

std::string hex(const std::uint8_t* bytes, std::size_t count) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  for (std::size_t i = 0; i < count; ++i) {
    text += digits[bytes[i] >> 4];
    text += digits[bytes[i] & 15];
  }
  return text;
}

/// The key that is meant: by id, else the one live key of this name, else the youngest revoked one.
Result<std::size_t> find_meant(const std::vector<Key>& keys, std::string_view id_or_name) {
  std::vector<std::size_t> live, ended;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (keys[i].id == id_or_name) return i;
    if (keys[i].name == id_or_name) (keys[i].revoked ? ended : live).push_back(i);
  }
  if (live.size() == 1) return live.front();
  if (live.size() > 1) {
    std::string text = std::to_string(live.size()) + " keys are named " + std::string(id_or_name) + "; say which by its id:";
    constexpr std::size_t shown_max = 10;
    for (std::size_t i = 0; i < std::min(live.size(), shown_max); ++i) text += " " + keys[live[i]].id;
    return refused(std::move(text));
  }
  if (!ended.empty()) return ended.back();
  std::vector<std::string_view> names;
  for (const Key& key : keys) names.push_back(key.name);
  const auto near = nearest(id_or_name, names, 1);
  return refused("there is no key " + std::string(id_or_name.substr(0, name_bytes_max)) +
                 (near.empty() ? "" : "; did you mean " + std::string(near.front()) + "?"));
}

}  // namespace

Result<MadeKey> create_key(std::vector<Key>& keys, const KeyWish& wish, const KeyEntropy& entropy, WallTime now) {
  if (!is_plain(wish.name)) return refused("a key's name has 1 to 100 bytes and no control characters");
  if (!is_plain(wish.account)) return refused("an account's name has 1 to 100 bytes and no control characters");
  if (wish.account != "default") return refused("there is only the account \"default\" in this version: accounts are not there yet");
  if (wish.expires_in && *wish.expires_in < expires_min) return refused("a key must last at least a second");
  if (keys.size() >= keys_max) return refused("there are " + std::to_string(keys_max) + " keys already, which is the most that are kept");
  std::array<std::uint8_t, 64> for_text;
  std::memcpy(for_text.data(), entropy.data(), for_text.size());
  MadeKey made;
  made.text = make_key_text(for_text);
  made.key.id = "key_" + hex(entropy.data() + for_text.size(), entropy.size() - for_text.size());
  made.key.name = wish.name;
  made.key.account = wish.account;
  made.key.digest = digest_of(made.text);
  made.key.models = wish.models;
  made.key.hint = shown(made.text);
  made.key.created = now;
  if (wish.expires_in) made.key.expires = now + *wish.expires_in;
  keys.push_back(made.key);
  return made;
}

Result<Key> revoke_key(std::vector<Key>& keys, std::string_view id_or_name, WallTime now) {
  BW_TRY(index, find_meant(keys, id_or_name));
  Key& key = keys[index];
  if (!key.revoked) key.revoked = now;
  return key;
}

Result<MadeKey> rotate_key(std::vector<Key>& keys, std::string_view id_or_name, const KeyEntropy& entropy, WallTime now) {
  BW_TRY(index, find_meant(keys, id_or_name));
  const Key before = keys[index];
  if (before.revoked) return refused("the key " + before.id + " was revoked; create another");
  KeyWish wish{.name = before.name, .account = before.account, .models = before.models, .expires_in = std::nullopt};
  if (before.expires) {
    if (*before.expires <= now) return refused("the key " + before.id + " has expired; create another");
    wish.expires_in = std::max<Duration>(*before.expires - now, expires_min);
  }
  Result<MadeKey> made = create_key(keys, wish, entropy, now);
  if (made) keys[index].revoked = now;
  return made;
}

}  // namespace bellwether::accounts
