#include "chat/conversation.h"

#include "json/elements.h"

namespace bellwether::chat {
namespace {

constexpr std::size_t prompt_bytes = 256;

/// FNV-1a over the raw bytes.
void add(std::uint64_t& hash, std::string_view text) {
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
}

bool is_the_users(std::string_view message, json::Reader& reader) {
  const auto members = reader.outline(message);
  if (!members) return false;
  const json::Member* role = json::find(*members, "role");
  return role != nullptr && role->raw == "\"user\"";
}

}  // namespace

std::uint64_t conversation_of(const Request& request) {
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  if (request.endpoint != Endpoint::chat_completions) {
    add(hash, request.content_raw.substr(0, prompt_bytes));
    return hash;
  }
  json::Reader reader;  // Only routes with affinity come here.
  for (const std::string_view message : json::elements(request.content_raw)) {
    add(hash, message);
    if (is_the_users(message, reader)) break;
  }
  return hash;
}

}  // namespace bellwether::chat
