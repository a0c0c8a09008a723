#include "json/reader.h"

#include <simdjson.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <utility>

#include "base/text.h"
#include "json/cursor.h"
#include "json/grammar.h"

namespace bellwether::json {
namespace {

std::unexpected<Failure> malformed(std::string_view what) {
  return failed(Reason::request_malformed, PublicText{"The body is not valid JSON: " + std::string(what) + "."});
}

std::unexpected<Failure> malformed(Trouble trouble) {
  switch (trouble) {
    case Trouble::empty: return malformed("it is empty");
    case Trouble::too_deep: return malformed("it is nested more than 1,024 levels deep");
    case Trouble::not_utf8: return malformed("it is not UTF-8");
    case Trouble::unclosed_string: return malformed("a string is not closed");
    case Trouble::control_in_string: return malformed("a string holds a control character");
    case Trouble::lone_surrogate: return malformed("a string holds half of a surrogate pair, such as \\ud83d alone: a character was cut");
    case Trouble::no_object: return failed(Reason::request_malformed, PublicText{"The body must be a JSON object."});
    case Trouble::none:
    case Trouble::syntax: break;
  }
  return malformed("its syntax is wrong");
}

bool is_scalar(std::string_view text) {
  if (text == "true" || text == "false" || text == "null") return true;
  for (const char c : text)
    if ((c < '0' || c > '9') && c != '-' && c != '+' && c != '.' && c != 'e' && c != 'E') return false;
  return text.front() == '-' || (text.front() >= '0' && text.front() <= '9');
}

void append_utf8(std::string& out, std::uint32_t code) {
  if (code < 0x80) {
    out += static_cast<char>(code);
  } else if (code < 0x800) {
    out += static_cast<char>(0xC0 | code >> 6);
    out += static_cast<char>(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    out += static_cast<char>(0xE0 | code >> 12);
    out += static_cast<char>(0x80 | (code >> 6 & 0x3F));
    out += static_cast<char>(0x80 | (code & 0x3F));
  } else {
    out += static_cast<char>(0xF0 | code >> 18);
    out += static_cast<char>(0x80 | (code >> 12 & 0x3F));
    out += static_cast<char>(0x80 | (code >> 6 & 0x3F));
    out += static_cast<char>(0x80 | (code & 0x3F));
  }
}

/// Four hexadecimal digits; nothing if they are none.
std::optional<std::uint32_t> hex4(std::string_view text) {
  if (text.size() < 4) return std::nullopt;
  std::uint32_t value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + 4, value, 16);
  if (parsed.ec != std::errc{} || parsed.ptr != text.data() + 4) return std::nullopt;
  return value;
}

constexpr std::uint32_t replacement = 0xFFFD;

/// Resolves the \u escape whose digits start at `at`; leaves `at` behind it.
bool append_unicode(std::string& out, std::string_view body, std::size_t& at) {
  const auto high = hex4(body.substr(at));
  if (!high) return false;
  at += 4;
  if (*high < 0xD800 || *high > 0xDFFF) {
    append_utf8(out, *high);
    return true;
  }
  const bool escape_follows = body.substr(at, 2) == "\\u";
  const auto low = escape_follows ? hex4(body.substr(at + 2)) : std::nullopt;
  if (*high <= 0xDBFF && low && *low >= 0xDC00 && *low <= 0xDFFF) {
    append_utf8(out, 0x10000 + ((*high - 0xD800) << 10) + (*low - 0xDC00));
    at += 6;
  } else {
    append_utf8(out, replacement);
  }
  return true;
}

/// The length of the valid UTF-8 sequence at the front of `text`; 0 if there is none. No overlong forms, no surrogates.
std::size_t sequence_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const auto continues = [&](std::size_t i) { return i < text.size() && (byte(i) & 0xC0) == 0x80; };
  const unsigned char first = byte(0);
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first <= 0xDF) return continues(1) ? 2 : 0;
  if (first >= 0xE0 && first <= 0xEF) {
    if (!continues(1) || !continues(2)) return 0;
    if (first == 0xE0 && byte(1) < 0xA0) return 0;
    if (first == 0xED && byte(1) > 0x9F) return 0;
    return 3;
  }
  if (first >= 0xF0 && first <= 0xF4) {
    if (!continues(1) || !continues(2) || !continues(3)) return 0;
    if (first == 0xF0 && byte(1) < 0x90) return 0;
    if (first == 0xF4 && byte(1) > 0x8F) return 0;
    return 4;
  }
  return 0;
}

}  // namespace

