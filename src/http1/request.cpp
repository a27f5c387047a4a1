#include "http1/chars.hpp"
#include "http1/invalid.hpp"
#include "http1/persistence.hpp"

#include <httpool/request.hpp>

#include <utility>

namespace httpool {

request::request(std::string_view method, std::string_view target, http_version version)
    : version_(version) {
  start_line(method, target);
}

request::request(request&& other) noexcept
    : fields_(std::move(other.fields_)),
      trailers_(std::move(other.trailers_)),
      body_(std::move(other.body_)),
      method_size_(other.method_size_),
      target_size_(other.target_size_),
      version_(other.version_) {
  other.clear();
}

request& request::operator=(request&& other) noexcept {
  if (this != &other) {
    fields_ = std::move(other.fields_);
    trailers_ = std::move(other.trailers_);
    body_ = std::move(other.body_);
    method_size_ = other.method_size_;
    target_size_ = other.target_size_;
    version_ = other.version_;
    other.clear();
  }
  return *this;
}

std::string_view request::method() const noexcept {
  return method_size_ == 0 ? "GET" : fields_.start_line().substr(0, method_size_);
}

std::string_view request::target() const noexcept {
  return method_size_ == 0 ? "/" : fields_.start_line().substr(method_size_ + 1, target_size_);
}

void request::method(std::string_view name) {
  start_line(name, target());
}

void request::target(std::string_view text) {
  start_line(method(), text);
}

void request::start_line(std::string_view method, std::string_view target) {
  if (!http1::is_token(method))
    http1::throw_invalid("a method is not a token");
  if (target.empty() || !http1::all(target, http1::target_char))
    http1::throw_invalid("a target is empty or holds something other than visible ASCII");

  std::string line;
  line.reserve(method.size() + target.size() + 12);
  line.append(method).append(" ").append(target).append(" HTTP/1.1\r\n");
  fields_.start_line(line);
  method_size_ = method.size();
  target_size_ = target.size();
}

bool request::keep_alive() const noexcept {
  return http1::wants_keep_alive(version_, fields_);
}

void request::clear() noexcept {
  fields_.start_size_ = 0;
  fields_.clear();
  trailers_.clear();
  body_.clear();
  method_size_ = 0;
  target_size_ = 0;
  version_ = http_version::http_1_1;
}

} // namespace httpool
