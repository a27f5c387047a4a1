/// \file
/// What a handler learns about where its request came from.
#pragma once

#include <boost/asio/ip/tcp.hpp>

#include <cstdint>

struct ssl_st; // OpenSSL's SSL

namespace httpool {

/// The place of a request among all that a server serves.
struct request_context {
  std::uint64_t connection_id = 0;     ///< Unique among the server's connections; counts from 1.
  std::uint64_t request_number = 0;    ///< Of this connection; counts from 1.
  boost::asio::ip::tcp::endpoint peer; ///< The client's address and port.
  bool is_encrypted = false;           ///< Whether TLS protects the connection.

  /// OpenSSL's handle, such as for the client's certificate (`SSL_get0_peer_certificate`); null if
  /// the connection is not encrypted. Valid until the response is complete. To read, write or
  /// change anything with it is an error.
  ssl_st* tls = nullptr;
};

} // namespace httpool
