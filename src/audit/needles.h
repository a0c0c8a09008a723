// Finds, at the speed of memory, the few places of a line at which something of ours may stand. Looks for pairs of letters that are rare in
// logs and part of every phrase that a reader of vLLM's log knows; what a pair is part of is for the caller to see.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <string_view>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace bellwether::audit {

/// `A[vg] prompt`, `HTT[P/]1.1`, `I[np]ut tokens`, `vL[LM] API server`, `Received re[qu]est`.
inline bool is_needle(char first, char second) {
  return (first == 'v' && second == 'g') || (first == 'P' && second == '/') || (first == 'n' && second == 'p') || (first == 'L' && second == 'M') ||
         (first == 'q' && second == 'u');
}

/// The first pair at or behind `from`; npos if there is none.
inline std::size_t find_needle(std::string_view text, std::size_t from) {
#if defined(__SSE2__)
  const auto all = [](char c) { return _mm_set1_epi8(c); };
  const auto pair = [](__m128i left, __m128i right, __m128i first, __m128i second) {
    return _mm_and_si128(_mm_cmpeq_epi8(left, first), _mm_cmpeq_epi8(right, second));
  };
  for (; from + 17 <= text.size(); from += 16) {
    const __m128i left = _mm_loadu_si128(reinterpret_cast<const __m128i*>(text.data() + from));
    const __m128i right = _mm_loadu_si128(reinterpret_cast<const __m128i*>(text.data() + from + 1));
    const __m128i one = _mm_or_si128(pair(left, right, all('v'), all('g')), pair(left, right, all('P'), all('/')));
    const __m128i two = _mm_or_si128(pair(left, right, all('n'), all('p')), pair(left, right, all('L'), all('M')));
    const auto hits = static_cast<std::uint32_t>(_mm_movemask_epi8(_mm_or_si128(_mm_or_si128(one, two), pair(left, right, all('q'), all('u')))));
    if (hits != 0) return from + static_cast<std::size_t>(std::countr_zero(hits));
  }
#endif
  for (; from + 1 < text.size(); ++from)
    if (is_needle(text[from], text[from + 1])) return from;
  return std::string_view::npos;
}

}  // namespace bellwether::audit
