// Reads a JSON document without re-encoding it: what it tells are positions, so that everything else stays byte for byte
// as it came.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "json/cursor.h"

namespace bellwether::json {

enum class Kind : std::uint8_t { object, array, string, number, boolean, null };

/// One member of an object. Views point into the document, or into the Reader where a key holds escapes; they are valid
/// until the Reader reads again.
struct Member {
  std::string_view key;      ///< Unescaped.
  std::string_view raw;      ///< The value as it stands: strings with their quotes, no white space around.
  std::string_view key_raw;  ///< The key as it stands, with its quotes: where the member begins.
  Kind kind;
};

/// Owns the list that it fills again and again, which is why there is one per lane. Not thread-safe.
class Reader {
 public:
  Reader();
  ~Reader();
  Reader(Reader&&) noexcept;
  Reader& operator=(Reader&&) noexcept;

  /// Validates the whole document (UTF-8, grammar, depth of at most 1,024, nothing behind the value) and lists the members
  /// of its top-level object in their order, duplicates included. White space around the document is allowed.
  /// Fails with request_malformed; the public text says what is wrong. For requests.
  [[nodiscard]] Result<std::span<const Member>> members(std::string_view text);

  /// The same without validating the insides of nested values: brackets and strings must close, no more. For replies and events of upstreams, which are passed
  /// on as they came.
  [[nodiscard]] Result<std::span<const Member>> outline(std::string_view text);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// The member of this name, or null. Of duplicates the last, as most readers have it.
[[nodiscard]] const Member* find(std::span<const Member> members, std::string_view key);

/// The text of a raw JSON string with its escapes resolved; nothing if `raw` is not a string or an escape is broken.
/// A lone surrogate becomes U+FFFD.
[[nodiscard]] std::optional<std::string> unquote(std::string_view raw);

/// Resolves the escapes of JSON strings that are pieces of one text. A character whose two escapes stand in two pieces
/// (`"\ud83d"`, then `"\ude00"`) comes out whole, with the second.
class Unquoter {
 public:
  /// Appends the text of a raw JSON string. False where it is none or an escape is broken; what stood before that is appended then.
  [[nodiscard]] bool append(std::string& out, std::string_view raw);
  /// Whether half of a character is held.
  [[nodiscard]] bool mid_character() const { return high_ != 0; }

 private:
  std::uint32_t high_ = 0;
};

/// Whether the text is valid UTF-8, which `outline` does not look at. Vectorised: some 10 ns for a chunk.
[[nodiscard]] bool is_utf8(std::string_view text);

/// The integer that a raw number stands for; nothing for fractions, exponents, or what does not fit 64 bits.
[[nodiscard]] std::optional<std::int64_t> to_integer(std::string_view raw);

/// `text` as a JSON string with its quotes. Control characters are escaped; bytes that are not UTF-8 become U+FFFD.
[[nodiscard]] std::string quote(std::string_view text);

/// As `quote`, appended.
void append_quoted(std::string& out, std::string_view text);

}  // namespace bellwether::json
