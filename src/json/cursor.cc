#include "json/cursor.h"

#include <array>

namespace bellwether::json {
namespace {

/// The first bracket or quote from `at` on, or `end`.
const char* find_structure(const char* at, const char* end) {
#ifdef __SSE2__
  const __m128i bit = _mm_set1_epi8(0x20), open = _mm_set1_epi8('{'), close = _mm_set1_epi8('}'), quote = _mm_set1_epi8('"');
  for (; at < end; at += 16) {
    const __m128i block = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
    // '[' and ']' differ from '{' and '}' by one bit; nothing else that JSON allows here becomes one of them with it.
    const __m128i curly = _mm_or_si128(block, bit);
    const __m128i hits = _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(curly, open), _mm_cmpeq_epi8(curly, close)), _mm_cmpeq_epi8(block, quote));
    const int bits = _mm_movemask_epi8(hits);
    if (bits != 0) {
      at += std::countr_zero(static_cast<unsigned>(bits));
      return at < end ? at : end;
    }
  }
  return end;
#else
  while (at < end && *at != '"' && *at != '{' && *at != '}' && *at != '[' && *at != ']') ++at;
  return at;
#endif
}

}  // namespace

bool Cursor::skip_brackets() {
  std::array<char, depth_max> closing;
  std::size_t depth = 0;
  std::string_view skipped;
  for (;;) {
    at_ = find_structure(at_, end_);
    if (at_ == end_) return false;
    const char c = *at_;
    if (c == '"') {
      if (!string(skipped)) return false;
      continue;
    }
    ++at_;
    if (c == '{' || c == '[') {
      if (depth == depth_max) return false;
      closing[depth++] = static_cast<char>(c + 2);
    } else {
      if (closing[depth - 1] != c) return false;
      if (--depth == 0) return true;
    }
  }
}

}  // namespace bellwether::json
