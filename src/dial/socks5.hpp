// A tunnel through a SOCKS proxy of version 5: RFC 1928, and RFC 1929 for credentials.
#pragma once

#include <httpool/proxy.hpp>
#include <httpool/stream.hpp>

#include <boost/asio/awaitable.hpp>

#include <cstdint>
#include <string>

namespace httpool::detail {

/// The longest name that a SOCKS proxy can be told.
constexpr std::size_t longest_socks_name = 255;

/// Asks the proxy at the other end of `over` for a tunnel to `host`, which it looks up if it is a
/// name, and `port`. Not a byte behind the proxy's answer is read. `over` and `by` must outlive the
/// coroutine.
///
/// \throws boost::system::system_error `error::name_not_found`, and nothing is sent, if the name is
/// empty or longer than 255 bytes; `error::proxy_authentication_failed` if the proxy wants
/// credentials, or others; `error::connection_refused`, `boost::asio::error::host_unreachable` (the
/// TTL's end included) and `network_unreachable` if it says so of the origin;
/// `error::proxy_refused` if it gives another reason; `error::protocol_error`;
/// `error::connection_closed`.
boost::asio::awaitable<void> open_socks5_tunnel(stream& over, std::string host, std::uint16_t port,
                                                const proxy& by);

} // namespace httpool::detail
