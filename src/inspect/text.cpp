#include "inspect/text.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

namespace httpool::detail {
namespace {

std::string fixed(double value, int digits, const char* unit) {
  std::array<char, 64> text = {};
  const int size = std::snprintf(text.data(), text.size(), "%.*f %s", digits, value, unit);
  return std::string(text.data(), static_cast<std::size_t>(size));
}

/// How many bytes of well-formed UTF-8 (RFC 3629) there are for one character; 0 for none.
std::size_t character_size(std::string_view text) noexcept {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  if (first < 0x80)
    return 1;
  const std::size_t size = first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  if (first > 0xf4 || size == 0 || text.size() < size)
    return 0;
  for (std::size_t i = 1; i != size; ++i) {
    if ((byte(i) & 0xc0) != 0x80)
      return 0;
  }
  const unsigned char second = byte(1);
  const bool is_bad = (first == 0xe0 && second < 0xa0) || (first == 0xed && second > 0x9f) ||
                      (first == 0xf0 && second < 0x90) || (first == 0xf4 && second > 0x8f);
  return is_bad ? 0 : size;
}

std::string_view find(const texts& with, std::string_view name) noexcept {
  const auto found =
      std::find_if(with.begin(), with.end(), [&](const auto& each) { return each.first == name; });
  return found == with.end() ? std::string_view() : std::string_view(found->second);
}

} // namespace

std::string duration_text(std::chrono::nanoseconds time) {
  const double ms = std::chrono::duration<double, std::milli>(time).count();
  if (ms < 0.0005)
    return "0 ms";
  if (ms < 0.995)
    return fixed(ms, ms < 0.1 ? 3 : 2, "ms");
  if (ms < 9.95)
    return fixed(ms, 1, "ms");
  if (ms < 999.5)
    return fixed(ms, 0, "ms");
  if (ms < 59'950)
    return fixed(ms / 1000, 1, "s");
  const auto seconds = static_cast<std::uint64_t>(ms / 1000);
  if (seconds < 3600)
    return std::to_string(seconds / 60) + " min " + std::to_string(seconds % 60) + " s";
  return count_text(seconds / 3600) + " h " + std::to_string(seconds / 60 % 60) + " min";
}

std::string count_text(std::uint64_t count) {
  std::string text = std::to_string(count);
  for (std::size_t i = text.size(); i > 3; i -= 3)
    text.insert(i - 3, 1, ',');
  return text;
}

std::string percent_text(double part) {
  // Nothing is said to be all that is not.
  const double percent = part > 0.99 ? std::floor(part * 1000) / 10 : part * 100;
  const bool is_whole = percent <= 0 || percent >= 100 || (percent >= 10 && percent < 99);
  return fixed(percent, is_whole ? 0 : 1, "%");
}

std::string clean_text(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  while (!text.empty()) {
    const auto first = static_cast<unsigned char>(text.front());
    const std::size_t size = first < 0x20 || first == 0x7f ? 0 : character_size(text);
    result += size == 0 ? std::string_view("\xef\xbf\xbd") : text.substr(0, size);
    text.remove_prefix(std::max<std::size_t>(size, 1));
  }
  return result;
}

std::string escaped(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  for (const char c : text) {
    switch (c) {
    case '&':
      result += "&amp;";
      break;
    case '<':
      result += "&lt;";
      break;
    case '>':
      result += "&gt;";
      break;
    case '"':
      result += "&quot;";
      break;
    case '\'':
      result += "&#39;";
      break;
    default:
      result += c;
    }
  }
  return result;
}

std::string filled(std::string_view form, const texts& with) {
  std::string result;
  result.reserve(form.size());
  for (;;) {
    const std::size_t open = form.find("{{");
    result += form.substr(0, open);
    if (open == std::string_view::npos)
      return result;
    form.remove_prefix(open + 2);
    const bool is_raw = form.starts_with('{');
    const std::string_view closing = is_raw ? "}}}" : "}}";
    form.remove_prefix(is_raw ? 1 : 0);
    const std::size_t close = form.find(closing);
    const std::string_view text = find(with, form.substr(0, close));
    result += is_raw ? std::string(text) : escaped(text);
    form.remove_prefix(std::min(form.size(), close + closing.size()));
  }
}

} // namespace httpool::detail
