// Inputs made of others.
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <vector>

namespace httpool_fuzz {

/// Changes one of some inputs a little, as a seed decides.
class mutator {
public:
  static constexpr std::size_t longest = 4096; ///< Of what it makes.

  /// None may be empty.
  mutator(std::vector<std::string> inputs, std::vector<std::string> tokens);

  /// The input of that seed.
  std::string make(std::uint64_t seed);

private:
  std::size_t below(std::size_t n) { return static_cast<std::size_t>(random_() % n); }
  const std::string& one_of(const std::vector<std::string>& some) {
    return some[below(some.size())];
  }
  void change(std::string& text);

  std::vector<std::string> inputs_;
  std::vector<std::string> tokens_;
  std::mt19937_64 random_;
};

} // namespace httpool_fuzz