struct Reader::State {
  std::vector<Member> members;
  std::vector<std::unique_ptr<std::string>> unescaped;  ///< Keys with escapes; rare.
};

Reader::Reader() : state_{std::make_unique<State>()} {}
Reader::~Reader() = default;
Reader::Reader(Reader&&) noexcept = default;
Reader& Reader::operator=(Reader&&) noexcept = default;

Result<std::span<const Member>> Reader::members(std::string_view text) {
  state_->members.clear();
  state_->unescaped.clear();
  const Trouble trouble = check(text, state_->members, state_->unescaped);
  if (trouble == Trouble::syntax && text.starts_with("\xEF\xBB\xBF")) return malformed("it begins with a byte order mark");
  if (trouble != Trouble::none) return malformed(trouble);
  return std::span<const Member>(state_->members);
}

Result<std::span<const Member>> Reader::outline(std::string_view text) {
  state_->members.clear();
  state_->unescaped.clear();
  bool good = true;
  Cursor cursor{text};
  cursor.skip_space();
  const bool closes = cursor.members([&](std::string_view key_raw, std::string_view raw) {
    const Kind kind = kind_of(raw.front());
    if (kind == Kind::number || kind == Kind::boolean || kind == Kind::null) good = good && is_scalar(raw);
    const auto key = key_of(key_raw, state_->unescaped);
    good = good && key.has_value();
    if (good) state_->members.push_back({.key = *key, .raw = raw, .key_raw = key_raw, .kind = kind});
  });
  cursor.skip_space();
  if (!closes || !good || !cursor.at_end()) return malformed(Trouble::syntax);
  return std::span<const Member>(state_->members);
}

bool is_utf8(std::string_view text) { return simdjson::validate_utf8(text.data(), text.size()); }

const Member* find(std::span<const Member> members, std::string_view key) {
  for (std::size_t i = members.size(); i-- > 0;)
    if (members[i].key == key) return &members[i];
  return nullptr;
}

namespace {

bool is_quoted(std::string_view raw) { return raw.size() >= 2 && raw.front() == '"' && raw.back() == '"'; }

/// Appends what stands between a string's quotes with its escapes resolved; false where one is broken.
bool append_unescaped(std::string& out, std::string_view body) {
  if (body.find('\\') == std::string_view::npos) {
    out += body;
    return true;
  }
  for (std::size_t at = 0; at < body.size();) {
    if (body[at] != '\\') {
      out += body[at++];
      continue;
    }
    if (at + 1 == body.size()) return false;
    const char escape = body[at + 1];
    at += 2;
    switch (escape) {
      case '"':
      case '\\':
      case '/': out += escape; break;
      case 'b': out += '\b'; break;
      case 'f': out += '\f'; break;
      case 'n': out += '\n'; break;
      case 'r': out += '\r'; break;
      case 't': out += '\t'; break;
      case 'u':
        if (!append_unicode(out, body, at)) return false;
        break;
      default: return false;
    }
  }
  return true;
}

/// The first half of a surrogate pair that `body` ends with; 0 if it ends otherwise.
std::uint32_t high_half_at_end(std::string_view body) {
  constexpr std::size_t escape_bytes = 6;
  if (body.size() < escape_bytes || body.substr(body.size() - escape_bytes, 2) != "\\u") return 0;
  std::size_t slashes = 0;  // The escape's own and those before it: an even number makes the last one text.
  while (slashes < body.size() - escape_bytes + 1 && body[body.size() - escape_bytes - slashes] == '\\') ++slashes;
  const auto half = hex4(body.substr(body.size() - 4));
  return slashes % 2 == 1 && half && *half >= 0xD800 && *half <= 0xDBFF ? *half : 0;
}

}  // namespace

std::optional<std::string> unquote(std::string_view raw) {
  if (!is_quoted(raw)) return std::nullopt;
  const std::string_view body = raw.substr(1, raw.size() - 2);
  std::string out;
  out.reserve(body.size());
  if (!append_unescaped(out, body)) return std::nullopt;
  return out;
}

