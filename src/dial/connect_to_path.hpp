// One connection to a Unix-domain socket.
#pragma once

#include <httpool/detail/waiter.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <string>

namespace httpool::detail {

/// Connects `socket`, which is closed, to the Unix-domain socket `path`, which passes `check_path`.
/// While the backlog of the listener is full it tries again until `deadline`. The socket is then
/// good for all but TCP's own options and for addresses.
///
/// \throws boost::system::system_error why not, such as error::connection_refused when nobody
/// listens; when there is no such file, or no permission, it is the system's own error.
boost::asio::awaitable<void> connect_to_path(boost::asio::ip::tcp::socket& socket, std::string path,
                                             time_point deadline);

} // namespace httpool::detail
