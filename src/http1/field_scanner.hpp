// The field lines of a head or a trailer section, found in one pass that can stop at any byte.
#pragma once

#include "http1/message_access.hpp"
#include "http1/problem.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace httpool::http1 {

struct head_limits {
  std::size_t bytes = 32 * 1024; // start line, fields and all line breaks
  std::size_t fields = 128;
};

enum class progress : std::uint8_t { need_more, done, failed };

// Scans field lines (RFC 9112 §5) and the empty line after them. Each call gets the same bytes as
// the one before, and more behind them; no byte is looked at twice, however they trickle in.
class field_scanner {
public:
  // A response's folded lines must be unfolded by a user agent, a request's be refused (§5.2).
  enum class folding : std::uint8_t { refuse, unfold };

  void reset(folding rule, std::size_t max_fields) noexcept;

  // `section` begins with the first field line. Fills `table` with offsets from there.
  progress scan(std::string_view section, std::vector<message_access::entry>& table);

  // After done: the bytes of the section, the empty line included.
  std::size_t size() const noexcept { return position_; }

  // After done: turns the line breaks inside folded values of the copied section into spaces and
  // trims these values.
  void unfold(char* section, std::vector<message_access::entry>& table) const noexcept;

  problem trouble() const noexcept { return trouble_; }

private:
  enum class stage : std::uint8_t { line_start, name, before_value, value };

  struct cursor {
    const char* begin;
    const char* at;
    const char* end;
  };

  progress fail(problem what) noexcept;
  progress pause(const cursor& in, stage where) noexcept;
  progress end_value(cursor& in, std::vector<message_access::entry>& table);

  std::size_t position_ = 0;
  std::size_t line_ = 0;
  std::size_t value_ = 0;
  std::uint32_t name_size_ = 0;
  std::size_t max_fields_ = 0;
  std::vector<std::uint32_t> folds_;
  folding rule_ = folding::refuse;
  stage stage_ = stage::line_start;
  bool folded_ = false;
  problem trouble_ = problem::none;
};

} // namespace httpool::http1
