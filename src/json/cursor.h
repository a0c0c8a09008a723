// Steps over JSON text that is not to be validated within: values end where their brackets and strings close. Without memory of its
// own, because it runs several times for each chunk of each stream. Reads up to json::padding bytes behind the text.
#pragma once

#include <bit>
#include <cstddef>
#include <cstring>
#include <string_view>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace bellwether::json {

/// What reads JSON here may look at up to this many bytes past the end of a document: whoever hands over a text must have them allocated
/// behind it. Their values do not matter. (Blocks of 16 are read; 64 leaves room for wider ones.)
inline constexpr std::size_t padding = 64;

/// How many levels a document may have.
inline constexpr std::size_t depth_max = 1024;

[[nodiscard]] constexpr bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

/// Whether a short piece of a text (with its padding) holds a backslash: memchr's call costs more than the look.
[[nodiscard]] inline bool has_backslash(std::string_view piece) {
#ifdef __SSE2__
  const __m128i slash = _mm_set1_epi8('\\');
  for (std::size_t at = 0; at < piece.size(); at += 16) {
    const __m128i block = _mm_loadu_si128(reinterpret_cast<const __m128i*>(piece.data() + at));
    const int bits = _mm_movemask_epi8(_mm_cmpeq_epi8(block, slash));
    if (bits != 0) return at + static_cast<std::size_t>(std::countr_zero(static_cast<unsigned>(bits))) < piece.size();
  }
  return false;
#else
  return piece.find('\\') != std::string_view::npos;
#endif
}

/// A place in a text, and the steps that every reader of JSON takes from it.
class Position {
 public:
  explicit Position(std::string_view text) : at_{text.data()}, end_{text.data() + text.size()} {}

  [[nodiscard]] bool at_end() const { return at_ == end_; }
  /// The byte at the cursor; NUL at the end.
  [[nodiscard]] char peek() const { return at_ < end_ ? *at_ : '\0'; }

  void skip_space() {
    while (at_ < end_ && is_space(*at_)) ++at_;
  }

  [[nodiscard]] bool take(char wanted) {
    if (at_ == end_ || *at_ != wanted) return false;
    ++at_;
    return true;
  }

 protected:
  const char* at_;
  const char* end_;
};

class Cursor : public Position {
 public:
  using Position::Position;

  /// The string at the cursor, with its quotes. False if there is none, or it does not close.
  [[nodiscard]] bool string(std::string_view& raw) {
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

  /// The value at the cursor, whatever it is; a scalar ends at a comma, bracket or white space. False if it is empty or does not close,
  /// or is nested more than 1,024 levels deep.
  [[nodiscard]] bool value(std::string_view& raw) {
    const char* const begin = at_;
    const char first = peek();
    if (first == '"') return string(raw);
    if (first == '{' || first == '[') {
      if (!skip_brackets()) return false;
    } else {
      while (at_ < end_ && *at_ != ',' && *at_ != '}' && *at_ != ']' && !is_space(*at_)) ++at_;
    }
    raw = {begin, static_cast<std::size_t>(at_ - begin)};
    return at_ != begin;
  }

  /// Calls `visit(key_raw, raw)` for each member of the object at the cursor; keys keep their quotes and escapes. Afterwards the cursor is
  /// behind the object. False if there is none; what was visited before something does not close was visited.
  template <class Visit>
  bool members(Visit visit) {
    if (!take('{')) return false;
    skip_space();
    if (take('}')) return true;
    for (;;) {
      std::string_view key, raw;
      if (!string(key)) return false;
      skip_space();
      if (!take(':')) return false;
      skip_space();
      if (!value(raw)) return false;
      visit(key, raw);
      skip_space();
      if (!take(',')) return take('}');
      skip_space();
    }
  }

  /// Calls `visit(raw)` for each element of the array at the cursor. As `members`.
  template <class Visit>
  bool elements(Visit visit) {
    if (!take('[')) return false;
    skip_space();
    if (take(']')) return true;
    for (;;) {
      std::string_view raw;
      if (!value(raw)) return false;
      visit(raw);
      skip_space();
      if (!take(',')) return take(']');
      skip_space();
    }
  }

 private:
  /// The first quote from `at` on, or `end`. Most strings are short, so the first bytes are looked at here rather than by memchr.
  static const char* find_quote(const char* at, const char* end) {
#ifdef __SSE2__
    const __m128i block = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
    const int quotes = _mm_movemask_epi8(_mm_cmpeq_epi8(block, _mm_set1_epi8('"')));
    if (quotes != 0) {
      const char* const quote = at + std::countr_zero(static_cast<unsigned>(quotes));
      return quote < end ? quote : end;
    }
    if (end - at <= 16) return end;
    at += 16;
#endif
    const auto* quote = static_cast<const char*>(std::memchr(at, '"', static_cast<std::size_t>(end - at)));
    return quote == nullptr ? end : quote;
  }

  [[nodiscard]] bool skip_brackets();
};

}  // namespace bellwether::json
