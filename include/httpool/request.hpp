/// \file
/// An HTTP request: start line, fields, body.
#pragma once

#include <httpool/detail/export.hpp>
#include <httpool/fields.hpp>
#include <httpool/http_version.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

namespace httpool {

/// A request (RFC 9112 §3) with its head in one flat buffer; see `fields` for what that means and
/// for the errors.
///
/// A default-constructed or cleared request is `GET / HTTP/1.1` without fields and body. Functions
/// that take a method or a target throw `boost::system::system_error` with
/// `error::invalid_request`, and change nothing, if the method is not a token or the target is
/// empty or holds anything but visible ASCII characters.
///
/// \par Thread safety
/// Distinct objects: safe. Shared objects: unsafe, but for concurrent const access.
///
/// \code
/// httpool::request order("POST", "/orders");
/// order.fields().set("Content-Type", "application/json");
/// order.body("{}");
/// \endcode
class HTTPOOL_EXPORT request {
public:
  /// `GET /`; allocates nothing.
  request() noexcept = default;

  /// A request of that method (case matters) for that target, without fields and body. For a client
  /// the target is a URL, a path that begins with `/`, or `*` for OPTIONS.
  request(std::string_view method, std::string_view target,
          http_version version = http_version::http_1_1);

  request(const request&) = default;
  request& operator=(const request&) = default;
  /// Takes the other's memory; the other is as cleared then.
  request(request&& other) noexcept;
  request& operator=(request&& other) noexcept;
  ~request() = default;

  /// The method, such as `GET` (RFC 9110 §9).
  std::string_view method() const noexcept;
  void method(std::string_view name);

  /// The request target as it stands in the request line, in any of its forms (RFC 9112 §3.2).
  std::string_view target() const noexcept;
  void target(std::string_view text);

  /// The version in the request line.
  http_version version() const noexcept { return version_; }
  void version(http_version version) noexcept { version_ = version; }

  /// The header fields.
  httpool::fields& fields() noexcept { return fields_; }
  const httpool::fields& fields() const noexcept { return fields_; }

  /// The content, without any transfer coding.
  std::string& body() noexcept { return body_; }
  const std::string& body() const noexcept { return body_; }
  void body(std::string content) noexcept { body_ = std::move(content); }

  /// The trailer fields of a chunked body (RFC 9112 §7.1.2). A request that has some is sent
  /// chunked.
  httpool::fields& trailers() noexcept { return trailers_; }
  const httpool::fields& trailers() const noexcept { return trailers_; }

  /// Whether the connection may serve on after this exchange as far as this side says: its version
  /// and its `Connection` field (RFC 9112 §9.3).
  bool keep_alive() const noexcept;

  /// Makes it `GET /` without fields and body, and keeps the memory.
  void clear() noexcept;

private:
  friend struct http1::message_access;

  void start_line(std::string_view method, std::string_view target);

  httpool::fields fields_;
  httpool::fields trailers_;
  std::string body_;
  // Zero sizes mean that no start line is stored and `GET /` holds.
  std::size_t method_size_ = 0;
  std::size_t target_size_ = 0;
  http_version version_ = http_version::http_1_1;
};

} // namespace httpool
