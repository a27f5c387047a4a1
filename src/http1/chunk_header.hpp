// The line before a chunk: its size and its extensions (RFC 9112 §7.1).
#pragma once

#include "http1/problem.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace httpool::http1 {

// Extensions are checked and ignored. One object serves all chunks of a body, since what it spends
// on extensions and leading zeros counts against one limit.
class chunk_header {
public:
  void reset() noexcept;

  // Takes bytes up to and including the line break; done() or trouble() says why it stopped short.
  std::size_t parse(std::string_view in) noexcept;

  bool done() const noexcept { return stage_ == stage::done; }
  problem trouble() const noexcept { return trouble_; }
  std::uint64_t size() const noexcept { return size_; }

  // Be ready for the next line of the same body.
  void next() noexcept;

private:
  enum class stage : std::uint8_t {
    first_digit,
    digits,
    before_semicolon, // after white space, where only an extension may follow
    before_name,
    name,
    after_name, // after white space, where a value or another extension may follow
    before_value,
    value,
    quoted,
    escaped,
    after_quoted,
    line_feed,
    done,
  };

  problem take(char c) noexcept;
  problem take_digit(char c) noexcept;
  problem end_extension(char c) noexcept;

  std::uint64_t size_ = 0;
  std::size_t overhead_ = 0;
  stage stage_ = stage::first_digit;
  problem trouble_ = problem::none;
};

} // namespace httpool::http1
