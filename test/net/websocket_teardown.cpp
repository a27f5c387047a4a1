// How a WebSocket over the stream of a lease ends its connection: with peers who do not do their
// part, and when it is cancelled.

#include "net/websocket_fixture.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>

#include <array>
#include <chrono>
#include <memory>
#include <optional>

using namespace client_test;
using beast::role_type;

namespace {

/// Waits for the other side's end, which a write alone may be told of late or never.
template <class Peer>
asio::awaitable<void> close_after_end(Peer& peer) {
  co_await drain(peer);
  beast::get_lowest_layer(peer).close();
}

template <class Peer>
asio::awaitable<void> talk_to_the_end(Peer& peer) {
  const std::string text = letters(10'000);
  error_code ec;
  while (!ec) {
    const auto [failure, size] =
        co_await asio::async_write(peer.next_layer(), asio::buffer(text), as_result);
    ec = failure;
  }
}

/// Answers the client's close frame, perhaps talks for as long as it can, and ends nothing until
/// the client has.
template <class Peer>
asio::awaitable<void> close_without_end(Peer& peer, bool talks) {
  using namespace asio::experimental::awaitable_operators;
  std::array<char, 8> close_frame;
  co_await asio::async_read(peer.next_layer(), asio::buffer(close_frame), asio::use_awaitable);
  const std::string answer("\x88\x02\x03\xe8", 4);
  co_await asio::async_write(peer.next_layer(), asio::buffer(answer), asio::use_awaitable);
  if (talks)
    co_await (talk_to_the_end(peer) && close_after_end(peer));
  else
    co_await drain(peer);
}

struct teardown_loop : websocket_loop {
  /// A lease on which a WebSocket has begun.
  httpool::lease begun(httpool::connection_pool& from) {
    httpool::lease lease;
    const auto begin = [&]() -> asio::awaitable<void> {
      lease = co_await from.async_acquire(asio::use_awaitable);
      websocket_client chat(lease.stream());
      co_await shake_hands(chat);
    };
    finish(begin());
    return lease;
  }

  std::optional<error_code> result;
  auto into_result() {
    return [this](error_code ec) {
      BOOST_TEST(!result);
      result = ec;
    };
  }
};

/// Fills the socket until it takes no more.
void stuff(tcp::socket& socket) {
  socket.non_blocking(true);
  const std::string text(64 * 1024, 'x');
  error_code ec;
  while (!ec)
    socket.write_some(asio::buffer(text), ec);
  BOOST_TEST(ec == asio::error::would_block);
}

} // namespace

BOOST_FIXTURE_TEST_CASE_TEMPLATE(a_peer_that_never_ends_is_not_waited_for_for_ever, transport,
                                 transports, teardown_loop) {
  bool talks = false;
  auto behaviour = [&](auto& peer) -> asio::awaitable<void> {
    co_await close_without_end(peer, talks);
  };
  serve(transport(), behaviour);
  httpool::connection_pool connections = pool(transport());
  const auto close = [&]() -> asio::awaitable<void> {
    httpool::lease lease = co_await connections.async_acquire(asio::use_awaitable);
    websocket_client chat(lease.stream());
    co_await shake_hands(chat);
    const auto [ec] = co_await chat.async_close(websocket::close_code::normal, as_result);
    BOOST_TEST(ec == is_late);
  };
  for (std::size_t i = 1; i != 3; ++i) {
    talks = i == 2;
    const auto began = std::chrono::steady_clock::now();
    finish(close());
    BOOST_TEST((std::chrono::steady_clock::now() - began >= 2s));
    check_closed(connections, i);
  }
}

BOOST_FIXTURE_TEST_CASE_TEMPLATE(a_peer_that_does_not_read_is_not_waited_for_for_ever, transport,
                                 transports, teardown_loop) {
  auto behaviour = [&](auto&) -> asio::awaitable<void> { co_await held.async_wait(as_result); };
  serve(transport(), behaviour);
  httpool::connection_pool connections = pool(transport());
  httpool::lease lease = begun(connections);
  stuff(lease.socket());
  httpool::async_teardown(role_type::client, lease.stream(), into_result());
  BOOST_TEST(until([&] { return result.has_value(); }));
  BOOST_TEST(*result == is_late);
  lease.reset();
  held.cancel();
  check_closed(connections, 1);
}

BOOST_FIXTURE_TEST_CASE_TEMPLATE(a_client_ends_after_its_peer, transport, transports,
                                 teardown_loop) {
  auto behaviour = [&](auto& peer) -> asio::awaitable<void> {
    co_await held.async_wait(as_result);
    const std::string discarded = letters(100'000);
    co_await asio::async_write(peer.next_layer(), asio::buffer(discarded), asio::use_awaitable);
  };
  serve(transport(), behaviour);
  httpool::connection_pool connections = pool(transport());
  httpool::lease lease = begun(connections);
  httpool::async_teardown(role_type::client, lease.stream(), into_result());
  BOOST_TEST(!result); // never inside the call
  settle();
  BOOST_TEST(!result);
  held.cancel();
  BOOST_TEST(until([&] { return result.has_value(); }));
  BOOST_TEST(*result == error_code());
  lease.reset();
  check_closed(connections, 1);
}

BOOST_FIXTURE_TEST_CASE_TEMPLATE(a_server_ends_before_its_peer, transport, transports,
                                 teardown_loop) {
  auto behaviour = [&](auto& peer) -> asio::awaitable<void> { co_await drain(peer); };
  serve(transport(), behaviour);
  httpool::connection_pool connections = pool(transport());
  httpool::lease lease = begun(connections);
  httpool::async_teardown(role_type::server, lease.stream(), into_result());
  BOOST_TEST(until([&] { return result.has_value(); }));
  BOOST_TEST(*result == error_code());
  lease.reset();
  check_closed(connections, 1);
}

BOOST_FIXTURE_TEST_CASE_TEMPLATE(a_teardown_can_be_cancelled, transport, transports,
                                 teardown_loop) {
  auto behaviour = [&](auto& peer) -> asio::awaitable<void> { co_await drain(peer); };
  serve(transport(), behaviour);
  httpool::connection_pool connections = pool(transport());
  for (const auto how : {asio::cancellation_type::terminal, asio::cancellation_type::partial,
                         asio::cancellation_type::total}) {
    httpool::lease lease = begun(connections);
    result.reset();
    asio::cancellation_signal signal;
    httpool::async_teardown(role_type::client, lease.stream(),
                            asio::bind_cancellation_slot(signal.slot(), into_result()));
    settle();
    BOOST_TEST(!result);
    signal.emit(how);
    BOOST_TEST(until([&] { return result.has_value(); }));
    BOOST_TEST(*result == asio::error::operation_aborted);
    BOOST_TEST(lease.socket().is_open());
  }
  check_closed(connections, 3);
}

BOOST_FIXTURE_TEST_CASE(a_teardown_without_waiting_says_the_end_of_tls, teardown_loop) {
  tls_peer peer(context, good(), {serves()});
  client sender(context, https_to(peer), trusting());
  warm_up(sender);
  httpool::lease lease = sender.pool().try_acquire();
  BOOST_TEST_REQUIRE(bool(lease));
  error_code ec = asio::error::would_block;
  httpool::teardown(role_type::client, lease.stream(), ec);
  BOOST_TEST(ec == error_code());
  BOOST_TEST(lease.socket().is_open());
  BOOST_TEST(until([&] { return peer.open() == 0; }));
  BOOST_TEST(peer.ends_heard == 1u);
  BOOST_TEST(peer.truncations == 0u);
  lease.keep_alive(true);
  lease.reset();
  check_nothing_is_left(*this, sender, peer);
}

BOOST_FIXTURE_TEST_CASE(an_encrypted_teardown_says_the_end_of_tls, teardown_loop) {
  tls_peer peer(context, good(), {serves()});
  client sender(context, https_to(peer), trusting());
  warm_up(sender);
  httpool::lease lease = sender.pool().try_acquire();
  BOOST_TEST_REQUIRE(bool(lease));
  const auto end = [&]() -> asio::awaitable<void> { // any token will do
    co_await httpool::async_teardown(role_type::client, lease.stream(), asio::use_awaitable);
  };
  finish(end());
  BOOST_TEST(peer.ends_heard == 1u);
  lease.reset();
  check_nothing_is_left(*this, sender, peer);
}

BOOST_AUTO_TEST_CASE(a_context_may_go_with_a_teardown) {
  const auto alive = std::make_shared<int>();
  {
    loop other;
    scripted_peer peer(other.context, {script().answers(ok()).stalls()});
    client sender(other.context, "127.0.0.1", peer.port);
    other.warm_up(sender);
    const auto lease = std::make_shared<httpool::lease>(sender.pool().try_acquire());
    BOOST_TEST_REQUIRE(bool(*lease));
    httpool::async_teardown(role_type::client, lease->stream(),
                            [alive, lease](error_code) { BOOST_TEST(false); });
    other.settle();
  }
  BOOST_TEST(alive.use_count() == 1);
}
