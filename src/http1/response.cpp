#include "http1/chars.hpp"
#include "http1/invalid.hpp"
#include "http1/persistence.hpp"

#include <httpool/response.hpp>

#include <utility>

namespace httpool {
namespace {

// "HTTP/1.1 200 " comes before the reason in every status line.
constexpr std::size_t reason_offset = 13;
constexpr std::size_t line_break_size = 2;

void check_status(unsigned code) {
  if (code < 100 || code > 999)
    http1::throw_invalid("a status code is not in 100 to 999");
}

} // namespace

response::response(unsigned status) {
  check_status(status);
  status_ = status;
}

response::response(unsigned status, std::string body, std::string_view content_type)
    : response(status) {
  fields_.add("Content-Type", content_type);
  body_ = std::move(body);
}

response::response(response&& other) noexcept
    : fields_(std::move(other.fields_)),
      trailers_(std::move(other.trailers_)),
      body_(std::move(other.body_)),
      status_(other.status_),
      version_(other.version_) {
  other.clear();
}

response& response::operator=(response&& other) noexcept {
  if (this != &other) {
    fields_ = std::move(other.fields_);
    trailers_ = std::move(other.trailers_);
    body_ = std::move(other.body_);
    status_ = other.status_;
    version_ = other.version_;
    other.clear();
  }
  return *this;
}

void response::status(unsigned code) {
  check_status(code);
  fields_.start_line(std::string_view());
  status_ = code;
}

void response::status(unsigned code, std::string_view reason) {
  check_status(code);
  if (!http1::all(reason, http1::text_char))
    http1::throw_invalid("a reason holds a control character");

  std::string line = "HTTP/1.1 " + std::to_string(code) + ' ';
  line.append(reason).append("\r\n");
  fields_.start_line(line);
  status_ = code;
}

std::string_view response::reason() const noexcept {
  const std::string_view line = fields_.start_line();
  if (line.empty())
    return standard_reason(status_);
  if (line.size() <= reason_offset + line_break_size)
    return {};
  return line.substr(reason_offset, line.size() - reason_offset - line_break_size);
}

bool response::keep_alive() const noexcept {
  return http1::wants_keep_alive(version_, fields_);
}

void response::clear() noexcept {
  fields_.start_size_ = 0;
  fields_.clear();
  trailers_.clear();
  body_.clear();
  status_ = 200;
  version_ = http_version::http_1_1;
}

} // namespace httpool
