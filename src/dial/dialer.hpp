// Making one connection: resolve, connect, prepare. TLS and proxies have their place here.
#pragma once

#include <httpool/detail/waiter.hpp>
#include <httpool/pool_options.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <cstdint>
#include <string>
#include <variant>

namespace httpool::detail {

class dialer {
public:
  struct host_and_port {
    std::string host;
    std::uint16_t port;
  };
  using target = std::variant<host_and_port, boost::asio::ip::tcp::endpoint>;

  dialer(target to, const pool_options& options);

  /// Connects `socket`, which is closed, and prepares it. Each address of a name is tried in turn,
  /// each for an equal share of the time that is left until `deadline`, at least 250 ms. Whoever
  /// calls keeps the deadline itself, by cancelling. To be called on a strand, whose executor may
  /// be another than the socket's.
  ///
  /// \throws boost::system::system_error why not; the socket may then still be open.
  boost::asio::awaitable<void> dial(boost::asio::ip::tcp::socket& socket,
                                    time_point deadline) const;

private:
  target target_;
  decltype(pool_options::prepare) prepare_;
};

} // namespace httpool::detail
