/// \file
/// TLS for the connections of pools and clients.
#pragma once

#include <httpool/detail/export.hpp>
#include <httpool/stream.hpp>
#include <httpool/tls_certificate.hpp>

#include <boost/asio/ip/tcp.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

struct ssl_ctx_st; // OpenSSL's SSL_CTX

namespace httpool {

/// How connections are encrypted, and whom they are encrypted for. A nonsense value makes
/// `tls_client::create` throw `std::invalid_argument` with the field's name and the value.
///
/// As they are, the options are what a browser would insist on: the certificate of the server must
/// be valid now, lead to a root that the system trusts, and be for the host that is called.
struct tls_options {
  /// Whether the certificate of the server is verified. False lets anybody pose as the server: it
  /// is for tests.
  bool verify_peer = true;

  /// Whether the roots are trusted that the system trusts; those in the file that the environment
  /// variable `SSL_CERT_FILE` names, or the directory `SSL_CERT_DIR`, if they are set.
  bool trust_system = true;

  /// A file of further roots to be trusted, in PEM; `trust_system` can be switched off beside it.
  std::string ca_file = {};

  /// The same as a text.
  std::string ca_pem = {};

  /// A file of revocation lists, in PEM, one of each authority in the chain at least (RFC 5280 §5).
  /// If set, a certificate that is on one, or whose authority has none, is not accepted.
  std::string crl_file = {};

  /// The same as a text.
  std::string crl_pem = {};

  /// If not empty, a certificate of the verified chain must have one of these public keys: the
  /// SHA-256 of its SubjectPublicKeyInfo, in base64 as in RFC 7469 §2.4, with or without `sha256/`
  /// before it. Without `verify_peer` the certificate of the server itself must.
  std::vector<std::string> pinned_keys = {};

  /// By what this side proves who it is, if the server asks.
  std::optional<tls_certificate> certificate = {};

  /// The name that the server is told (SNI, RFC 6066 §3), and that its certificate must be for
  /// (RFC 9110 §4.3.4), instead of the host that is dialed. One certificate may be for a name, or
  /// for an IP address. It does not begin with a dot.
  std::string server_name = {};

  /// The lowest version to speak.
  tls_version min_version = tls_version::tls_1_2;

  /// The highest version to speak.
  tls_version max_version = tls_version::tls_1_3;

  /// The cipher suites of TLS 1.2, in OpenSSL's notation; its default if empty.
  std::string ciphers = {};

  /// The protocols that are offered (ALPN, RFC 7301), best first; none is if this is empty. A
  /// server that picks another one than these is not spoken to. `h2` is refused: HTTP/2 is not
  /// spoken.
  std::vector<std::string> alpn = {"http/1.1"};

  /// Sessions to be resumed (RFC 8446 §2.2) that are kept, over all hosts and at most 64 of each;
  /// the newest, when there are more. A ticket of TLS 1.3 serves for one connection (RFC 8446
  /// §C.4). Who resumes a session is not verified anew: it ends no later than the certificate that
  /// it began with, but a revocation list that is renewed takes a new `tls_client`. 0 means that
  /// each connection makes a full handshake.
  std::size_t max_sessions = 1024;

  /// Is told why a server was not accepted, such as "certificate has expired", before the dial
  /// fails with `error::certificate_error`. Called from the threads of the pools; must not throw.
  std::function<void(std::string_view host, std::string_view reason)> on_rejected = {};

  /// Is given OpenSSL's context once, when all else has been set, for what these options lack.
  /// Callbacks that are set there may be called under the lock of a pool, and must not call it.
  std::function<void(ssl_ctx_st*)> customize = {};
};

/// Figures of a `tls_client` since it was made.
struct tls_client_stats {
  std::uint64_t full_handshakes = 0; ///< Completed, with certificates.
  std::uint64_t resumptions = 0;     ///< Handshakes completed by the resumption of a session.
  std::uint64_t failures = 0;        ///< Handshakes that failed, or were given up.
  std::size_t sessions = 0;          ///< Kept now.
};

/// Encrypts the connections of pools and clients that are given it as `pool_options::tls`, with one
/// set of options and one cache of sessions: those who differ in who they trust, or in who they
/// are, need one each.
///
/// \par Thread safety
/// Safe.
///
/// \code
/// httpool::client_options options;
/// options.pool.tls = httpool::tls_client::create();
/// httpool::client client(context, httpool::url("https://example.org").origin(), options);
/// \endcode
class HTTPOOL_EXPORT tls_client {
public:
  /// Reads the files, once.
  ///
  /// \throws std::invalid_argument if an option is nonsense, with its name and its value, or if a
  /// file cannot be read or does not hold what it should, with the reason.
  static std::shared_ptr<tls_client> create(tls_options options = {});

  virtual ~tls_client() = default;

  tls_client(const tls_client&) = delete;
  tls_client& operator=(const tls_client&) = delete;

  /// Figures of one moment.
  virtual tls_client_stats stats() const = 0;

  /// What encrypts the connection `over` whose peer is `host`, with what encrypts it already below.
  /// For the library's own use.
  virtual detail::secure_stream_pointer secure(stream& over, std::string_view host,
                                               std::uint16_t port) = 0;

protected:
  tls_client() = default;
};

} // namespace httpool
