// How connections that TLS encrypts end, or never begin.

#include "net/server_tls_fixture.hpp"

#include <boost/asio/read.hpp>
#include <boost/asio/use_future.hpp>

#include <atomic>
#include <future>
#include <string>

#include <netinet/tcp.h>
#include <sys/socket.h>

using namespace server_test;
using httpool::request;
using httpool::response;

namespace {

response hello(request message) {
  return response(200, "hello" + message.body(), "text/plain");
}

// All deadlines but the one that a test is about.
httpool::server_options patient() {
  httpool::server_options options;
  options.handshake_timeout = 1min;
  options.head_timeout = 1min;
  options.body_timeout = 1min;
  options.idle_timeout = 1min;
  options.drain_timeout = 1min;
  options.linger_timeout = 1min;
  return options;
}

// What the server says to one who does not speak TLS, until it closes.
std::string answer_to(const live_server& server, std::string_view text) {
  client peer(server);
  peer.send(text);
  std::string answer;
  error_code ec;
  asio::read(peer.socket(), asio::dynamic_buffer(answer), ec);
  BOOST_TEST(ec == asio::error::eof);
  return answer;
}

} // namespace

BOOST_AUTO_TEST_CASE(who_does_not_complete_the_handshake_in_time_is_closed_and_counted) {
  httpool::server_options options = patient();
  options.handshake_timeout = 20ms;
  const auto tls = make_tls();
  live_server server(hello, encrypted(tls, options));
  client silent(server);
  BOOST_TEST(silent.at_end());
  client slow(server);
  slow.send(std::string("\x16\x03\x01\x02\x00\x01\x00", 7));
  slow.read_some();
  BOOST_TEST((slow.end() == asio::error::eof || slow.was_reset()));
  until([&] { return server->stats().open == 0; });
  BOOST_TEST(server->stats().timed_out == 2u);
  // One that has not said anything has not begun a handshake.
  BOOST_TEST(tls->stats().failures == 1u);
}

BOOST_AUTO_TEST_CASE(plain_http_and_garbage_get_an_alert_at_most_and_no_request_is_seen) {
  const auto tls = make_tls();
  live_server server(hello, encrypted(tls, patient()));
  BOOST_TEST(answer_to(server, "GET / HTTP/1.1\r\nHost: a\r\n\r\n").find("HTTP") ==
             std::string::npos);
  answer_to(server, std::string(100'000, '\xff'));
  answer_to(server, std::string(100, '\0'));
  until([&] { return server->stats().open == 0; });
  BOOST_TEST(server->stats().requests == 0u);
  BOOST_TEST(tls->stats().failures == 3u);
}

BOOST_AUTO_TEST_CASE(a_client_that_vanishes_in_its_handshake_is_forgotten) {
  const auto tls = make_tls();
  live_server server(hello, encrypted(tls, patient()));
  for (const bool is_reset : {false, true}) {
    client peer(server);
    peer.send(std::string("\x16\x03\x01\x02\x00\x01\x00", 7));
    server.settle();
    if (is_reset)
      peer.socket().set_option(asio::socket_base::linger(true, 0));
  }
  until([&] { return server->stats().open == 0; });
  BOOST_TEST(tls->stats().failures == 2u);
}

BOOST_AUTO_TEST_CASE(an_idle_connection_ends_with_close_notify) {
  httpool::server_options options = patient();
  options.idle_timeout = 20ms;
  live_server server(hello, encrypted(make_tls(), options));
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    tls_clients clients(root.root_pem());
    clients.only(version);
    BOOST_TEST(tls_client_peer(server, clients).at_end());
    tls_client_peer served(server, clients);
    served.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    served.receive();
    BOOST_TEST(served.at_end());
  }
}

BOOST_AUTO_TEST_CASE(a_connection_that_has_long_been_idle_serves_on) {
  live_server server(hello, encrypted(make_tls(), patient()));
  tls_clients clients(root.root_pem());
  tls_client_peer peer(server, clients);
  for (int turn = 0; turn < 2; ++turn) {
    BOOST_TEST(peer.get("/").status() == 200u);
    const auto then = std::chrono::steady_clock::now() + 600ms;
    until([&] { return std::chrono::steady_clock::now() > then; }); // its memory is given back
  }
  // Two records in one segment, of which the first is no request.
  using cork = asio::detail::socket_option::boolean<IPPROTO_TCP, TCP_CORK>;
  peer.socket().set_option(cork(true));
  peer.send("\r\n");
  peer.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  peer.socket().set_option(cork(false));
  BOOST_TEST(peer.receive()->status() == 200u);
}

BOOST_AUTO_TEST_CASE(a_graceful_stop_ends_idle_ones_with_close_notify_and_handshakes_at_once) {
  live_server server(hello, encrypted(make_tls(), patient()));
  tls_clients clients(root.root_pem());
  client silent(server);
  client halfway(server);
  halfway.send(std::string("\x16\x03\x01\x02\x00\x01\x00", 7));
  tls_client_peer idle(server, clients);
  tls_client_peer served(server, clients);
  BOOST_TEST(served.get("/").status() == 200u);
  server.settle();
  std::future<void> stopped = server->async_stop(asio::use_future);
  BOOST_TEST(idle.at_end());
  BOOST_TEST(served.at_end());
  idle.socket().close();
  served.socket().close();
  BOOST_CHECK_NO_THROW(stopped.get());
  BOOST_TEST(silent.at_end());
  BOOST_TEST(server->stats().open == 0u);
}

BOOST_AUTO_TEST_CASE(a_request_that_is_arriving_is_answered_before_a_stop) {
  live_server server(hello, encrypted(make_tls(), patient()));
  tls_clients clients(root.root_pem());
  tls_client_peer peer(server, clients);
  peer.send("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 6\r\n\r\n");
  BOOST_TEST(peer.receive()->status() == 100u);
  peer.send(", y");
  std::future<void> stopped = server->async_stop(asio::use_future);
  server.settle();
  peer.send("ou!");
  const auto answer = peer.receive();
  BOOST_REQUIRE(answer.has_value());
  BOOST_TEST(answer->body() == "hello, you!");
  BOOST_TEST(answer->fields().value("Connection") == "close");
  BOOST_TEST(peer.at_end());
  peer.socket().close();
  BOOST_CHECK_NO_THROW(stopped.get());
}

BOOST_AUTO_TEST_CASE(the_end_of_a_clients_data_is_an_end_with_close_notify_or_without) {
  live_server server(hello, encrypted(make_tls(), patient()));
  tls_clients clients(root.root_pem());
  for (const bool is_said : {true, false}) {
    const auto end = [&](tls_client_peer& peer) {
      if (is_said)
        peer.say_end();
      else
        peer.socket().shutdown(tcp::socket::shutdown_send);
    };
    tls_client_peer idle(server, clients);
    BOOST_TEST(idle.get("/").status() == 200u);
    end(idle);
    idle.read_some();
    tls_client_peer halfway(server, clients);
    halfway.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhe");
    end(halfway);
    halfway.read_some();
    until([&] { return server->stats().open == 0; });
  }
  BOOST_TEST(server->stats().requests == 2u);
  BOOST_TEST(server->stats().refused == 2u);
  BOOST_TEST(server->stats().timed_out == 0u);
}

BOOST_AUTO_TEST_CASE(the_servers_close_notify_answers_that_of_the_client) {
  live_server server(hello, encrypted(make_tls(), patient()));
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    tls_clients clients(root.root_pem());
    clients.only(version);
    tls_client_peer peer(server, clients);
    BOOST_TEST(peer.get("/").status() == 200u);
    peer.say_end();
    BOOST_TEST(peer.at_end());
  }
}

