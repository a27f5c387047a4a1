// Which requests are sent a second time, and which never: a row each.

#include "net/client_fixture.hpp"

#include <boost/asio/bind_executor.hpp>
#include <boost/asio/detached.hpp>

#include <atomic>
#include <optional>
#include <random>
#include <thread>

#include <poll.h>

using namespace client_test;

namespace {

/// A connection that serves once and then plays `end`, and healthy ones.
std::vector<script> one_that_then(script end) {
  script first = script().answers(ok("first"));
  for (script::step& next : end.steps)
    first.steps.push_back(std::move(next));
  return {std::move(first), script().answers(ok("again")).repeats()};
}

} // namespace

// Idle before, no byte of a response --------------------------------------------------------------

BOOST_FIXTURE_TEST_CASE(scar_74_an_idempotent_request_survives_the_end_of_an_idle_connection,
                        loop) {
  for (const char* method : {"GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE"})
    for (const bool resets : {false, true}) {
      script end = script().hears();
      scripted_peer peer(context,
                         one_that_then(resets ? std::move(end).resets() : std::move(end).closes()));
      client sender(context, "127.0.0.1", peer.port);
      warm_up(sender);
      const outcome second = send(sender, request(method, "/"));
      BOOST_TEST(second.error == error_code());
      BOOST_TEST(second.response.attempts() == 2u);
      BOOST_TEST(second.response.connection_id() == 2u);
      BOOST_TEST(!second.response.reused());
      BOOST_TEST_REQUIRE(peer.heard.size() == 3u);
      BOOST_TEST(peer.heard[1] == peer.heard[2]);
      BOOST_TEST(peer.accepted() == 2u);
      BOOST_TEST(sender.pool().stats().peak_total == 1u);
      check_nothing_is_left(*this, sender, peer);
    }
}

