// Making one connection: resolve, connect, prepare. TLS and proxies have their place here.
#pragma once

#include "dial/resolve.hpp"

#include <httpool/detail/waiter.hpp>
#include <httpool/pool_options.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace httpool::detail {

class dialer {
public:
  struct host_and_port {
    std::string host;
    std::uint16_t port;
    name_resolver resolver = resolve;
  };
  struct unix_path {
    std::string path;
  };
  using target = std::variant<host_and_port, boost::asio::ip::tcp::endpoint, unix_path>;

  /// \throws std::invalid_argument if a path cannot be that of a Unix-domain socket.
  dialer(target to, const pool_options& options);

  /// Connects `socket`, which is closed, as `connect_to_any` or `connect_to_path` does, and
  /// prepares it. Whoever calls keeps the deadline itself, by cancelling.
  ///
  /// \throws boost::system::system_error why not; the socket may then still be open.
  boost::asio::awaitable<void> dial(boost::asio::ip::tcp::socket& socket,
                                    time_point deadline) const;

private:
  boost::asio::awaitable<void> connect(boost::asio::ip::tcp::socket& socket,
                                       time_point deadline) const;

  target target_;
  decltype(pool_options::prepare) prepare_;
};

} // namespace httpool::detail
