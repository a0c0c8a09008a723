// The grammar of JSON (RFC 8259), held to the letter: one pass validates a document and lists the members of its top-level object.
// A request's body is small, and this costs half of what simdjson's two passes and a third one for the members do; simdjson's DOM parser
// is the second opinion in the tests.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "json/cursor.h"
#include "json/reader.h"

namespace bellwether::json {

enum class Trouble : std::uint8_t { none, empty, not_utf8, too_deep, unclosed_string, control_in_string, lone_surrogate, syntax, no_object };

/// Keys whose escapes were resolved: they stay where they are. Rare.
using UnescapedKeys = std::vector<std::unique_ptr<std::string>>;

/// Numbers may have any size; values at most 1,024 levels.
[[nodiscard]] Trouble check(std::string_view text, std::vector<Member>& members, UnescapedKeys& unescaped);

/// As `key_of`, of a key with escapes.
[[nodiscard]] std::optional<std::string_view> unescaped_key(std::string_view raw, UnescapedKeys& unescaped);

/// The key that stands in a text as `raw`, with its quotes. Nothing if an escape is broken.
[[nodiscard]] inline std::optional<std::string_view> key_of(std::string_view raw, UnescapedKeys& unescaped) {
  const std::string_view key = raw.substr(1, raw.size() - 2);
  if (has_backslash(key)) return unescaped_key(raw, unescaped);
  return key;
}

[[nodiscard]] inline Kind kind_of(char first) {
  switch (first) {
    case '{': return Kind::object;
    case '[': return Kind::array;
    case '"': return Kind::string;
    case 't':
    case 'f': return Kind::boolean;
    case 'n': return Kind::null;
    default: return Kind::number;
  }
}

}  // namespace bellwether::json
