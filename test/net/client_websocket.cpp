// A connection of the pool that becomes Beast's WebSocket.

#include "net/client_fixture.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/buffers_to_string.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/websocket/stream.hpp>

#include <exception>

using namespace client_test;
namespace websocket = boost::beast::websocket;

namespace {

using stream = websocket::stream<tcp::socket>;

/// Answers a handshake, and then one message with itself.
asio::awaitable<void> echo(tcp::acceptor& acceptor) {
  stream served(co_await acceptor.async_accept(asio::use_awaitable));
  co_await served.async_accept(asio::use_awaitable);
  boost::beast::flat_buffer message;
  co_await served.async_read(message, asio::use_awaitable);
  co_await served.async_write(message.data(), asio::use_awaitable);
}

asio::awaitable<std::string> talk(client& by) {
  httpool::lease leased = co_await by.pool().async_acquire(asio::use_awaitable);
  stream changed(leased.detach());
  co_await changed.async_handshake("localhost", "/chat", asio::use_awaitable);
  const std::string hello = "hello";
  co_await changed.async_write(asio::buffer(hello), asio::use_awaitable);
  boost::beast::flat_buffer answer;
  co_await changed.async_read(answer, asio::use_awaitable);
  co_return boost::beast::buffers_to_string(answer.data());
}

} // namespace

BOOST_FIXTURE_TEST_CASE(a_pooled_connection_becomes_a_websocket, loop) {
  tcp::acceptor acceptor(context, tcp::endpoint(asio::ip::address_v4::loopback(), 0));
  client by(context, "127.0.0.1", acceptor.local_endpoint().port());
  asio::co_spawn(context, echo(acceptor), [](std::exception_ptr failure) { BOOST_TEST(!failure); });
  std::string heard;
  asio::co_spawn(context, talk(by), [&](std::exception_ptr failure, std::string text) {
    BOOST_TEST(!failure);
    heard = text;
  });
  BOOST_TEST(until([&] { return !heard.empty(); }));
  BOOST_TEST(heard == "hello");
  BOOST_TEST(by.pool().stats().total() == 0u); // out of the pool, and of its limit
}
