// The order in which the families of a name's addresses are tried.
#pragma once

#include <boost/asio/ip/tcp.hpp>

#include <vector>

namespace httpool::detail {

/// The same endpoints with IPv4 and IPv6 taking turns, as RFC 8305 section 4 has it, so that a
/// family that leads nowhere does not come twice in a row. The first stays first, and each family
/// keeps its order.
std::vector<boost::asio::ip::tcp::endpoint>
interleave_families(std::vector<boost::asio::ip::tcp::endpoint> endpoints);

} // namespace httpool::detail
