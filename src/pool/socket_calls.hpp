// What the pool asks of the operating system beyond Asio. The only file with POSIX calls.
#pragma once

#include <boost/asio/ip/tcp.hpp>

namespace httpool::detail {

enum class liveness {
  good,   ///< Connected, and nothing to read.
  closed, ///< The peer has closed or reset it.
  spoke   ///< There are bytes to read.
};

/// Looks at a connection that ought to be quiet, without reading or waiting.
liveness look_at(boost::asio::ip::tcp::socket& socket) noexcept;

/// Ends both directions, so that whatever is pending on the socket completes. The descriptor stays.
void shut_down(boost::asio::ip::tcp::socket& socket) noexcept;

/// Makes a connected socket fit for exchanges: no delay, and keep-alive probes that find a peer
/// that is gone without a word after 15 s + 3 × 15 s.
void configure(boost::asio::ip::tcp::socket& socket);

} // namespace httpool::detail
