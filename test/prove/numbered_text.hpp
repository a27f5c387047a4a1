// Texts that name the call that they belong to, so that none can be taken for another's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace httpool_test {

/// A well mixed number that follows from another.
inline std::uint64_t mixed(std::uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

/// A text of at least so many bytes, every few of which say the kind and the number.
inline std::string numbered_text(const std::string& kind, std::uint64_t number, std::size_t size) {
  const std::string piece = kind + std::to_string(number) + '\n';
  std::string text;
  text.reserve(size + piece.size());
  while (text.size() < size)
    text += piece;
  return text;
}

} // namespace httpool_test
