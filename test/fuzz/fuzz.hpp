// What the fuzz targets have in common: how they make themselves known, how they take an input
// apart, and how they say that a property does not hold.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace httpool_fuzz {

/// A property does not hold; the message says which.
class broken_property : public std::runtime_error {
public:
  using std::runtime_error::runtime_error;
};

/// \throws broken_property unless `holds`.
void require(bool holds, const std::string& property);

/// One function that is given arbitrary bytes. Each source of a target has one at namespace scope.
class target {
public:
  using function = void (*)(std::string_view input);

  target(const char* name, function checked);

  const char* name() const noexcept { return name_; }

  /// \throws std::exception if a property does not hold for that input.
  void run(std::string_view input) const { run_(input); }

  /// Those in this program.
  static std::vector<const target*>& all();

private:
  const char* name_;
  function run_;
};

/// An input, byte by byte and then the rest. Missing bytes are zero.
class reader {
public:
  explicit reader(std::string_view input) noexcept : left_(input) {}

  std::uint8_t next() noexcept;
  std::string_view rest() const noexcept { return left_; }

private:
  std::string_view left_;
};

/// Cuts `text` into pieces that `seed` decides about: all at once if it is 0, byte by byte if it is
/// 1, otherwise as it falls. Calls `take` with each, until that yields false.
void in_pieces(std::string_view text, std::uint8_t seed,
               const std::function<bool(std::string_view)>& take);

/// Bytes for people: hexadecimal, and nothing else.
std::string to_hex(std::string_view bytes);

} // namespace httpool_fuzz
