/// \file
/// An HTTP response: status, fields, body.
#pragma once

#include <httpool/detail/export.hpp>
#include <httpool/fields.hpp>
#include <httpool/http_version.hpp>

#include <string>
#include <string_view>
#include <utility>

namespace httpool {

/// The phrase that RFC 9110 §15 (or the registry of status codes) gives a status code, such as
/// `Not Found` for 404; empty for a code that is not registered.
HTTPOOL_EXPORT std::string_view standard_reason(unsigned status) noexcept;

/// A response (RFC 9112 §4) with its head in one flat buffer; see `fields` for what that means and
/// for the errors.
///
/// A default-constructed or cleared response is `HTTP/1.1 200 OK` without fields and body. The
/// functions that take a status throw `boost::system::system_error` with `error::invalid_request`,
/// and change nothing, if it is not in 100 to 999 or the reason holds a control character other
/// than a tab.
///
/// \par Thread safety
/// Distinct objects: safe. Shared objects: unsafe, but for concurrent const access.
///
/// \code
/// httpool::response answer(404, "no such order\n", "text/plain");
/// \endcode
class HTTPOOL_EXPORT response {
public:
  /// `200 OK`; allocates nothing.
  response() noexcept = default;

  /// That status with its standard reason, without fields and body.
  explicit response(unsigned status);

  /// That status with a body of that media type.
  response(unsigned status, std::string body, std::string_view content_type);

  response(const response&) = default;
  response& operator=(const response&) = default;
  /// Takes the other's memory; the other is as cleared then.
  response(response&& other) noexcept;
  response& operator=(response&& other) noexcept;
  ~response() = default;

  /// The status code (RFC 9110 §15).
  unsigned status() const noexcept { return status_; }

  /// Sets the status code and its standard reason.
  void status(unsigned code);

  /// Sets the status code and a reason of one's own.
  void status(unsigned code, std::string_view reason);

  /// The reason phrase as received or set; may be empty. HTTP gives it no meaning.
  std::string_view reason() const noexcept;

  /// The version in the status line.
  http_version version() const noexcept { return version_; }
  void version(http_version version) noexcept { version_ = version; }

  /// The header fields.
  httpool::fields& fields() noexcept { return fields_; }
  const httpool::fields& fields() const noexcept { return fields_; }

  /// The content, without any transfer coding.
  std::string& body() noexcept { return body_; }
  const std::string& body() const noexcept { return body_; }
  void body(std::string content) noexcept { body_ = std::move(content); }

  /// The trailer fields of a chunked body (RFC 9112 §7.1.2). A response that has some is sent
  /// chunked.
  httpool::fields& trailers() noexcept { return trailers_; }
  const httpool::fields& trailers() const noexcept { return trailers_; }

  /// Whether the connection may serve on after this exchange as far as this side says: its version
  /// and its `Connection` field (RFC 9112 §9.3).
  bool keep_alive() const noexcept;

  /// Makes it `200 OK` without fields and body, and keeps the memory.
  void clear() noexcept;

private:
  friend struct http1::message_access;

  httpool::fields fields_;
  httpool::fields trailers_;
  std::string body_;
  unsigned status_ = 200;
  http_version version_ = http_version::http_1_1;
};

} // namespace httpool
