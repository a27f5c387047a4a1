// Beast's WebSocket over the stream of a lease, plain and encrypted.

#include "net/websocket_fixture.hpp"

#include <boost/asio/write.hpp>

#include <algorithm>
#include <string>
#include <vector>

using namespace client_test;

namespace {

asio::awaitable<std::string> echoed(websocket_client& chat, std::string message) {
  co_await chat.async_write(asio::buffer(message), asio::use_awaitable);
  beast::flat_buffer answer;
  co_await chat.async_read(answer, asio::use_awaitable);
  co_return beast::buffers_to_string(answer.data());
}

/// Says many things and ends the WebSocket.
asio::awaitable<void> converse(httpool::connection_pool& from, bool compresses) {
  httpool::lease lease = co_await from.async_acquire(asio::use_awaitable);
  websocket_client chat(lease.stream());
  websocket::permessage_deflate compression;
  compression.client_enable = compresses;
  chat.set_option(compression);
  co_await shake_hands(chat);
  for (const std::size_t size : {0u, 1u, 125u, 126u, 16'384u, 65'536u, 3'000'000u}) {
    for (const bool is_text : {true, false}) {
      chat.text(is_text);
      std::string message = letters(size);
      if (!is_text && size != 0)
        message[size / 2] = '\0';
      const std::string answer = co_await echoed(chat, message);
      BOOST_TEST((answer == message));
      BOOST_TEST(chat.got_text() == is_text);
    }
  }
  co_await chat.async_close(websocket::close_code::normal, asio::use_awaitable);
  BOOST_TEST(!chat.is_open());
  BOOST_TEST(from.stats().leased == 1u); // until the lease ends
}

} // namespace

BOOST_FIXTURE_TEST_CASE_TEMPLATE(messages_go_both_ways_until_the_client_closes, transport,
                                 transports, websocket_loop) {
  std::vector<error_code> ends;
  auto behaviour = [&](auto& peer) -> asio::awaitable<void> {
    ends.push_back(co_await echo(peer));
  };
  serve(transport(), behaviour);
  httpool::connection_pool connections = pool(transport());
  for (std::size_t i = 1; i != 3; ++i) {
    finish(converse(connections, i == 2));
    check_closed(connections, i);
    BOOST_TEST(ends.back() == is_closed);
  }
}

BOOST_FIXTURE_TEST_CASE_TEMPLATE(either_side_pings, transport, transports, websocket_loop) {
  std::vector<std::string> pongs;
  const auto listen = [&](websocket::frame_type kind, beast::string_view text) {
    if (kind == websocket::frame_type::pong)
      pongs.emplace_back(text);
  };
  auto behaviour = [&](auto& peer) -> asio::awaitable<void> {
    peer.control_callback(listen);
    co_await peer.async_ping("of the server", asio::use_awaitable);
    co_await echo(peer);
  };
  serve(transport(), behaviour);
  httpool::connection_pool connections = pool(transport());
  const auto talk = [&]() -> asio::awaitable<void> {
    httpool::lease lease = co_await connections.async_acquire(asio::use_awaitable);
    websocket_client chat(lease.stream());
    co_await shake_hands(chat);
    chat.control_callback(listen);
    co_await chat.async_ping("of the client", asio::use_awaitable);
    BOOST_TEST(co_await echoed(chat, "first") == "first");
    BOOST_TEST(co_await echoed(chat, "second") == "second");
    co_await chat.async_close(websocket::close_code::normal, asio::use_awaitable);
  };
  finish(talk());
  check_closed(connections, 1);
  std::sort(pongs.begin(), pongs.end());
  BOOST_TEST(pongs == std::vector<std::string>({"of the client", "of the server"}),
             boost::test_tools::per_element());
}

BOOST_FIXTURE_TEST_CASE_TEMPLATE(the_server_closes, transport, transports, websocket_loop) {
  error_code end = asio::error::would_block;
  auto behaviour = [&](auto& peer) -> asio::awaitable<void> {
    const auto [ec] = co_await peer.async_close(
        websocket::close_reason(websocket::close_code::going_away, "good night"), as_result);
    end = ec;
  };
  serve(transport(), behaviour);
  httpool::connection_pool connections = pool(transport());
  const auto listen = [&]() -> asio::awaitable<void> {
    httpool::lease lease = co_await connections.async_acquire(asio::use_awaitable);
    websocket_client chat(lease.stream());
    co_await shake_hands(chat);
    beast::flat_buffer nothing;
    const auto [ec, size] = co_await chat.async_read(nothing, as_result);
    BOOST_TEST(ec == is_closed);
    BOOST_TEST(chat.reason().code == websocket::close_code::going_away);
    BOOST_TEST(chat.reason().reason == "good night");
    lease.keep_alive(true); // which is not so
  };
  finish(listen());
  check_closed(connections, 1);
  BOOST_TEST(end == error_code());
  BOOST_TEST(connections.stats().closed(httpool::close_reason::peer_closed) == 1u);
}

