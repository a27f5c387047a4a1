#include "silent_peer.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <array>
#include <string>
#include <string_view>
#include <utility>

namespace demo {

namespace asio = boost::asio;
using asio::ip::tcp;

silent_peer::silent_peer()
    : threads_(1), acceptor_(threads_, tcp::endpoint(asio::ip::address_v4::loopback(), 0)) {
  asio::co_spawn(threads_, accept(), asio::detached);
}

silent_peer::~silent_peer() {
  threads_.stop();
  threads_.join();
}

asio::awaitable<void> silent_peer::accept() {
  for (;;) {
    tcp::socket socket = co_await acceptor_.async_accept(asio::use_awaitable);
    asio::co_spawn(threads_, serve(std::move(socket)), asio::detached);
  }
}

asio::awaitable<void> silent_peer::serve(tcp::socket socket) {
  constexpr std::string_view only_answer = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
  std::string head;
  co_await asio::async_read_until(socket, asio::dynamic_buffer(head), "\r\n\r\n",
                                  asio::use_awaitable);
  co_await asio::async_write(socket, asio::buffer(only_answer), asio::use_awaitable);
  std::array<char, 256> unheeded{};
  for (;;) {
    const auto [error, size] = co_await socket.async_read_some(asio::buffer(unheeded),
                                                               asio::as_tuple(asio::use_awaitable));
    if (error)
      break;
    ignored_bytes_ += size;
  }
  ++closed_by_client_;
}

} // namespace demo
