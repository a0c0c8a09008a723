#include "key_check.h"

#include "accounts/key.h"

namespace bellwether::client {
namespace {

bool is_base62(char c) { return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'); }

}  // namespace

std::optional<std::string> problem_with_key(std::string_view key) {
  using namespace accounts;
  if (key.empty()) return "No key: set HOLYSHEEP_API_KEY and use ClientOptions::from_env(), or give api_key. `bellwether key create` makes one.";
  const std::string begin = "The key " + shown(key) + " was not sent: ";
  if (key.find_first_of(" \t\r\n") != std::string_view::npos) return begin + "it holds white space (a line break from a file or a copy?). Strip it.";
  if (key.starts_with("sk-")) return begin + "it begins with sk- as keys of other services do. Give the key that the gateway made (`bellwether key create`).";
  if (!key.starts_with(key_prefix)) return begin + "it does not begin with " + std::string(key_prefix) + " as a gateway's key does.";
  if (key.size() != key_chars)
    return begin + "it has " + std::to_string(key.size()) + " characters, and a key has " + std::to_string(key_chars) +
           (key.size() < key_chars ? ": was it cut when it was copied?" : ".");
  for (const char c : key.substr(key_prefix.size()))
    if (!is_base62(c)) return begin + "only letters and digits may follow " + std::string(key_prefix) + ".";
  if (!well_formed(key)) return begin + "its checksum does not fit: a character was mistyped, or two were swapped.";
  return std::nullopt;
}

}  // namespace bellwether::client
