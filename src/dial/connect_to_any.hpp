// One connection to one of several endpoints.
#pragma once

#include "dial/endpoint_memory.hpp"

#include <httpool/detail/waiter.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/system/error_code.hpp>

#include <vector>

namespace httpool::detail {

/// What a socket was connected to, and when that was asked for.
struct reached {
  boost::asio::ip::tcp::endpoint endpoint;
  time_point tried_at;
};

/// Connects `socket`, which may be open, to one of `endpoints`, of which there is at least one, and
/// tells `memory` which of them failed.
///
/// They are tried in turn, in two rounds. In the first each has 250 ms, so that one that never
/// answers holds the others up for no longer. In the second those that have not answered have an
/// equal share each of the time that is left until `deadline`, at least 250 ms. An endpoint that is
/// the only one left to try has all the time at once. To be called on a strand, whose executor may
/// be another than the socket's.
///
/// \throws boost::system::system_error why the last one failed; the socket may then be open.
boost::asio::awaitable<reached>
connect_to_any(boost::asio::ip::tcp::socket& socket,
               std::vector<boost::asio::ip::tcp::endpoint> endpoints, time_point deadline,
               endpoint_memory& memory);

/// Whether what failed is due to the peer or the way to it, rather than a lack of this process or
/// that it gave up before `until`.
bool tells_of_endpoint(const boost::system::error_code& failure, time_point until) noexcept;

/// Whether a socket is its own peer. A dial to a local port on which nobody listens may end so,
/// when the system picks that very port for the near end.
bool is_its_own_peer(const boost::asio::ip::tcp::socket& socket) noexcept;

} // namespace httpool::detail
