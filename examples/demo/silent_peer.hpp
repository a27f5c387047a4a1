// A server that fails in the nastiest way: it holds its connections open, reads what it is sent,
// and says nothing. Only the first request on each connection gets an answer.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/thread_pool.hpp>

#include <atomic>
#include <cstddef>

namespace demo {

class silent_peer {
public:
  silent_peer();
  silent_peer(const silent_peer&) = delete;
  silent_peer& operator=(const silent_peer&) = delete;
  ~silent_peer();

  boost::asio::ip::tcp::endpoint local_endpoint() const { return acceptor_.local_endpoint(); }

  // Bytes that it has read and not answered.
  std::size_t ignored_bytes() const { return ignored_bytes_; }

  // Connections that ended because the client closed them; it never closes one itself.
  std::size_t closed_by_client() const { return closed_by_client_; }

private:
  boost::asio::awaitable<void> accept();
  boost::asio::awaitable<void> serve(boost::asio::ip::tcp::socket socket);

  std::atomic<std::size_t> ignored_bytes_ = 0;
  std::atomic<std::size_t> closed_by_client_ = 0;
  boost::asio::thread_pool threads_;
  boost::asio::ip::tcp::acceptor acceptor_;
};

} // namespace demo