BOOST_AUTO_TEST_CASE(a_client_that_does_not_read_its_response_is_cut_by_the_progress_deadline) {
  httpool::server_options options = patient();
  options.body_timeout = 50ms;
  live_server server(
      [](const request&) { return response(200, std::string(64 << 20, 'x'), "a/b"); },
      encrypted(make_tls(), options));
  tls_clients clients(root.root_pem());
  tls_client_peer peer(server, clients, {}, 4096);
  peer.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  until([&] { return server->stats().open == 0; });
  BOOST_TEST(server->stats().timed_out == 1u);
}

BOOST_AUTO_TEST_CASE(who_renews_keys_without_end_is_not_served_on) {
  std::promise<void> gate;
  live_server server(
      [&](const request& message) {
        if (message.target() == "/wait")
          gate.get_future().get();
        return response(200, "hello", "text/plain");
      },
      encrypted(make_tls(), patient()));
  tls_clients clients(root.root_pem());
  tls_client_peer peer(server, clients);
  for (int i = 0; i != 100; ++i)
    peer.update_key();
  BOOST_TEST(peer.get("/").status() == 200u);
  peer.send("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n");
  for (int i = 0; i != 4000; ++i)
    peer.update_key();
  gate.set_value();
  until([&] { return server->stats().open == 0; });
  BOOST_TEST(server->stats().timed_out == 0u);
}

BOOST_AUTO_TEST_CASE(half_a_record_does_not_put_off_a_deadline) {
  httpool::server_options options = patient();
  options.body_timeout = 50ms;
  live_server server(hello, encrypted(make_tls(), options));
  tls_clients clients(root.root_pem());
  tls_client_peer peer(server, clients);
  peer.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhe");
  asio::write(peer.socket(), asio::buffer(std::string("\x17\x03\x03\x01\x00 and no more", 17)));
  BOOST_TEST(peer.receive()->status() == 408u);
  BOOST_TEST(peer.at_end());
  BOOST_TEST(server->stats().timed_out == 1u);
}

BOOST_AUTO_TEST_CASE(connections_in_every_state_end_when_the_server_is_closed) {
  std::atomic<int> begun = 0;
  live_server server(
      [&](const request&) {
        ++begun;
        return response(200, std::string(64 << 20, 'x'), "a/b");
      },
      encrypted(make_tls(), patient()));
  tls_clients clients(root.root_pem());
  client silent(server);
  client halfway(server);
  halfway.send(std::string("\x16\x03\x01\x02\x00\x01\x00", 7));
  tls_client_peer idle(server, clients);
  tls_client_peer slow(server, clients, {}, 4096);
  slow.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  until([&] { return begun == 1; });
  server.settle();
  BOOST_TEST(server->stats().open == 4u);
  server->close();
  until([&] { return server->stats().open == 0; });
}