BOOST_FIXTURE_TEST_CASE_TEMPLATE(the_peer_dies_in_the_middle_of_a_message, transport, transports,
                                 websocket_loop) {
  bool resets = false;
  auto behaviour = [&](auto& peer) -> asio::awaitable<void> {
    const std::string first_half = letters(1'000);
    co_await peer.async_write_some(false, asio::buffer(first_half), asio::use_awaitable);
    auto& socket = beast::get_lowest_layer(peer);
    beast::flat_buffer go_on; // the client has read that
    co_await peer.async_read(go_on, asio::use_awaitable);
    if (resets)
      socket.set_option(tcp::socket::linger(true, 0));
    socket.close();
  };
  serve(transport(), behaviour);
  httpool::connection_pool connections = pool(transport());
  const auto listen = [&]() -> asio::awaitable<void> {
    httpool::lease lease = co_await connections.async_acquire(asio::use_awaitable);
    websocket_client chat(lease.stream());
    co_await shake_hands(chat);
    beast::flat_buffer half;
    while (half.size() != 1'000)
      co_await chat.async_read_some(half, 0, asio::use_awaitable);
    const std::string hello = "hello";
    co_await chat.async_write(asio::buffer(hello), asio::use_awaitable);
    const auto [ec, size] = co_await chat.async_read(half, as_result);
    const error_code plain_end =
        resets ? error_code(asio::error::connection_reset) : error_code(asio::error::eof);
    BOOST_TEST(ec == (transport::value ? error_code(error::connection_closed) : plain_end));
    BOOST_TEST(!chat.is_message_done());
  };
  for (std::size_t i = 1; i != 3; ++i) {
    resets = i == 2;
    finish(listen());
    check_closed(connections, i);
  }
}

BOOST_FIXTURE_TEST_CASE_TEMPLATE(a_websocket_that_is_idle_for_too_long_is_cut, transport,
                                 transports, websocket_loop) {
  auto behaviour = [&](auto& peer) -> asio::awaitable<void> { co_await drain(peer); };
  serve(transport(), behaviour);
  httpool::connection_pool connections = pool(transport());
  const auto listen = [&]() -> asio::awaitable<void> {
    httpool::lease lease = co_await connections.async_acquire(asio::use_awaitable);
    websocket_client chat(lease.stream());
    co_await shake_hands(chat);
    websocket::stream_base::timeout limits = {};
    limits.handshake_timeout = websocket::stream_base::none();
    limits.idle_timeout = 20ms;
    chat.set_option(limits);
    beast::flat_buffer nothing;
    const auto [ec, size] = co_await chat.async_read(nothing, as_result);
    BOOST_TEST(ec == is_late);
    BOOST_TEST(lease.socket().is_open()); // for the pool to close
    BOOST_TEST(!lease.late());
  };
  finish(listen());
  check_closed(connections, 1);
}

BOOST_FIXTURE_TEST_CASE_TEMPLATE(a_drain_of_the_pool_ends_a_websocket, transport, transports,
                                 websocket_loop) {
  auto behaviour = [&](auto& peer) -> asio::awaitable<void> { co_await drain(peer); };
  serve(transport(), behaviour);
  httpool::connection_pool connections = pool(transport());
  const auto listen = [&]() -> asio::awaitable<void> {
    httpool::lease lease = co_await connections.async_acquire(asio::use_awaitable);
    websocket_client chat(lease.stream());
    co_await shake_hands(chat);
    connections.async_drain(0ns, asio::detached);
    beast::flat_buffer nothing;
    const auto [ec, size] = co_await chat.async_read(nothing, as_result);
    BOOST_TEST(bool(ec));
    BOOST_TEST(lease.late());
  };
  finish(listen());
  check_closed(connections, 1);
}
