// Finding the end of a line: the hot loop of the head parser.
#pragma once

#include "http1/chars.hpp"

#if defined(__SSE2__) && !defined(HTTPOOL_PORTABLE_SCAN)
#include <bit>

#include <emmintrin.h>
#endif

namespace httpool::http1 {

inline const char* find_control_portable(const char* p, const char* end) noexcept {
  while (p != end && is(*p, text_char))
    ++p;
  return p;
}

// The first byte of [p, end) that no line of text may hold (RFC 9110 §5.5), a line break included;
// `end` if there is none.
inline const char* find_control(const char* p, const char* end) noexcept {
#if defined(__SSE2__) && !defined(HTTPOOL_PORTABLE_SCAN)
  const __m128i last_control = _mm_set1_epi8(0x1f);
  const __m128i tab = _mm_set1_epi8('\t');
  const __m128i del = _mm_set1_epi8(0x7f);
  while (end - p >= 16) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    const __m128i control = _mm_cmpeq_epi8(_mm_min_epu8(bytes, last_control), bytes);
    const __m128i found = _mm_or_si128(_mm_andnot_si128(_mm_cmpeq_epi8(bytes, tab), control),
                                       _mm_cmpeq_epi8(bytes, del));
    const auto mask = static_cast<unsigned>(_mm_movemask_epi8(found));
    if (mask != 0)
      return p + std::countr_zero(mask);
    p += 16;
  }
#endif
  return find_control_portable(p, end);
}

// A byte of [p, end) before which all are letters, digits or hyphens, as in nearly every field
// name: the first that is none if there are sixteen bytes to look at, and perhaps an earlier one if
// not.
inline const char* end_of_word(const char* p, const char* end) noexcept {
#if defined(__SSE2__) && !defined(HTTPOOL_PORTABLE_SCAN)
  const auto within = [](__m128i bytes, char first, char last) {
    const __m128i offset = _mm_sub_epi8(bytes, _mm_set1_epi8(first));
    const __m128i most = _mm_set1_epi8(static_cast<char>(last - first));
    return _mm_cmpeq_epi8(_mm_min_epu8(offset, most), offset);
  };
  while (end - p >= 16) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    const __m128i letter = within(_mm_or_si128(bytes, _mm_set1_epi8(0x20)), 'a', 'z');
    const __m128i digit = within(bytes, '0', '9');
    const __m128i hyphen = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('-'));
    const __m128i word = _mm_or_si128(_mm_or_si128(letter, digit), hyphen);
    const auto mask = static_cast<unsigned>(_mm_movemask_epi8(word)) ^ 0xffffU;
    if (mask != 0)
      return p + std::countr_zero(mask);
    p += 16;
  }
#else
  static_cast<void>(end);
#endif
  return p;
}

} // namespace httpool::http1