BOOST_FIXTURE_TEST_CASE(a_body_is_sent_again_whole, loop) {
  request put("PUT", "/file");
  put.body(std::string(100'000, 'p'));
  put.trailers().add("X-Sum", "1");
  scripted_peer peer(context, one_that_then(script().hears().closes()));
  client sender(context, "127.0.0.1", peer.port);
  warm_up(sender);
  BOOST_TEST(send(sender, put).response.body() == "again");
  BOOST_TEST_REQUIRE(peer.heard.size() == 3u);
  BOOST_TEST((peer.heard[1] == peer.heard[2]));
}

BOOST_FIXTURE_TEST_CASE(scar_77_a_request_that_may_have_had_its_effect_is_never_sent_twice, loop) {
  for (const char* method : {"POST", "PATCH", "PURGE", "get"})
    for (const bool resets : {false, true}) {
      script end = script().hears();
      scripted_peer peer(context,
                         one_that_then(resets ? std::move(end).resets() : std::move(end).closes()));
      client sender(context, "127.0.0.1", peer.port);
      warm_up(sender);
      BOOST_TEST(send(sender, request(method, "/")).error == error::connection_closed);
      settle();
      BOOST_TEST(peer.heard.size() == 2u);
      BOOST_TEST(peer.accepted() == 1u);
    }
}

/// An idle connection goes to somebody who leaves before it is delivered, and on to the client,
/// whose step it then waits for: the only moment between the look at it and the first byte.
BOOST_FIXTURE_TEST_CASE(scar_74_what_was_not_even_begun_is_sent_again_whatever_it_is, loop) {
  scripted_peer peer(context, one_that_then(script().hears()));
  client_options one;
  one.pool.max_connections = 1;
  client sender(context, "127.0.0.1", peer.port, one);
  warm_up(sender);

  auto elsewhere = std::make_unique<asio::io_context>();
  sender.pool().async_acquire(
      asio::bind_executor(elsewhere->get_executor(), [](error_code, httpool::lease) {}));
  const call under_way = start(sender, post());
  BOOST_TEST(sender.pool().stats().waiting == 1u);
  elsewhere.reset();
  BOOST_TEST(sender.pool().stats().leased == 1u);
  peer.reset(0);

  const outcome end = end_of(under_way);
  BOOST_TEST(end.error == error_code());
  BOOST_TEST(end.response.attempts() == 2u);
  BOOST_TEST(peer.heard.size() == 2u);
}

BOOST_FIXTURE_TEST_CASE(a_request_is_sent_again_once_and_not_twice, loop) {
  std::vector<script> plans = one_that_then(script().hears().closes());
  plans.insert(plans.begin() + 1, script().hears().closes());
  scripted_peer peer(context, plans);
  client sender(context, "127.0.0.1", peer.port);
  warm_up(sender);
  BOOST_TEST(send(sender, get()).error == error::connection_closed);
  settle();
  BOOST_TEST(peer.heard.size() == 3u);
  BOOST_TEST(peer.accepted() == 2u);
}

BOOST_FIXTURE_TEST_CASE(the_second_try_has_a_connection_of_its_own_though_others_are_idle, loop) {
  const script dies = script().answers(ok()).hears().closes();
  scripted_peer peer(context, {dies, dies, dies, script().answers(ok("again"))});
  client sender(context, "127.0.0.1", peer.port);
  const call calls[] = {start(sender, get()), start(sender, get()), start(sender, get())};
  for (const call& each : calls)
    BOOST_TEST(end_of(each).error == error_code());
  BOOST_TEST(sender.pool().stats().idle == 3u);
  const outcome end = send(sender, get());
  BOOST_TEST(end.response.body() == "again");
  BOOST_TEST(end.response.connection_id() == 4u);
  BOOST_TEST(sender.pool().stats().idle == 3u);
}

BOOST_FIXTURE_TEST_CASE(scar_53_connections_that_died_while_idle_burn_no_retry, loop) {
  const script dies = script().answers(ok()).closes();
  scripted_peer peer(context, {dies, dies, dies, script().answers(ok("fresh"))});
  client sender(context, "127.0.0.1", peer.port);
  const call calls[] = {start(sender, get()), start(sender, get()), start(sender, get())};
  for (const call& each : calls)
    BOOST_TEST(end_of(each).error == error_code());
  BOOST_TEST(until([&] { return peer.open() == 0; }));
  const outcome end = send(sender, post());
  BOOST_TEST(end.response.body() == "fresh");
  BOOST_TEST(end.response.attempts() == 1u);
}

BOOST_FIXTURE_TEST_CASE(a_dial_that_fails_the_second_try_gives_its_error, loop) {
  scripted_peer peer(context, one_that_then(script().hears().pauses().closes()));
  client sender(context, "127.0.0.1", peer.port);
  warm_up(sender);
  const call under_way = start(sender, get());
  BOOST_TEST(until([&] { return peer.is_paused(0); }));
  peer.refuse();
  peer.go_on(0);
  BOOST_TEST(end_of(under_way).error == error::connection_refused);
  BOOST_TEST(sender.pool().stats().total() == 0u);
}

/// The system completes the dial for a server that has not accepted it yet, and then ends.
BOOST_FIXTURE_TEST_CASE(a_dial_into_a_server_that_is_ending_says_that_the_peer_closed, loop) {
  tcp::acceptor acceptor(context, tcp::endpoint(asio::ip::address_v4::loopback(), 0));
  client sender(context, "127.0.0.1", acceptor.local_endpoint().port());
  const call under_way = start(sender, get());
  pollfd caller{acceptor.native_handle(), POLLIN, 0};
  BOOST_TEST_REQUIRE(until([&] { return ::poll(&caller, 1, 0) == 1; }));
  acceptor.close();
  BOOST_TEST(end_of(under_way).error == error::connection_closed);
  BOOST_TEST(sender.pool().stats().total() == 0u);
}

// Whether it was idle, and not whether it had served ----------------------------------------------

BOOST_FIXTURE_TEST_CASE(scar_75_a_connection_that_was_idle_but_never_served_allows_the_retry,
                        loop) {
  scripted_peer peer(context, {script().hears().closes(), script().answers(ok("again"))});
  client sender(context, "127.0.0.1", peer.port);
  sender.pool().prewarm(1);
  BOOST_TEST(until([&] { return sender.pool().stats().idle == 1; }));
  const outcome end = send(sender, get());
  BOOST_TEST(end.error == error_code());
  BOOST_TEST(end.response.attempts() == 2u);
}

BOOST_FIXTURE_TEST_CASE(scar_75_a_connection_handed_over_hot_allows_none, loop) {
  scripted_peer peer(context, one_that_then(script().hears().closes()));
  client_options one;
  one.pool.max_connections = 1;
  client sender(context, "127.0.0.1", peer.port, one);
  const call first = start(sender, get());
  const call second = start(sender, get());
  BOOST_TEST(end_of(first).error == error_code());
  BOOST_TEST(end_of(second).error == error::connection_closed);
  settle();
  BOOST_TEST(peer.heard.size() == 2u);
  BOOST_TEST(peer.accepted() == 1u);
}

BOOST_FIXTURE_TEST_CASE(scar_76_a_fresh_connection_allows_none, loop) {
  for (const bool resets : {false, true}) {
    script plan = resets ? script().hears().resets() : script().hears().closes();
    scripted_peer peer(context, {std::move(plan)});
    client sender(context, "127.0.0.1", peer.port);
    BOOST_TEST(send(sender, get()).error == error::connection_closed);
    settle();
    BOOST_TEST(peer.heard.size() == 1u);
    BOOST_TEST(peer.accepted() == 1u);
  }
}

// A byte of a response, or no end of the connection -----------------------------------------------

BOOST_FIXTURE_TEST_CASE(one_byte_of_a_response_rules_the_retry_out, loop) {
  for (const char* bytes : {"H", "HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 200 OK\r\n"}) {
    scripted_peer peer(context, one_that_then(script().hears().says(bytes).closes()));
    client sender(context, "127.0.0.1", peer.port);
    warm_up(sender);
    BOOST_TEST(send(sender, get()).error == error::connection_closed);
    settle();
    BOOST_TEST(peer.heard.size() == 2u);
  }
}

BOOST_FIXTURE_TEST_CASE(a_malformed_response_rules_the_retry_out, loop) {
  scripted_peer peer(context, one_that_then(script().answers("\x16\x03\x01 what?\r\n\r\n")));
  client sender(context, "127.0.0.1", peer.port);
  warm_up(sender);
  BOOST_TEST(send(sender, get()).error == error::protocol_error);
  settle();
  BOOST_TEST(peer.heard.size() == 2u);
}

BOOST_FIXTURE_TEST_CASE(scar_81_a_late_response_rules_the_retry_out, loop) {
  scripted_peer peer(context, one_that_then(script().hears()));
  client sender(context, "127.0.0.1", peer.port);
  warm_up(sender);
  send_options soon;
  soon.timeout = 30ms;
  BOOST_TEST(send(sender, get(), soon).error == error::exchange_timeout);
  BOOST_TEST(until([&] { return peer.open() == 0; }));
  BOOST_TEST(peer.heard.size() == 2u);
  BOOST_TEST(peer.accepted() == 1u);
}

// A server that closes just when it likes ---------------------------------------------------------

/// A server in a thread of its own which answers the first request on a connection and closes that
/// a random moment later, be there another request or not.
BOOST_FIXTURE_TEST_CASE(scar_74_closing_at_any_moment_hurts_no_idempotent_request, loop) {
  constexpr int trials = 1500;
  asio::io_context server_context;
  tcp::acceptor acceptor(server_context, tcp::endpoint(asio::ip::address_v4::loopback(), 0));
  const std::uint16_t port = acceptor.local_endpoint().port();
  std::atomic<bool> is_over = false;
  std::thread server([&] {
    std::minstd_rand random(74);
    std::string chunk(1000, ' ');
    const std::string response = ok();
    for (;;) {
      error_code ec;
      tcp::socket socket = acceptor.accept();
      if (is_over)
        return;
      socket.read_some(asio::buffer(chunk), ec);
      asio::write(socket, asio::buffer(response), ec);
      const auto end =
          std::chrono::steady_clock::now() + std::chrono::nanoseconds(random() % 60'000);
      while (std::chrono::steady_clock::now() < end) {
      }
      if (random() % 2 == 0)
        socket.set_option(tcp::socket::linger(true, 0), ec);
    }
  });
  {
    client sender(context, "127.0.0.1", port);
    int again = 0;
    for (int i = 0; i != trials; ++i) {
      const outcome end = send(sender, get());
      BOOST_TEST(end.error == error_code());
      again += end.response.attempts() == 2;
      const outcome order = send(sender, post());
      BOOST_TEST((order.error == error_code() || order.error == error::connection_closed));
    }
    BOOST_TEST_MESSAGE(again << " of " << trials << " were sent again");
    BOOST_TEST(sender.pool().stats().leased == 0u);
    is_over = true;
    tcp::socket last(context);
    last.connect(tcp::endpoint(asio::ip::address_v4::loopback(), port));
  }
  server.join();
}
