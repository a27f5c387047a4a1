#include "http1/chunk_header.hpp"

#include "http1/chars.hpp"

#include <limits>

namespace httpool::http1 {
namespace {

// Far more than any use of extensions, far less than it takes to keep a server busy with nothing.
constexpr std::size_t max_overhead = 16 * 1024;

int hex_digit(char c) noexcept {
  if (is_digit(c))
    return c - '0';
  const char letter = lower(c);
  return letter >= 'a' && letter <= 'f' ? letter - 'a' + 10 : -1;
}

} // namespace

void chunk_header::reset() noexcept {
  overhead_ = 0;
  trouble_ = problem::none;
  next();
}

void chunk_header::next() noexcept {
  size_ = 0;
  stage_ = stage::first_digit;
}

std::size_t chunk_header::parse(std::string_view in) noexcept {
  std::size_t used = 0;
  while (used < in.size() && stage_ != stage::done && trouble_ == problem::none)
    trouble_ = take(in[used++]);
  return used;
}

problem chunk_header::take_digit(char c) noexcept {
  const int digit = hex_digit(c);
  if (size_ == 0 && stage_ == stage::digits && ++overhead_ > max_overhead)
    return problem::chunk_extension_too_long;
  if (size_ > std::numeric_limits<std::uint64_t>::max() >> 4)
    return problem::body_too_large;
  size_ = size_ << 4 | static_cast<std::uint64_t>(digit);
  stage_ = stage::digits;
  return problem::none;
}

// What may follow an extension, or the size: white space is none of it unless an extension follows.
problem chunk_header::end_extension(char c) noexcept {
  if (c == ';')
    stage_ = stage::before_name;
  else if (c == '\r')
    stage_ = stage::line_feed;
  else if (is_space(c))
    stage_ = stage::before_semicolon;
  else
    return problem::bad_chunk_extension;
  return problem::none;
}

// chunk-ext = *( BWS ";" BWS chunk-ext-name [ BWS "=" BWS chunk-ext-val ] )
problem chunk_header::take(char c) noexcept {
  if (stage_ > stage::digits && stage_ != stage::line_feed && ++overhead_ > max_overhead)
    return problem::chunk_extension_too_long;

  switch (stage_) {
  case stage::first_digit:
    return hex_digit(c) < 0 ? problem::bad_chunk_size : take_digit(c);
  case stage::digits:
    if (hex_digit(c) >= 0)
      return take_digit(c);
    return end_extension(c) == problem::none ? problem::none : problem::bad_chunk_size;
  case stage::before_semicolon:
    if (c == ';')
      stage_ = stage::before_name;
    else if (!is_space(c))
      return problem::bad_chunk_extension;
    return problem::none;
  case stage::before_name:
    if (is(c, token_char))
      stage_ = stage::name;
    else if (!is_space(c))
      return problem::bad_chunk_extension;
    return problem::none;
  case stage::name:
    if (is(c, token_char))
      return problem::none;
    if (is_space(c))
      stage_ = stage::after_name;
    else if (c == '=')
      stage_ = stage::before_value;
    else
      return end_extension(c);
    return problem::none;
  case stage::after_name:
    if (c == '=')
      stage_ = stage::before_value;
    else if (c == ';')
      stage_ = stage::before_name;
    else if (!is_space(c))
      return problem::bad_chunk_extension;
    return problem::none;
  case stage::before_value:
    if (c == '"')
      stage_ = stage::quoted;
    else if (is(c, token_char))
      stage_ = stage::value;
    else if (!is_space(c))
      return problem::bad_chunk_extension;
    return problem::none;
  case stage::value:
    return is(c, token_char) ? problem::none : end_extension(c);
  case stage::quoted:
    if (c == '"')
      stage_ = stage::after_quoted;
    else if (c == '\\')
      stage_ = stage::escaped;
    else if (!is(c, text_char))
      return problem::bad_chunk_extension;
    return problem::none;
  case stage::escaped:
    stage_ = stage::quoted;
    return is(c, text_char) ? problem::none : problem::bad_chunk_extension;
  case stage::after_quoted:
    return end_extension(c);
  case stage::line_feed:
    stage_ = stage::done;
    return c == '\n' ? problem::none : problem::bad_line_break;
  case stage::done:
    break;
  }
  return problem::none;
}

} // namespace httpool::http1
