// The character classes of RFC 9110 and RFC 9112, and comparing without regard to case.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

namespace httpool::http1 {

enum char_class : unsigned char {
  token_char = 1,  // tchar, RFC 9110 §5.6.2
  target_char = 2, // visible ASCII: what any form of a request target may hold
  text_char = 4,   // tab, space, visible ASCII, obs-text: RFC 9110 §5.5
  host_char = 8,   // reg-name with its percent sign, RFC 3986 §3.2.2
};

inline constexpr std::array<unsigned char, 256> char_classes = [] {
  std::array<unsigned char, 256> classes{};
  for (unsigned c = 0; c < 256; ++c) {
    const bool alphanumeric =
        (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
    const bool visible = c > 0x20 && c < 0x7f;
    const auto one_of = [c](std::string_view set) {
      return c < 0x80 && set.find(static_cast<char>(c)) != std::string_view::npos;
    };
    unsigned found = 0;
    if (alphanumeric || one_of("!#$%&'*+-.^_`|~"))
      found |= token_char;
    if (visible)
      found |= target_char;
    if (visible || c == ' ' || c == '\t' || c >= 0x80)
      found |= text_char;
    if (alphanumeric || one_of("-._~%!$&'()*+,;="))
      found |= host_char;
    classes[c] = static_cast<unsigned char>(found);
  }
  return classes;
}();

constexpr bool is(char c, char_class kind) noexcept {
  return (char_classes[static_cast<unsigned char>(c)] & kind) != 0;
}

constexpr bool all(std::string_view text, char_class kind) noexcept {
  unsigned common = kind;
  for (const char c : text)
    common &= char_classes[static_cast<unsigned char>(c)];
  return common != 0;
}

constexpr bool is_token(std::string_view text) noexcept {
  return !text.empty() && all(text, token_char);
}

constexpr bool is_digit(char c) noexcept {
  return c >= '0' && c <= '9';
}

constexpr bool is_space(char c) noexcept {
  return c == ' ' || c == '\t';
}

// The same as ==, which the compiler makes a call for each but the shortest text.
template <std::size_t Size>
constexpr bool is_exactly(std::string_view text, const char (&wanted)[Size]) noexcept {
  return text.size() == Size - 1 &&
         std::char_traits<char>::compare(text.data(), wanted, Size - 1) == 0;
}

constexpr char lower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

constexpr bool same_name(std::string_view a, std::string_view b) noexcept {
  if (a.size() != b.size() || (!a.empty() && lower(a.front()) != lower(b.front())))
    return false;
  if (a == b) // as they nearly always are, if they are the same at all
    return true;
  for (std::size_t i = 0; i < a.size(); ++i)
    if (lower(a[i]) != lower(b[i]))
      return false;
  return true;
}

// Without the optional white space (OWS) around it.
constexpr std::string_view trim(std::string_view text) noexcept {
  while (!text.empty() && is_space(text.front()))
    text.remove_prefix(1);
  while (!text.empty() && is_space(text.back()))
    text.remove_suffix(1);
  return text;
}

// Takes the next element off the front of a comma-separated list; it may be empty.
constexpr std::string_view next_element(std::string_view& list) noexcept {
  const std::size_t comma = list.find(',');
  const std::string_view element = list.substr(0, comma);
  list = comma == std::string_view::npos ? std::string_view() : list.substr(comma + 1);
  return trim(element);
}

} // namespace httpool::http1
