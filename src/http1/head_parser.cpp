#include "http1/head_parser.hpp"

#include "http1/authority.hpp"
#include "http1/chars.hpp"
#include "http1/scan.hpp"

#include <algorithm>

namespace httpool::http1 {
namespace {

constexpr std::size_t version_size = 8; // "HTTP/1.1"

// RFC 9112 §2.3. A minor version above ours is served as ours (RFC 9110 §2.5).
problem parse_version(std::string_view text, http_version& version) noexcept {
  if (text.size() != version_size || !text.starts_with("HTTP/") || !is_digit(text[5]) ||
      text[6] != '.' || !is_digit(text[7]))
    return problem::bad_version;
  if (text[5] != '1')
    return problem::unsupported_version;
  version = text[7] == '0' ? http_version::http_1_0 : http_version::http_1_1;
  return problem::none;
}

} // namespace

void head_parser::reset(field_scanner::folding rule) noexcept {
  bytes_left_ = limits_.bytes;
  scanner_.reset(rule, limits_.fields);
  position_ = 0;
  line_ = 0;
  fields_begin_ = 0;
  trouble_ = problem::none;
}

void head_parser::pass_over(field_scanner::folding rule) noexcept {
  const std::size_t left = bytes_left_ - size();
  reset(rule);
  bytes_left_ = left;
}

progress head_parser::fail(problem what) noexcept {
  trouble_ = what;
  return progress::failed;
}

std::string_view head_parser::within_limit(std::string_view data) const noexcept {
  return data.substr(0, bytes_left_);
}

progress head_parser::more(std::string_view data, problem over_limit) noexcept {
  return data.size() >= bytes_left_ ? fail(over_limit) : progress::need_more;
}

progress head_parser::start_line(std::string_view data, bool skip_empty_lines,
                                 std::string_view& line) {
  const std::string_view seen = within_limit(data);
  if (skip_empty_lines && position_ == line_) {
    while (seen.substr(line_, 2) == "\r\n")
      line_ += 2;
    position_ = line_;
  }

  const char* end = seen.data() + seen.size();
  const char* at = find_control(seen.data() + position_, end);
  position_ = static_cast<std::size_t>(at - seen.data());
  if (at == end || (*at == '\r' && at + 1 == end))
    return more(data, problem::target_too_long);
  if (*at != '\r')
    return fail(*at == '\n' ? problem::bad_line_break : problem::bad_start_line);
  if (at[1] != '\n')
    return fail(problem::bad_line_break);
  line = seen.substr(line_, position_ - line_);
  fields_begin_ = position_ + 2;
  return progress::done;
}

progress head_parser::field_lines(std::string_view data, fields& to) {
  std::vector<message_access::entry>& table = message_access::table(to);
  const std::string_view section = within_limit(data).substr(fields_begin_);
  const progress step = scanner_.scan(section, table);
  if (step == progress::need_more)
    return more(data, problem::head_too_large);
  if (step == progress::failed)
    return fail(scanner_.trouble());

  const std::size_t empty_line = 2;
  std::string& buffer = message_access::buffer(to);
  const std::size_t start_size = fields_begin_ - line_;
  buffer.assign(data.substr(line_, size() - empty_line - line_));
  message_access::start_size(to, start_size);
  scanner_.unfold(buffer.data() + start_size, table);
  return progress::done;
}

void request_parser::reset() noexcept {
  head_parser::reset(field_scanner::folding::refuse);
}

progress request_parser::parse(std::string_view data, request& into) {
  if (!has_start_line()) {
    std::string_view line;
    if (const progress step = start_line(data, true, line); step != progress::done)
      return step;
    if (const problem what = request_line(line); what != problem::none)
      return fail(what);
  }
  const progress step = field_lines(data, into.fields());
  if (step == progress::done)
    message_access::start(into, method_size_, target_size_, version_);
  return step;
}

// request-line = method SP request-target SP HTTP-version (RFC 9112 §3)
problem request_parser::request_line(std::string_view line) noexcept {
  method_size_ = line.find(' ');
  if (method_size_ == std::string_view::npos || !is_token(line.substr(0, method_size_)))
    return problem::bad_start_line;
  const std::string_view method = line.substr(0, method_size_);
  line.remove_prefix(method_size_ + 1);

  target_size_ = line.find(' ');
  if (target_size_ == std::string_view::npos || target_size_ == 0)
    return problem::bad_start_line;
  if (const problem what = parse_version(line.substr(target_size_ + 1), version_);
      what != problem::none)
    return what;
  return is_target(method, line.substr(0, target_size_)) ? problem::none : problem::bad_target;
}

void response_parser::reset() noexcept {
  head_parser::reset(field_scanner::folding::unfold);
}

void response_parser::pass_over() noexcept {
  head_parser::pass_over(field_scanner::folding::unfold);
}

progress response_parser::parse(std::string_view data, response& into) {
  if (!has_start_line()) {
    std::string_view line;
    if (const progress step = start_line(data, false, line); step != progress::done)
      return step;
    if (const problem what = status_line(line); what != problem::none)
      return fail(what);
  }
  const progress step = field_lines(data, into.fields());
  if (step == progress::done)
    message_access::start(into, status_, version_);
  return step;
}

// status-line = HTTP-version SP status-code SP [ reason-phrase ] (RFC 9112 §4). Servers that leave
// out the second space when there is no reason are common, and nothing depends on it.
problem response_parser::status_line(std::string_view line) noexcept {
  if (const problem what = parse_version(line.substr(0, version_size), version_);
      what != problem::none)
    return what;
  line.remove_prefix(version_size);
  if (line.size() < 4 || line[0] != ' ' || (line.size() > 4 && line[4] != ' '))
    return problem::bad_start_line;
  if (!std::all_of(line.begin() + 1, line.begin() + 4, is_digit) || line[1] == '0')
    return problem::bad_status;
  status_ = static_cast<unsigned>((line[1] - '0') * 100 + (line[2] - '0') * 10 + (line[3] - '0'));
  return problem::none;
}

} // namespace httpool::http1
