// What the tests of WebSocket over a pool's connections share: Beast's own end of it, plain or over
// asio::ssl, and a pool that dials it.
#pragma once

#include "net/tls_loop.hpp"

#include <httpool/connection_pool.hpp>
#include <httpool/websocket.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/buffers_to_string.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/websocket/ssl.hpp>
#include <boost/beast/websocket/stream.hpp>

#include <exception>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace client_test {

namespace beast = boost::beast;
namespace websocket = beast::websocket;

using websocket_client = websocket::stream<httpool::stream&>;
using plain_websocket = websocket::stream<tcp::socket>;
using secure_websocket = websocket::stream<asio::ssl::stream<tcp::socket>>;

/// What a test is done with, one after the other: whether the transport is encrypted.
struct plain : std::false_type {};
struct encrypted : std::true_type {};
using transports = std::tuple<plain, encrypted>;

inline const error_code is_closed = websocket::error::closed;
inline const error_code is_late = beast::error::timeout;

/// A token that gives errors as values.
constexpr auto as_result = asio::as_tuple(asio::use_awaitable);

struct websocket_loop : tls_loop {
  /// Does `behaviour` with every WebSocket that comes, one after the other.
  template <class Transport, class Behaviour>
  void serve(Transport, Behaviour& behaviour) {
    asio::co_spawn(context, serve_all<Transport>(behaviour),
                   [](std::exception_ptr failure) { BOOST_TEST(!failure); });
  }

  /// A pool of at most one connection to it.
  httpool::connection_pool pool(bool is_encrypted) {
    httpool::pool_options options;
    options.max_connections = 1;
    if (is_encrypted)
      options.tls = tls_client::create(trust());
    return {context, "127.0.0.1", acceptor.local_endpoint().port(), options};
  }

  /// Runs the task to its end.
  void finish(asio::awaitable<void> task) {
    bool is_done = false;
    asio::co_spawn(context, std::move(task), [&](std::exception_ptr failure) {
      BOOST_TEST(!failure);
      is_done = true;
    });
    BOOST_TEST_REQUIRE(until([&] { return is_done; }));
  }

  /// What holds when `count` leases of the pool have ended: each connection served one.
  void check_closed(const httpool::connection_pool& from, std::size_t count) {
    BOOST_TEST(until([&] { return from.stats().total() == 0 && served == count; }));
    const httpool::pool_stats s = from.stats();
    BOOST_TEST(s.made == count);
    BOOST_TEST(s.closed() == count);
    BOOST_TEST(s.reused == 0u);
    BOOST_TEST(s.peak_total == 1u);
  }

  tcp::acceptor acceptor{context, tcp::endpoint(asio::ip::address_v4::loopback(), 0)};
  asio::steady_timer held{context, asio::steady_timer::time_point::max()};
  std::size_t served = 0; ///< WebSockets that have ended.

private:
  template <class Transport, class Behaviour>
  asio::awaitable<void> serve_all(Behaviour& behaviour) {
    asio::ssl::context tls(asio::ssl::context::tls_server);
    const identity who = root.issue({"127.0.0.1"});
    tls.use_certificate_chain(asio::buffer(who.chain_pem));
    tls.use_private_key(asio::buffer(who.key_pem), asio::ssl::context::pem);
    for (;;) {
      tcp::socket accepted = co_await acceptor.async_accept(asio::use_awaitable);
      accepted.set_option(tcp::no_delay(true));
      if constexpr (Transport::value) {
        secure_websocket peer(std::move(accepted), tls);
        co_await peer.next_layer().async_handshake(asio::ssl::stream_base::server,
                                                   asio::use_awaitable);
        co_await serve_one(peer, behaviour);
      } else {
        plain_websocket peer(std::move(accepted));
        co_await serve_one(peer, behaviour);
      }
    }
  }

  template <class Peer, class Behaviour>
  asio::awaitable<void> serve_one(Peer& peer, Behaviour& behaviour) {
    websocket::permessage_deflate compression;
    compression.server_enable = true; // for clients who offer it
    peer.set_option(compression);
    co_await peer.async_accept(asio::use_awaitable);
    co_await behaviour(peer);
    ++served;
  }
};

/// Sends back what it hears, to the end, whose error it returns.
template <class Peer>
asio::awaitable<error_code> echo(Peer& peer) {
  for (;;) {
    beast::flat_buffer message;
    const auto [ec, size] = co_await peer.async_read(message, as_result);
    if (ec)
      co_return ec;
    peer.text(peer.got_text());
    co_await peer.async_write(message.data(), asio::use_awaitable);
  }
}

/// Waits until the other side has ended the transport, and leaves its own side of it open.
template <class Peer>
asio::awaitable<void> drain(Peer& peer) {
  std::string room(16 * 1024, '?');
  error_code ec;
  while (!ec) {
    const auto [failure, size] =
        co_await beast::get_lowest_layer(peer).async_read_some(asio::buffer(room), as_result);
    ec = failure;
  }
}

inline asio::awaitable<void> shake_hands(websocket_client& with) {
  return with.async_handshake("localhost", "/chat", asio::use_awaitable);
}

} // namespace client_test
