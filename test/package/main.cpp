// A small program of a user: a pool, a peer that listens on the loopback, and one lease; and a URL.

#include <httpool/connection_pool.hpp>
#include <httpool/url.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <cstdlib>
#include <exception>
#include <iostream>

namespace asio = boost::asio;
using asio::ip::tcp;

namespace {

asio::awaitable<void> use(httpool::connection_pool& pool) {
  httpool::lease lease = co_await pool.async_acquire(asio::use_awaitable);
  std::cout << "connection " << lease.id() << " to " << lease.socket().remote_endpoint() << '\n';
  pool.close();
}

} // namespace

int main() {
  const httpool::url where("http://localhost:8080/");
  std::cout << "origin " << where.origin().to_string() << '\n';
  asio::io_context context;
  tcp::acceptor peer(context, {asio::ip::address_v4::loopback(), 0});
  httpool::connection_pool pool(context, peer.local_endpoint());

  int status = EXIT_FAILURE;
  asio::co_spawn(context, use(pool), [&](std::exception_ptr failure) {
    if (!failure)
      status = EXIT_SUCCESS;
  });
  context.run();
  return status;
}
