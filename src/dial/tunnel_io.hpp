// Reading from and writing to a proxy, whose end shows in many ways, but is told in one.
#pragma once

#include <httpool/stream.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>

#include <cstddef>

namespace httpool::detail {

/// \throws boost::system::system_error `error::connection_closed` if the peer has gone.
boost::asio::awaitable<void> write_all(stream& to, boost::asio::const_buffer bytes);

/// Reads at least one byte.
///
/// \throws boost::system::system_error `error::connection_closed` if the peer has gone.
boost::asio::awaitable<std::size_t> read_some(stream& from, boost::asio::mutable_buffer room);

/// Fills the buffer, and reads not a byte more.
///
/// \throws boost::system::system_error `error::connection_closed` if the peer has gone.
boost::asio::awaitable<void> read_all(stream& from, boost::asio::mutable_buffer room);

} // namespace httpool::detail
