#include "fuzz/fuzz.hpp"

#include <algorithm>
#include <random>

namespace httpool_fuzz {

void require(bool holds, const std::string& property) {
  if (!holds)
    throw broken_property(property);
}

target::target(const char* name, function checked) : name_(name), run_(checked) {
  all().push_back(this);
}

std::vector<const target*>& target::all() {
  static std::vector<const target*> targets;
  return targets;
}

std::uint8_t reader::next() noexcept {
  if (left_.empty())
    return 0;
  const auto first = static_cast<std::uint8_t>(left_.front());
  left_.remove_prefix(1);
  return first;
}

void in_pieces(std::string_view text, std::uint8_t seed,
               const std::function<bool(std::string_view)>& take) {
  std::minstd_rand chance(seed);
  bool goes_on = true;
  while (goes_on && !text.empty()) {
    const std::size_t wanted = seed == 0 ? text.size() : seed == 1 ? 1 : 1 + chance() % 24;
    const std::size_t size = std::min(wanted, text.size());
    goes_on = take(text.substr(0, size));
    text.remove_prefix(size);
  }
}

std::string to_hex(std::string_view bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string hex;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    hex += digits[byte >> 4U];
    hex += digits[byte & 15U];
  }
  return hex;
}

} // namespace httpool_fuzz
