// A peer that misbehaves.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <cstdint>

namespace httpool_test::soak {

/// Answers one request in two as it should. Others it answers by half, and ends or resets the
/// connection or says no more; or with what is no HTTP; or with bytes too many; or not at all.
class bad_peer {
public:
  bad_peer(boost::asio::io_context& context, std::uint64_t seed);

  std::uint16_t port() const { return acceptor_.local_endpoint().port(); }

  /// No new connections; those that there are end with their clients.
  void stop();

private:
  boost::asio::awaitable<void> accept_all();
  boost::asio::awaitable<void> serve(boost::asio::ip::tcp::socket client);

  boost::asio::ip::tcp::acceptor acceptor_;
  std::uint64_t dice_;
};

} // namespace httpool_test::soak
