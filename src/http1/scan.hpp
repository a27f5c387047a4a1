// Finding the end of a line, and looking at whole names and values: the hot loops of parser and
// messages.
#pragma once

#include "http1/chars.hpp"

#if defined(__SSE2__) && !defined(HTTPOOL_PORTABLE_SCAN)
#include <bit>
#include <cstdint>
#include <cstring>

#include <emmintrin.h>
#endif

namespace httpool::http1 {

#if defined(__SSE2__) && !defined(HTTPOOL_PORTABLE_SCAN)
// Of each byte: whether no line of text may hold it (RFC 9110 §5.5).
inline __m128i is_control(__m128i bytes) noexcept {
  const __m128i low = _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(0x1f)), bytes);
  return _mm_or_si128(_mm_andnot_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('\t')), low),
                      _mm_cmpeq_epi8(bytes, _mm_set1_epi8(0x7f)));
}

// Of each byte: whether it is a letter, a digit or a hyphen, as in nearly every field name.
inline __m128i is_of_word(__m128i bytes) noexcept {
  const auto within = [](__m128i each, char first, char last) {
    const __m128i offset = _mm_sub_epi8(each, _mm_set1_epi8(first));
    const __m128i most = _mm_set1_epi8(static_cast<char>(last - first));
    return _mm_cmpeq_epi8(_mm_min_epu8(offset, most), offset);
  };
  const __m128i letter = within(_mm_or_si128(bytes, _mm_set1_epi8(0x20)), 'a', 'z');
  return _mm_or_si128(_mm_or_si128(letter, within(bytes, '0', '9')),
                      _mm_cmpeq_epi8(bytes, _mm_set1_epi8('-')));
}

inline unsigned mask_of(__m128i bytes) noexcept {
  return static_cast<unsigned>(_mm_movemask_epi8(bytes));
}

inline __m128i load(const char* p) noexcept {
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
}

// All bytes of a text of 4 to 16, some twice.
inline __m128i load_short(std::string_view text) noexcept {
  const auto part = [&](auto first) {
    auto last = first;
    std::memcpy(&first, text.data(), sizeof first);
    std::memcpy(&last, text.data() + text.size() - sizeof last, sizeof last);
    return _mm_set_epi64x(static_cast<long long>(first), static_cast<long long>(last));
  };
  if (text.size() >= sizeof(std::uint64_t))
    return part(std::uint64_t{0});
  const __m128i both = part(std::uint32_t{0});
  return _mm_shuffle_epi32(both, _MM_SHUFFLE(2, 0, 2, 0));
}
#endif

inline const char* find_control_portable(const char* p, const char* end) noexcept {
  while (p != end && is(*p, text_char))
    ++p;
  return p;
}

// The first byte of [p, end) that no line of text may hold (RFC 9110 §5.5), a line break included;
// `end` if there is none.
inline const char* find_control(const char* p, const char* end) noexcept {
#if defined(__SSE2__) && !defined(HTTPOOL_PORTABLE_SCAN)
  for (; end - p >= 16; p += 16) {
    if (const unsigned found = mask_of(is_control(load(p))); found != 0)
      return p + std::countr_zero(found);
  }
#endif
  return find_control_portable(p, end);
}

// Whether a line of text may hold all of this.
inline bool is_text(std::string_view text) noexcept {
#if defined(__SSE2__) && !defined(HTTPOOL_PORTABLE_SCAN)
  if (text.size() >= 4 && text.size() <= 16)
    return mask_of(is_control(load_short(text))) == 0;
#endif
  const char* const end = text.data() + text.size();
  return find_control(text.data(), end) == end;
}

// A byte of [p, end) before which all are letters, digits or hyphens: the first that is none if
// there are sixteen bytes to look at, and perhaps an earlier one if not.
inline const char* end_of_word(const char* p, const char* end) noexcept {
#if defined(__SSE2__) && !defined(HTTPOOL_PORTABLE_SCAN)
  for (; end - p >= 16; p += 16) {
    if (const unsigned others = mask_of(is_of_word(load(p))) ^ 0xffffU; others != 0)
      return p + std::countr_zero(others);
  }
#else
  static_cast<void>(end);
#endif
  return p;
}

// Whether it is a token (RFC 9110 §5.6.2).
inline bool is_name(std::string_view text) noexcept {
#if defined(__SSE2__) && !defined(HTTPOOL_PORTABLE_SCAN)
  if (text.size() >= 4 && text.size() <= 16 && mask_of(is_of_word(load_short(text))) == 0xffffU)
    return true;
#endif
  return is_token(text);
}

} // namespace httpool::http1
