// Chance that is the same for the same seed, on every machine and with every standard library.
#pragma once

#include <cstdint>

namespace httpool_sim {

/// splitmix64 (Steele, Lea, Flood 2014).
class random_source {
public:
  explicit random_source(std::uint64_t seed) noexcept : state_(seed) {}

  std::uint64_t next() noexcept {
    std::uint64_t z = state_ += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }

  /// Less than `end`, which is positive.
  std::uint64_t below(std::uint64_t end) noexcept { return next() % end; }

  /// At least `first`, at most `last`.
  std::int64_t between(std::int64_t first, std::int64_t last) noexcept {
    return first + static_cast<std::int64_t>(below(static_cast<std::uint64_t>(last - first) + 1));
  }

  /// True `parts` times in a million.
  bool chance(std::uint64_t parts) noexcept { return below(1'000'000) < parts; }

private:
  std::uint64_t state_;
};

} // namespace httpool_sim
