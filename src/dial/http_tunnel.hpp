// A tunnel through an HTTP proxy: CONNECT, RFC 9110 §9.3.6.
#pragma once

#include <httpool/proxy.hpp>
#include <httpool/stream.hpp>

#include <boost/asio/awaitable.hpp>

#include <cstdint>
#include <string>

namespace httpool::detail {

/// Asks the proxy at the other end of `over` for a tunnel to `host`, an IPv6 address without
/// brackets, and `port`. What goes over the stream then goes to whoever listens there. `over` and
/// `by` must outlive the coroutine.
///
/// \throws boost::system::system_error `error::proxy_authentication_failed` if the proxy wants
/// credentials, or others; `error::proxy_refused` if it answers with another status that is not
/// 2xx; `error::protocol_error` if it breaks HTTP, or sends a byte behind its answer;
/// `error::head_too_large`; `error::connection_closed`.
boost::asio::awaitable<void> open_http_tunnel(stream& over, std::string host, std::uint16_t port,
                                              const proxy& by);

} // namespace httpool::detail
