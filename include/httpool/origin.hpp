/// \file
/// Where requests go.
#pragma once

#include <httpool/detail/export.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace httpool {

/// How the requests for an origin travel.
enum class scheme : std::uint8_t {
  http,      ///< HTTP over TCP (RFC 9110 §4.2.1).
  https,     ///< HTTP over TLS over TCP (RFC 9110 §4.2.2).
  http_unix, ///< HTTP over a Unix-domain socket of this machine; written `http+unix`.
};

/// An origin: scheme, host and port that requests are for (RFC 6454, RFC 9110 §4.3.1), or the
/// Unix-domain socket that they go to.
///
/// Its parts are normalised when it is made, so that two origins are equal exactly if they name the
/// same place as far as their text can tell:
///
/// - A host's letters are in lower case, and one dot at its end is dropped.
/// - An IPv6 address has the form of RFC 5952, without brackets. Its zone (RFC 4007 §11), such as
///   `%eth0`, is kept as it was given: a link-local address means something else on each link.
/// - An IPv4 address is dotted decimal, even if it was one of the numbers that resolvers take for
///   such an address: `127.1`, `0x7f000001` and `0177.0.0.1` are `127.0.0.1`.
/// - The port is always known.
/// - The path of a socket is kept as it is.
///
/// \par Thread safety
/// Distinct objects: safe. Shared objects: unsafe, but for concurrent const access.
///
/// \code
/// httpool::origin backend("Backend.Internal.", 8080);   // http://backend.internal:8080
/// httpool::origin daemon = httpool::origin::unix_socket("/run/daemon.sock");
/// \endcode
class HTTPOOL_EXPORT origin {
public:
  /// `http://localhost`.
  origin() = default;

  /// The origin `http://host:port`; `host` is a name or an IP address, IPv6 with or without
  /// brackets and with or without a zone.
  ///
  /// \throws std::invalid_argument with the value, if `host` is none of them, or `port` is 0. A
  /// name is what may stand in a `Host` field (RFC 9110 §7.2), without percent signs and without
  /// empty labels; an international one is given in its ASCII form (RFC 5890).
  explicit origin(std::string_view host, std::uint16_t port = 80);

  /// The same for a scheme that has hosts and ports: `scheme::http` or `scheme::https`.
  ///
  /// \throws std::invalid_argument also if it is another.
  origin(httpool::scheme scheme, std::string_view host, std::uint16_t port);

  /// The origin behind the Unix-domain socket at `path`.
  ///
  /// \throws std::invalid_argument with the value, if `path` is not absolute, contains NUL, or is
  /// longer than the address of a socket can be.
  static origin unix_socket(std::string_view path);

  /// How requests travel.
  httpool::scheme scheme() const noexcept { return scheme_; }

  /// The host, an IPv6 address without brackets but with its zone; empty for a Unix-domain socket.
  std::string_view host() const noexcept;

  /// The port; 0 for a Unix-domain socket.
  std::uint16_t port() const noexcept { return port_; }

  /// The path of the Unix-domain socket; empty for every other scheme.
  std::string_view socket_path() const noexcept;

  /// The value of the `Host` field of requests (RFC 9110 §7.2): an IPv6 address is in brackets and
  /// lacks its zone, which means something on this machine alone (RFC 6874 §1); the default port is
  /// left out. `localhost` for a Unix-domain socket.
  std::string authority() const;

  /// The origin as a URL without a path: the default port is left out, a zone begins with `%25`
  /// (RFC 6874), and the path of a socket is percent-encoded: `http+unix://%2Frun%2Fdaemon.sock`.
  /// `parse_url` gives the same origin again.
  std::string to_string() const;

  /// Whether both name the same place.
  friend bool operator==(const origin&, const origin&) = default;

private:
  std::string place_ = "localhost"; // the host or the path
  std::uint16_t port_ = 80;
  httpool::scheme scheme_ = scheme::http;
};

} // namespace httpool

// Doxygen 1.9 finds no scope for it.
/// \cond
/// Hashes an origin, for unordered containers.
template <>
struct std::hash<httpool::origin> {
  /// Equal for equal origins.
  std::size_t operator()(const httpool::origin& value) const noexcept;
};
/// \endcond
