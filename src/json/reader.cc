#include "json/reader.h"

#include <simdjson.h>

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cstring>
#include <utility>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace bellwether::json {
namespace {

using simdjson::ondemand::json_type;

// After a document larger than this its scratch memory is given back.
constexpr std::size_t kept_bytes_max = std::size_t{1} << 20;
constexpr std::size_t depth_max = 1024;

std::unexpected<Failure> malformed(std::string_view what) {
  return failed(Reason::request_malformed, PublicText{"The body is not valid JSON: " + std::string(what) + "."});
}

std::unexpected<Failure> malformed(simdjson::error_code error) {
  switch (error) {
    case simdjson::EMPTY: return malformed("it is empty");
    case simdjson::DEPTH_ERROR: return malformed("it is nested more than 1,024 levels deep");
    case simdjson::UTF8_ERROR: return malformed("it is not UTF-8");
    case simdjson::UNCLOSED_STRING: return malformed("a string is not closed");
    case simdjson::UNESCAPED_CHARS: return malformed("a string holds a control character");
    case simdjson::CAPACITY: return malformed("it is too large");
    case simdjson::INCORRECT_TYPE: return failed(Reason::request_malformed, PublicText{"The body must be a JSON object."});
    default: return malformed("its syntax is wrong");
  }
}

constexpr bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

Kind kind_of(char first) {
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

/// The first quote from `at` on, or `end`. Most strings are short, so the first bytes are looked at here rather than by memchr.
const char* find_quote(const char* at, const char* end) {
#ifdef __SSE2__
  // Reading beyond `end` is what the padding is for.
  static_assert(padding >= 16);
  const __m128i block = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
  const int quotes = _mm_movemask_epi8(_mm_cmpeq_epi8(block, _mm_set1_epi8('"')));
  if (quotes != 0) return std::min(at + std::countr_zero(static_cast<unsigned>(quotes)), end);
  if (end - at <= 16) return end;
  at += 16;
#endif
  const auto* quote = static_cast<const char*>(std::memchr(at, '"', static_cast<std::size_t>(end - at)));
  return quote == nullptr ? end : quote;
}

/// Of a short key; memchr's call costs more than the look.
bool has_backslash(std::string_view key) {
  for (const char c : key)
    if (c == '\\') return true;
  return false;
}

/// Walks the top level of a text whose brackets and strings are known to close or are checked on the way. Finds the ends of
/// values by counting brackets outside of strings; scalars end at a comma, bracket or white space.
class Walker {
 public:
  explicit Walker(std::string_view text) : at_{text.data()}, end_{text.data() + text.size()} {}

  [[nodiscard]] bool walk(std::vector<Member>& members, std::vector<std::unique_ptr<std::string>>& unescaped) {
    skip_space();
    if (!take('{')) return false;
    skip_space();
    if (take('}')) return ends();
    for (;;) {
      Member member{};
      if (!string(member.key_raw)) return false;
      member.key = member.key_raw.substr(1, member.key_raw.size() - 2);
      if (member.key.size() > 16 ? member.key.find('\\') != std::string_view::npos : has_backslash(member.key)) {
        auto key = unquote(member.key_raw);
        if (!key) return false;
        unescaped.push_back(std::make_unique<std::string>(*std::move(key)));
        member.key = *unescaped.back();
      }
      skip_space();
      if (!take(':')) return false;
      skip_space();
      if (at_ == end_) return false;
      member.kind = kind_of(*at_);
      if (!value(member.raw)) return false;
      members.push_back(member);
      skip_space();
      if (take(',')) {
        skip_space();
        continue;
      }
      return take('}') && ends();
    }
  }

 private:
  void skip_space() {
    while (at_ < end_ && is_space(*at_)) ++at_;
  }
  bool take(char wanted) {
    if (at_ == end_ || *at_ != wanted) return false;
    ++at_;
    return true;
  }
  bool ends() {
    skip_space();
    return at_ == end_;
  }
  bool string(std::string_view& raw) {
    if (at_ == end_ || *at_ != '"') return false;
    const char* const begin = at_++;
    for (;;) {
      const char* const quote = find_quote(at_, end_);
      if (quote == end_) return false;
      // An odd number of backslashes before it means that the quote belongs to the text.
      const char* slash = quote;
      while (slash > at_ && slash[-1] == '\\') --slash;
      at_ = quote + 1;
      if ((quote - slash) % 2 == 0) {
        raw = {begin, static_cast<std::size_t>(at_ - begin)};
        return true;
      }
    }
  }
  bool value(std::string_view& raw) {
    const char* const begin = at_;
    if (*at_ == '"') return string(raw);
    if (*at_ == '{' || *at_ == '[') {
      if (!bracketed()) return false;
    } else {
      while (at_ < end_ && *at_ != ',' && *at_ != '}' && *at_ != ']' && !is_space(*at_)) ++at_;
      if (!is_scalar({begin, static_cast<std::size_t>(at_ - begin)})) return false;
    }
    raw = {begin, static_cast<std::size_t>(at_ - begin)};
    return true;
  }
  bool bracketed() {
    // The open brackets as bits, 1 for an object, would bound the depth at 64; a small stack of bytes bounds it at depth_max.
    std::array<char, depth_max> open;
    std::size_t depth = 0;
    std::string_view skipped;
    while (at_ < end_) {
      switch (const char c = *at_) {
        case '"':
          if (!string(skipped)) return false;
          continue;
        case '{':
        case '[':
          if (depth == depth_max) return false;
          open[depth++] = c;
          break;
        case '}':
        case ']':
          if (open[depth - 1] != (c == '}' ? '{' : '[')) return false;
          if (--depth == 0) {
            ++at_;
            return true;
          }
          break;
        default: break;
      }
      ++at_;
    }
    return false;
  }
  static bool is_scalar(std::string_view text) {
    if (text == "true" || text == "false" || text == "null") return true;
    if (text.empty()) return false;
    for (const char c : text)
      if ((c < '0' || c > '9') && c != '-' && c != '+' && c != '.' && c != 'e' && c != 'E') return false;
    return text.front() == '-' || (text.front() >= '0' && text.front() <= '9');
  }

  const char* at_;
  const char* end_;
};

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

/// The length of the number at the front of `text` by JSON's grammar (RFC 8259 §6); 0 if there is none.
std::size_t number_length(std::string_view text) {
  std::size_t at = 0;
  const auto digits = [&] {
    const std::size_t begin = at;
    while (at < text.size() && text[at] >= '0' && text[at] <= '9') ++at;
    return at - begin;
  };
  if (text.starts_with('-')) ++at;
  const std::size_t whole_at = at;
  const std::size_t whole = digits();
  if (whole == 0 || (whole > 1 && text[whole_at] == '0')) return 0;
  if (at < text.size() && text[at] == '.') {
    ++at;
    if (digits() == 0) return 0;
  }
  if (at < text.size() && (text[at] | 0x20) == 'e') {
    ++at;
    if (at < text.size() && (text[at] == '+' || text[at] == '-')) ++at;
    if (digits() == 0) return 0;
  }
  return at;
}

/// A copy of the text, with its padding, in which every well-formed number is a 0. JSON bounds no number, simdjson does: what it
/// says about the copy is what it would say without that bound.
std::string with_small_numbers(std::string_view text) {
  std::string copy;
  copy.reserve(text.size() + padding);
  copy = text;
  bool in_string = false;
  for (std::size_t at = 0; at < copy.size(); ++at) {
    const char c = copy[at];
    if (in_string && c == '\\') ++at;
    else if (c == '"') in_string = !in_string;
    else if (!in_string && (c == '-' || (c >= '0' && c <= '9'))) {
      const std::size_t length = number_length(std::string_view(copy).substr(at));
      if (length == 0) break;  // Malformed: stays, for simdjson to find.
      copy[at] = '0';
      std::fill_n(copy.begin() + static_cast<std::ptrdiff_t>(at) + 1, length - 1, ' ');
      at += length - 1;
    }
  }
  return copy;
}

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
  simdjson::dom::parser validator{simdjson::SIMDJSON_MAXSIZE_BYTES};
  std::vector<Member> members;
  std::vector<std::unique_ptr<std::string>> unescaped;  ///< Keys with escapes; rare.
};

Reader::Reader() : state_{std::make_unique<State>()} {}
Reader::~Reader() = default;
Reader::Reader(Reader&&) noexcept = default;
Reader& Reader::operator=(Reader&&) noexcept = default;

Result<std::span<const Member>> Reader::members(std::string_view text) {
  simdjson::dom::element document;
  // The text has its padding, so nothing is copied.
  simdjson::error_code error = state_->validator.parse(text.data(), text.size(), false).get(document);
  if (error == simdjson::NUMBER_ERROR) {
    const std::string copy = with_small_numbers(text);
    error = state_->validator.parse(copy.data(), copy.size(), false).get(document);
  }
  const bool object = error == simdjson::SUCCESS && document.is_object();
  if (text.size() > kept_bytes_max) state_->validator = simdjson::dom::parser{simdjson::SIMDJSON_MAXSIZE_BYTES};
  if (error) return malformed(error);
  if (!object) return malformed(simdjson::INCORRECT_TYPE);
  return outline(text);
}

Result<std::span<const Member>> Reader::outline(std::string_view text) {
  state_->members.clear();
  state_->unescaped.clear();
  if (!Walker{text}.walk(state_->members, state_->unescaped)) return malformed("its syntax is wrong");
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

}  // namespace

void append_quoted(std::string& out, std::string_view text) {
  constexpr std::string_view hex = "0123456789abcdef";
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
