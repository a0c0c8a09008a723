#include "json/grammar.h"

#include <array>

#include "json/cursor.h"

namespace bellwether::json {
namespace {

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }

constexpr int hex_value(char c) {
  if (is_digit(c)) return c - '0';
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/// A bit for each of 16 bytes that does not simply belong to a string: quote, backslash, control character.
unsigned special_bits(const char* at) {
#ifdef __SSE2__
  const __m128i block = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
  const __m128i control = _mm_cmpeq_epi8(_mm_min_epu8(block, _mm_set1_epi8(0x1F)), block);
  const __m128i marks = _mm_or_si128(_mm_cmpeq_epi8(block, _mm_set1_epi8('"')), _mm_cmpeq_epi8(block, _mm_set1_epi8('\\')));
  return static_cast<unsigned>(_mm_movemask_epi8(_mm_or_si128(control, marks)));
#else
  unsigned bits = 0;
  for (unsigned i = 0; i < 16; ++i) bits |= static_cast<unsigned>(at[i] == '"' || at[i] == '\\' || static_cast<unsigned char>(at[i]) < 0x20) << i;
  return bits;
#endif
}

class Checker : private Position {
 public:
  using Position::Position;

  Trouble run(std::vector<Member>& members, UnescapedKeys& unescaped) {
    skip_space();
    if (at_end()) return Trouble::empty;
    const bool object = peek() == '{';
    if (!(object ? top(members, unescaped) : value())) return trouble_;
    skip_space();
    if (!at_end()) return Trouble::syntax;
    return object ? Trouble::none : Trouble::no_object;
  }

 private:
  bool fail(Trouble trouble) {
    trouble_ = trouble;
    return false;
  }

  bool top(std::vector<Member>& members, UnescapedKeys& unescaped) {
    ++at_;
    skip_space();
    if (take('}')) return true;
    for (;;) {
      Member member{};
      if (!key(member.key_raw)) return false;
      const auto name = key_of(member.key_raw, unescaped);
      if (!name) return fail(Trouble::syntax);
      member.key = *name;
      const char* const value_begin = at_;
      member.kind = kind_of(peek());
      if (!value()) return false;
      member.raw = {value_begin, static_cast<std::size_t>(at_ - value_begin)};
      members.push_back(member);
      skip_space();
      if (!take(',')) return take('}') || fail(Trouble::syntax);
      skip_space();
    }
  }

  /// The key at the cursor, its colon, and the space up to its value.
  bool key(std::string_view& raw) {
    if (peek() != '"') return fail(Trouble::syntax);
    const char* const begin = at_;
    if (!string()) return false;
    raw = {begin, static_cast<std::size_t>(at_ - begin)};
    skip_space();
    if (!take(':')) return fail(Trouble::syntax);
    skip_space();
    return true;
  }

  /// The value at the cursor. Not recursive: a document may not choose how deep our stack is.
  bool value() {
    std::array<char, depth_max> closing;
    std::size_t depth = 0;
    std::string_view ignored;
    for (;;) {
      const char c = peek();
      if (c == '{' || c == '[') {
        if (depth + 1 == depth_max) return fail(Trouble::too_deep);
        closing[depth++] = static_cast<char>(c + 2);
        ++at_;
        skip_space();
        if (!take(closing[depth - 1])) {
          if (c == '{' && !key(ignored)) return false;
          continue;
        }
        --depth;
      } else if (!scalar(c)) {
        return false;
      }
      // Behind a value: what it ends ends too.
      for (;;) {
        if (depth == 0) return true;
        skip_space();
        if (take(',')) break;
        if (!take(closing[depth - 1])) return fail(Trouble::syntax);
        --depth;
      }
      skip_space();
      if (closing[depth - 1] == '}' && !key(ignored)) return false;
    }
  }

  bool scalar(char first) {
    switch (first) {
      case '"': return string();
      case 't': return word("true");
      case 'f': return word("false");
      case 'n': return word("null");
      default: return number() || fail(Trouble::syntax);
    }
  }

  bool word(std::string_view wanted) {
    if (!std::string_view(at_, static_cast<std::size_t>(end_ - at_)).starts_with(wanted)) return fail(Trouble::syntax);
    at_ += wanted.size();
    return true;
  }

  bool digits() {
    const char* const begin = at_;
    while (is_digit(peek())) ++at_;
    return at_ != begin;
  }

  bool number() {
    static_cast<void>(take('-'));
    const bool zero = peek() == '0';
    const char* const begin = at_;
    if (!digits() || (zero && at_ - begin > 1)) return false;
    if (take('.') && !digits()) return false;
    if ((peek() | 0x20) == 'e') {
      ++at_;
      if (peek() == '+' || peek() == '-') ++at_;
      if (!digits()) return false;
    }
    return true;
  }

  bool string() {
    ++at_;
    for (;;) {
      const unsigned bits = special_bits(at_);
      if (bits == 0) {
        at_ += 16;
        if (at_ >= end_) return fail(Trouble::unclosed_string);
        continue;
      }
      at_ += std::countr_zero(bits);
      if (at_ >= end_) return fail(Trouble::unclosed_string);
      if (*at_ == '"') {
        ++at_;
        return true;
      }
      if (*at_ != '\\') return fail(Trouble::control_in_string);
      if (!escape()) return false;
    }
  }

  bool escape() {
    ++at_;
    const char c = peek();
    if (at_ == end_) return fail(Trouble::unclosed_string);
    ++at_;
    if (c == 'u') return unicode();
    switch (c) {
      case '"':
      case '\\':
      case '/':
      case 'b':
      case 'f':
      case 'n':
      case 'r':
      case 't': return true;
      default: return fail(Trouble::syntax);
    }
  }

  /// The digits of a \u escape. A high surrogate must be followed by the escape of a low one.
  bool unicode() {
    const int code = hex4();
    if (code < 0) return fail(Trouble::syntax);
    if (code < 0xD800 || code > 0xDFFF) return true;
    const bool pair = code <= 0xDBFF && take('\\') && take('u');
    const int low = pair ? hex4() : -1;
    return (low >= 0xDC00 && low <= 0xDFFF) || fail(Trouble::lone_surrogate);
  }

  int hex4() {
    if (end_ - at_ < 4) return -1;
    int code = 0;
    for (int i = 0; i < 4; ++i) {
      const int digit = hex_value(*at_++);
      if (digit < 0) return -1;
      code = code * 16 + digit;
    }
    return code;
  }

  Trouble trouble_ = Trouble::syntax;
};

}  // namespace

Trouble check(std::string_view text, std::vector<Member>& members, UnescapedKeys& unescaped) {
  if (!is_utf8(text)) return Trouble::not_utf8;
  return Checker{text}.run(members, unescaped);
}

std::optional<std::string_view> unescaped_key(std::string_view raw, UnescapedKeys& unescaped) {
  auto text = unquote(raw);
  if (!text) return std::nullopt;
  unescaped.push_back(std::make_unique<std::string>(*std::move(text)));
  return *unescaped.back();
}

}  // namespace bellwether::json
