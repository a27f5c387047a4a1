// What the pool asks of connections beyond Asio. The only file with POSIX calls.
#pragma once

#include <httpool/pool_stats.hpp>
#include <httpool/stream.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/system/error_code.hpp>

#include <array>
#include <cstddef>

namespace httpool::detail {

enum class liveness {
  good,   ///< Connected, and nothing to read.
  closed, ///< The peer has closed or reset it.
  spoke   ///< There are bytes to read.
};

/// Looks at a connection that ought to be quiet, without waiting. Of an encrypted one the session
/// tickets and key updates that have come are taken in, which are no such speech; it must not have
/// an operation pending. `why` is told the error with which an encrypted one has ended, if it did
/// not end in order.
liveness look_at(stream& quiet, boost::system::error_code* why = nullptr) noexcept;

/// Why a connection ends that is not good.
inline close_reason reason_of(liveness seen) noexcept {
  return seen == liveness::spoke ? close_reason::peer_spoke : close_reason::peer_closed;
}

/// Ends both directions, so that whatever is pending on the socket completes. The descriptor stays.
void shut_down(boost::asio::ip::tcp::socket& socket) noexcept;

/// Makes a connected socket fit for exchanges: no delay, and keep-alive probes that find a peer
/// that is gone without a word after 15 s + 3 × 15 s.
void configure(boost::asio::ip::tcp::socket& socket);

/// Connects `socket`, which is closed, to a Unix-domain socket, or says why not: `would_block` when
/// the backlog of the listener is full. Does not wait.
///
/// Asio's own connect takes a full backlog for a connection under way, waits for the descriptor,
/// which the system calls writable at once, and reports success.
boost::system::error_code
connect_now(boost::asio::ip::tcp::socket& socket,
            const boost::asio::local::stream_protocol::endpoint& endpoint) noexcept;

/// Pieces of a message; those it does not have are empty.
using gathered = std::array<boost::asio::const_buffer, 4>;

/// Writes what the system takes at once: `would_block` if that is nothing.
std::size_t write_now(boost::asio::ip::tcp::socket& socket, const gathered& buffers,
                      boost::system::error_code& ec) noexcept;

} // namespace httpool::detail
