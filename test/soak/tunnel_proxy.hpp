// A proxy that opens tunnels.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <cstdint>

namespace httpool_test::soak {

/// Opens a tunnel to one port, whatever it is told.
class tunnel_proxy {
public:
  tunnel_proxy(boost::asio::io_context& context, std::uint16_t origin_port);

  std::uint16_t port() const { return acceptor_.local_endpoint().port(); }

  /// No new connections; those that there are end with either side.
  void stop();

private:
  boost::asio::awaitable<void> accept_all();

  boost::asio::ip::tcp::acceptor acceptor_;
  std::uint16_t origin_port_;
};

} // namespace httpool_test::soak