bool Unquoter::append(std::string& out, std::string_view raw) {
  if (!is_quoted(raw)) return false;
  std::string_view body = raw.substr(1, raw.size() - 2);
  if (body.empty()) return true;
  if (high_ != 0) {
    const std::uint32_t high = std::exchange(high_, 0);
    const auto low = body.starts_with("\\u") ? hex4(body.substr(2)) : std::nullopt;
    if (low && *low >= 0xDC00 && *low <= 0xDFFF) {
      append_utf8(out, 0x10000 + ((high - 0xD800) << 10) + (*low - 0xDC00));
      body.remove_prefix(6);
    } else {
      append_utf8(out, replacement);
    }
  }
  if (body.empty() || std::memchr(body.data(), '\\', body.size()) == nullptr) {
    out += body;
    return true;
  }
  high_ = high_half_at_end(body);
  if (high_ != 0) body.remove_suffix(6);
  return append_unescaped(out, body);
}

std::optional<std::int64_t> to_integer(std::string_view raw) {
  std::int64_t value = 0;
  const auto parsed = std::from_chars(raw.data(), raw.data() + raw.size(), value);
  if (raw.empty() || parsed.ec != std::errc{} || parsed.ptr != raw.data() + raw.size()) return std::nullopt;
  return value;
}

namespace {

/// The bytes that stand in a JSON string as they are and need no second look: ASCII without controls, quote and backslash.
constexpr std::array<bool, 256> make_plain_table() {
  std::array<bool, 256> table{};
  for (std::size_t c = 0x20; c < 0x7F; ++c) table[c] = c != '"' && c != '\\';
  return table;
}
constexpr std::array<bool, 256> plain_table = make_plain_table();

bool is_plain_slowly(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return plain_table[static_cast<unsigned char>(c)]; });
}

#ifdef __SSE2__
bool is_plain(__m128i block) {
  // As signed bytes, what is not ASCII is below the space too.
  const __m128i odd = _mm_or_si128(_mm_cmplt_epi8(block, _mm_set1_epi8(' ')), _mm_cmpeq_epi8(block, _mm_set1_epi8(0x7F)));
  const __m128i marks = _mm_or_si128(_mm_cmpeq_epi8(block, _mm_set1_epi8('"')), _mm_cmpeq_epi8(block, _mm_set1_epi8('\\')));
  return _mm_movemask_epi8(_mm_or_si128(odd, marks)) == 0;
}

/// Names and ids nearly always are. Sixteen bytes at a time; the last ones overlap.
bool is_plain(std::string_view text) {
  const char* const data = text.data();
  const std::size_t size = text.size();
  if (size >= 16) {
    for (std::size_t at = 0; at + 16 < size; at += 16)
      if (!is_plain(_mm_loadu_si128(reinterpret_cast<const __m128i*>(data + at)))) return false;
    return is_plain(_mm_loadu_si128(reinterpret_cast<const __m128i*>(data + size - 16)));
  }
  if (size >= 8) {
    std::int64_t first = 0, last = 0;
    std::memcpy(&first, data, sizeof first);
    std::memcpy(&last, data + size - sizeof last, sizeof last);
    return is_plain(_mm_set_epi64x(first, last));
  }
  return is_plain_slowly(text);
}
#else
bool is_plain(std::string_view text) { return is_plain_slowly(text); }
#endif

}  // namespace

void append_quoted(std::string& out, std::string_view text) {
  constexpr std::string_view hex = "0123456789abcdef";
  if (is_plain(text)) return append_all(out, "\"", text, "\"");
  out += '"';
  for (std::size_t at = 0; at < text.size();) {
    std::size_t run = at;
    while (run < text.size() && plain_table[static_cast<unsigned char>(text[run])]) ++run;
    out.append(text, at, run - at);
    at = run;
    if (at == text.size()) break;
    const auto c = static_cast<unsigned char>(text[at]);
    if (c >= 0x80) {
      const std::size_t length = sequence_length(text.substr(at));
      out += length == 0 ? std::string_view("\xEF\xBF\xBD") : text.substr(at, length);
      at += length == 0 ? 1 : length;
      continue;
    }
    switch (c) {
      case '"': out += "\\\""; break;
      case '\\': out += "\\\\"; break;
      case '\n': out += "\\n"; break;
      case '\r': out += "\\r"; break;
      case '\t': out += "\\t"; break;
      default:
        out += "\\u00";
        out += hex[c >> 4];
        out += hex[c & 15];
    }
    ++at;
  }
  out += '"';
}

std::string quote(std::string_view text) {
  std::string out;
  out.reserve(text.size() + 2);
  append_quoted(out, text);
  return out;
}

}  // namespace bellwether::json
