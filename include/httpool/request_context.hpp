/// \file
/// What a handler learns about where its request came from.
#pragma once

#include <boost/asio/ip/tcp.hpp>

#include <cstdint>

namespace httpool {

/// The place of a request among all that a server serves.
struct request_context {
  std::uint64_t connection_id = 0;     ///< Unique among the server's connections; counts from 1.
  std::uint64_t request_number = 0;    ///< Of this connection; counts from 1.
  boost::asio::ip::tcp::endpoint peer; ///< The client's address and port.
};

} // namespace httpool
