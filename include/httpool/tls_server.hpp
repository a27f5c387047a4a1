/// \file
/// TLS for the connections of servers.
#pragma once

#include <httpool/detail/export.hpp>
#include <httpool/stream.hpp>
#include <httpool/tls_certificate.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

struct ssl_ctx_st; // OpenSSL's SSL_CTX

namespace httpool {

/// How a server's connections are encrypted. A nonsense value makes `tls_server::create` and
/// `tls_server::reload` throw `std::invalid_argument` with the field's name and the value.
struct tls_server_options {
  /// The certificates of the server, at least one. A client that names a host (SNI, RFC 6066 §3)
  /// gets the first that is for this host, every other one gets the first of all.
  std::vector<tls_certificate> certificates = {};

  /// A file of the roots of clients' certificates, in PEM. If set, clients are asked for one.
  std::string client_ca_file = {};

  /// The same as a text.
  std::string client_ca_pem = {};

  /// A file of revocation lists, in PEM, one of each authority in a client's chain at least (RFC
  /// 5280 §5). If set, a certificate that is on one, or whose authority has none, is not accepted.
  std::string client_crl_file = {};

  /// The same as a text.
  std::string client_crl_pem = {};

  /// Whether a client without a certificate is turned away, if clients are asked for one.
  bool require_client_certificate = true;

  /// The lowest version to speak. There is no renegotiation and no compression.
  tls_version min_version = tls_version::tls_1_2;

  /// The highest version to speak.
  tls_version max_version = tls_version::tls_1_3;

  /// The cipher suites of TLS 1.2, in OpenSSL's notation; its default if empty.
  std::string ciphers = {};

  /// Is given OpenSSL's context of each certificate once, in their order and when all else has been
  /// set, for what these options lack. Connections begin with the first: options, versions and
  /// callbacks that concern more than the certificate count there alone. The callback for tickets
  /// (`SSL_CTX_set_session_ticket_cb`) is taken: another one must end sessions by itself.
  std::function<void(ssl_ctx_st*)> customize = {};
};

/// Figures of a `tls_server` since it was made.
struct tls_server_stats {
  std::uint64_t full_handshakes = 0; ///< Completed, with certificates.
  std::uint64_t resumptions = 0;     ///< Handshakes completed by the resumption of a session.
  std::uint64_t failures = 0;        ///< Handshakes that failed, or were given up once begun.
};

/// Encrypts the connections of servers that are given it as `server_options::tls`; several servers
/// may share one.
///
/// The protocol is HTTP/1.1 whether the client asks for it by ALPN (RFC 7301) or asks for none; a
/// client that offers others alone is turned away. Clients can resume their sessions by tickets
/// (RFC 5077, RFC 8446 §2.2), for whichever certificate; the keys of the tickets live as long as
/// this object. A session ends two hours after its full handshake, however often it is resumed, and
/// with the certificates that the client has shown. There is no early data.
///
/// \par Thread safety
/// Safe.
///
/// \code
/// httpool::tls_server_options options;
/// options.certificates.push_back({.chain_file = "chain.pem", .key_file = "key.pem"});
/// const auto tls = httpool::tls_server::create(options);
/// httpool::server server(context, at, handler, {.tls = tls});
/// ...
/// tls->reload(options); // the files have been renewed
/// \endcode
class HTTPOOL_EXPORT tls_server {
public:
  /// Reads the files, once.
  ///
  /// \throws std::invalid_argument if an option is nonsense, with its name and its value, or if a
  /// file cannot be read or does not hold what it should, with the reason.
  static std::shared_ptr<tls_server> create(tls_server_options options);

  virtual ~tls_server() = default;

  tls_server(const tls_server&) = delete;
  tls_server& operator=(const tls_server&) = delete;

  /// Reads the files of `options`, for handshakes that begin from now on; the connections that
  /// there are stay as they are, and clients can still resume their sessions unless what is asked
  /// of clients has changed: their roots, the lists of those that are revoked, or whether a
  /// certificate is required. May take a while: it had better not be called by a server's own
  /// thread.
  ///
  /// \throws std::invalid_argument as `create` does; nothing has changed then.
  virtual void reload(tls_server_options options) = 0;

  /// Figures of one moment.
  virtual tls_server_stats stats() const = 0;

  /// What encrypts the accepted connection `over`. For the library's own use.
  virtual detail::secure_stream_pointer secure(stream& over) = 0;

protected:
  tls_server() = default;
};

} // namespace httpool
