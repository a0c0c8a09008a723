// The heads of HTTP/1.1 messages (RFC 9110, 9112): bytes in, fields out. The shapes that make two readers disagree about where a
// message ends (request smuggling) are refused, never repaired: a bare LF or CR, NUL, obs-fold,
// white space before a colon, two lengths, a length beside chunked, a transfer coding other than chunked.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace bellwether::http {

inline constexpr std::size_t head_bytes_max = 64 * 1024;  ///< nginx's default allows 4 × 8 KiB for callers; SDKs send about 600 bytes.
inline constexpr std::size_t fields_max = 128;

struct Field {
  std::string_view name;   ///< As sent; compare with `same_name`.
  std::string_view value;  ///< Without white space around it.
};

/// Whether a field's name (or a keyword of its value) is `known`, whatever its case. `known` is made of lower-case letters, digits
/// and hyphens. Nothing but a letter's other case differs from these by the bit 0x20 alone, controls apart, which no head holds.
[[nodiscard]] inline bool same_name(std::string_view text, std::string_view known) {
  if (text.size() != known.size()) return false;  // Decides nearly always, which is why this stands in the header.
  constexpr std::uint64_t lower = 0x2020202020202020;
  std::size_t at = 0;
  for (; at + sizeof lower <= text.size(); at += sizeof lower) {
    std::uint64_t left = 0, right = 0;
    std::memcpy(&left, text.data() + at, sizeof left);
    std::memcpy(&right, known.data() + at, sizeof right);
    if ((left | lower) != right) return false;
  }
  for (; at < text.size(); ++at)
    if ((text[at] | 0x20) != known[at]) return false;
  return true;
}

enum class Method : std::uint8_t { get, head, post, put, patch, delete_, options, other };
enum class Version : std::uint8_t { http_1_0, http_1_1 };

/// Fields in their order. Views point into the bytes that were parsed.
class Fields {
 public:
  /// The value of the first field of this name; nothing if there is none.
  [[nodiscard]] std::optional<std::string_view> find(std::string_view name) const;
  [[nodiscard]] const std::vector<Field>& all() const { return all_; }
  void clear() {
    all_.clear();
    sizes_ = 0;
  }
  void add(Field field) {
    if (all_.empty()) all_.reserve(fields_usual);
    all_.push_back(field);
    sizes_ |= size_bit(field.name);
  }

 private:
  static constexpr std::size_t fields_usual = 24;  // openai-python sends 18.
  static std::uint64_t size_bit(std::string_view name) { return std::uint64_t{1} << (name.size() % 64); }

  std::vector<Field> all_;
  std::uint64_t sizes_ = 0;  ///< A bit for each size of a name that occurs: most look-ups are for fields that are not there.
};

/// How the end of a body is known.
struct Framing {
  bool chunked = false;
  std::optional<std::uint64_t> length;  ///< Content-Length. Neither of both: no body (requests), until the end of the connection (replies).
};

struct RequestHead {
  Method method = Method::other;
  std::string_view method_text;
  std::string_view path;   ///< Of an origin-form or absolute-form target, not percent-decoded.
  std::string_view query;  ///< Behind the first '?'; without it.
  Version version = Version::http_1_1;
  Fields fields;
  Framing framing;
  bool keep_alive = true;         ///< By version and `Connection`.
  bool expects_continue = false;  ///< `Expect: 100-continue`.
  bool expects_other = false;     ///< Any other expectation: 417.
  bool encoded = false;           ///< A `Content-Encoding` other than identity: 415.
};

struct ReplyHead {
  int status = 0;
  Version version = Version::http_1_1;
  Fields fields;
  Framing framing;
  bool keep_alive = true;
};

/// What came of looking for a head at the front of some bytes.
struct HeadResult {
  enum class Status : std::uint8_t { complete, needs_more, bad } status = Status::needs_more;
  std::size_t size = 0;  ///< complete: bytes of the head with its blank line.
  Reason reason{};       ///< bad: request_malformed or request_too_large.
  std::string_view why;  ///< bad: a sentence of ours, from static storage, fit for a caller.
};

/// Parses the head at the front of `bytes`. Asks for more until the blank line is there, but reports a malformed start at once,
/// so that nobody waits for the rest of something that will be refused. `scanned` is the caller's note of how far earlier calls
/// on the same growing bytes have looked (start with 0): it keeps a slow sender's cost linear. Empty lines before a request are
/// skipped (RFC 9112 §2.2) and belong to the head's size. The same rules hold for both sides.
[[nodiscard]] HeadResult parse_request_head(std::string_view bytes, std::size_t& scanned, RequestHead& head);
[[nodiscard]] HeadResult parse_reply_head(std::string_view bytes, std::size_t& scanned, ReplyHead& head);

/// A path segment or path with %XX resolved; nothing when an escape is broken or stands for NUL.
[[nodiscard]] std::optional<std::string> percent_decode(std::string_view text);

[[nodiscard]] std::string_view reason_phrase(int status);

}  // namespace bellwether::http
