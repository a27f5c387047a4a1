/// \file
/// A URL, taken apart into the origin and the target of a request.
#pragma once

#include <httpool/detail/export.hpp>
#include <httpool/origin.hpp>

#include <boost/system/result.hpp>

#include <string>
#include <string_view>

namespace httpool {

class url;

/// Takes a URL apart: `http://host[:port][/path][?query][#fragment]` (RFC 9110 §4.2.1), the same
/// with `https` (§4.2.2), or `http+unix://path-of-a-socket[/path][?query][#fragment]` with the path
/// of the Unix-domain socket percent-encoded, as in `http+unix://%2Frun%2Fdaemon.sock/status`.
///
/// The host may be an IPv6 address with a zone (RFC 6874): `http://[fe80::1%25eth0]/`. It must not
/// be percent-encoded otherwise, and an international name is given in its ASCII form.
///
/// \par Errors
/// What is found first, in this order:
/// - `error::invalid_url` if this is no URL of RFC 3986, such as one with a space, a control
///   character or a letter beyond ASCII, or one without a scheme; in the end also if the host, or
///   the path of the socket, is none that an `origin` can have;
/// - `error::unsupported_scheme` if the scheme is another one;
/// - `error::url_with_credentials` if it has user information before the host: it would end in
///   logs, and RFC 9110 §4.2.4 asks to reject it;
/// - `error::url_without_host` if the host, or the path of the socket, is missing;
/// - `error::invalid_port` if the port is no number, or not in 1 to 65535, or if a socket has one.
///   An empty port (`http://host:/`) is the default one (RFC 3986 §6.2.3).
HTTPOOL_EXPORT boost::system::result<url> parse_url(std::string_view text);

/// A URL that requests can be sent to: an origin, and the target of a request line.
///
/// \par Thread safety
/// Distinct objects: safe. Shared objects: unsafe, but for concurrent const access.
///
/// \code
/// const httpool::url where("http://backend.internal:8080/orders?open");
/// httpool::request list("GET", where.target());
/// \endcode
class HTTPOOL_EXPORT url {
public:
  /// `http://localhost/`.
  url() = default;

  /// What `parse_url` gives.
  ///
  /// \throws boost::system::system_error with the error of `parse_url`. Its message does not quote
  /// the text, which may hold a password.
  explicit url(std::string_view text) : url(parse_url(text).value()) {}

  /// Where requests go.
  const httpool::origin& origin() const noexcept { return origin_; }

  /// The request target in origin-form (RFC 9112 §3.2.1): path and query as they were written,
  /// without the fragment; `/` stands for an empty path.
  const std::string& target() const noexcept { return target_; }

  /// The URL in normal form, without a fragment; `parse_url` gives an equal one of it.
  std::string to_string() const { return origin_.to_string() + target_; }

  /// Whether the origins are equal, and the targets are so letter by letter.
  friend bool operator==(const url&, const url&) = default;

private:
  friend boost::system::result<url> parse_url(std::string_view text);

  httpool::origin origin_;
  std::string target_ = "/";
};

} // namespace httpool
