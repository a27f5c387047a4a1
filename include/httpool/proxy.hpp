/// \file
/// A proxy that connections are made through.
#pragma once

#include <httpool/detail/export.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace httpool {

class tls_client;

/// How a proxy is spoken to.
enum class proxy_kind : std::uint8_t {
  http,   ///< HTTP (RFC 9110 §3.7): requests are forwarded, or tunneled by CONNECT (§9.3.6).
  https,  ///< The same, over TLS to the proxy.
  socks5, ///< SOCKS version 5 (RFC 1928), with a user name and a password (RFC 1929) if asked for.
};

/// A proxy: how it is spoken to, where it listens, and who this side is to it.
///
/// Names of origins are never looked up on this side: the proxy is told them, be it by HTTP or by
/// SOCKS.
///
/// No error's message and no text that is made of a proxy holds its user name or its password.
///
/// \par Thread safety
/// Distinct objects: safe. Shared objects: unsafe, but for concurrent const access.
///
/// \code
/// httpool::client_options options;
/// options.proxies.http = httpool::proxy("http://user:secret@proxy.internal:3128");
/// options.proxies.https = options.proxies.http;
/// \endcode
class HTTPOOL_EXPORT proxy {
public:
  /// The proxy of a URL: `http://[user[:password]@]host[:port]`, the same with `https`, or with
  /// `socks5` or `socks5h`, which are the same: the proxy resolves names with both. Without a port
  /// it is 80, 443 or 1080. User name and password are percent-encoded (RFC 3986 §3.2.1). A path,
  /// if there is one, is `/`.
  ///
  /// `tls` encrypts the connection to an `https` proxy, and verifies who that is; it may also be
  /// set later, but must be when a pool or client is made. For other proxies it means nothing. It
  /// had better not be the one for origins: what its options say, such as a `server_name`, pinned
  /// keys or the certificate of this side, is then meant for the proxy, too.
  ///
  /// \throws std::invalid_argument if this is no such URL, with the reason, but without the text,
  /// which may hold a password; also as `credentials` does.
  explicit proxy(std::string_view url, std::shared_ptr<tls_client> tls = {});

  /// How it is spoken to.
  proxy_kind kind() const noexcept { return kind_; }

  /// Its host: a name in lower case, or an IP address, IPv6 without brackets.
  const std::string& host() const noexcept { return host_; }

  /// Its port.
  std::uint16_t port() const noexcept { return port_; }

  /// What encrypts the connection to an `https` proxy.
  const std::shared_ptr<tls_client>& tls() const noexcept { return tls_; }

  /// Sets what encrypts the connection to an `https` proxy.
  void tls(std::shared_ptr<tls_client> by) noexcept { tls_ = std::move(by); }

  /// Whether it is told a user name and a password.
  bool has_credentials() const noexcept { return has_credentials_; }

  /// The user name, decoded; empty if there is none.
  const std::string& user() const noexcept { return user_; }

  /// The password, decoded; empty if there is none.
  const std::string& password() const noexcept { return password_; }

  /// Sets user name and password, as they are.
  ///
  /// \throws std::invalid_argument, without either of them, if the proxy could not be told them:
  /// over HTTP (RFC 7617 §2) if one holds a control character, or the user name a colon; over SOCKS
  /// (RFC 1929 §2) if one is empty or longer than 255 bytes.
  void credentials(std::string user, std::string password);

  /// The proxy as a URL without user name and password.
  std::string to_string() const;

private:
  std::string host_;
  std::string user_;
  std::string password_;
  std::shared_ptr<tls_client> tls_;
  std::uint16_t port_ = 0;
  proxy_kind kind_ = proxy_kind::http;
  bool has_credentials_ = false;
};

} // namespace httpool
