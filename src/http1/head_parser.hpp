// The head of a message: start line and fields, parsed from a read buffer into the message's own.
#pragma once

#include "http1/field_scanner.hpp"

#include <httpool/http_version.hpp>

#include <cstddef>
#include <string_view>

namespace httpool::http1 {

// What the parsers of requests and of responses share. Use: reset, then parse with all bytes that
// have arrived since the first one of the message, again with more behind them after `need_more`.
// After `done`, `size()` bytes belong to the head.
class head_parser {
public:
  std::size_t size() const noexcept { return fields_begin_ + scanner_.size(); }
  problem trouble() const noexcept { return trouble_; }

  // Whether a byte of the message itself, other than empty lines before it, has been seen.
  bool started() const noexcept { return position_ > line_; }

protected:
  explicit head_parser(head_limits limits) noexcept : limits_(limits) {}

  void reset(field_scanner::folding rule) noexcept;

  // After `done`: resets, but that this head counts towards the limit of the next.
  void pass_over(field_scanner::folding rule) noexcept;

  progress fail(problem what) noexcept;

  // Finds the end of the start line, which is then in `line`, without its line break.
  progress start_line(std::string_view data, bool skip_empty_lines, std::string_view& line);

  // Scans the fields behind the start line and copies the head into `to`.
  progress field_lines(std::string_view data, fields& to);

  // What of `data` the limit lets be looked at, and the verdict when that is not enough.
  std::string_view within_limit(std::string_view data) const noexcept;
  progress more(std::string_view data, problem over_limit) noexcept;

  bool has_start_line() const noexcept { return fields_begin_ != 0; }

private:
  head_limits limits_;
  std::size_t bytes_left_ = 0; // of the limit
  field_scanner scanner_;
  std::size_t position_ = 0;
  std::size_t line_ = 0;
  std::size_t fields_begin_ = 0;
  problem trouble_ = problem::none;
};

class request_parser : public head_parser {
public:
  explicit request_parser(head_limits limits = {}) noexcept : head_parser(limits) { reset(); }

  void reset() noexcept;

  // `into` has to be clear before the first call; its head is complete after `done`. Empty lines
  // before the request line are skipped (RFC 9112 §2.2).
  progress parse(std::string_view data, request& into);

private:
  problem request_line(std::string_view line) noexcept;

  std::size_t method_size_ = 0;
  std::size_t target_size_ = 0;
  http_version version_ = http_version::http_1_1;
};

class response_parser : public head_parser {
public:
  explicit response_parser(head_limits limits = {}) noexcept : head_parser(limits) { reset(); }

  void reset() noexcept;

  // After an informational response (1xx): resets for what comes next. The limit of bytes is one
  // for all the heads before the final response, and that of it, or they might come for ever.
  void pass_over() noexcept;

  // `into` has to be clear before the first call; its head is complete after `done`.
  progress parse(std::string_view data, response& into);

private:
  problem status_line(std::string_view line) noexcept;

  unsigned status_ = 0;
  http_version version_ = http_version::http_1_1;
};

} // namespace httpool::http1
