// Requests and responses over TLS.

#include "net/server_tls_fixture.hpp"

#include <httpool/server_threads.hpp>

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <cctype>
#include <memory>
#include <string>
#include <thread>
#include <vector>

using namespace server_test;
using httpool::request;
using httpool::request_context;
using httpool::response;

namespace {

response echo(request message) {
  return response(200, std::string(message.target()) + message.body(), "text/plain");
}

// Bytes of which no two pieces are alike.
std::string bytes(std::size_t size) {
  std::string text(size, ' ');
  for (std::size_t i = 0; i != size; ++i)
    text[i] = static_cast<char>('!' + (i * 7 + i / 1000) % 90);
  return text;
}

std::string post(const std::string& body) {
  return "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\n\r\n" + body;
}

} // namespace

BOOST_AUTO_TEST_CASE(requests_sent_ahead_are_answered_in_order_in_few_writes) {
  live_server server(echo, encrypted(make_tls()));
  tls_clients clients(root.root_pem());
  tls_client_peer peer(server, clients);
  std::string ahead;
  for (int i = 0; i != 200; ++i)
    ahead += "GET /" + std::to_string(i) + " HTTP/1.1\r\nHost: a\r\n\r\n";
  peer.send(ahead);
  for (int i = 0; i != 200; ++i)
    BOOST_TEST(peer.receive()->body() == std::string("/").append(std::to_string(i)));
  BOOST_TEST(server->stats().requests == 200u);
  BOOST_TEST(server->stats().writes < 50u);
}

BOOST_AUTO_TEST_CASE(a_request_may_come_a_byte_and_a_record_at_a_time) {
  live_server server(echo, encrypted(make_tls()));
  tls_clients clients(root.root_pem());
  tls_client_peer peer(server, clients);
  for (const char c : post("hello"))
    peer.send({&c, 1});
  BOOST_TEST(peer.receive()->body() == "/hello");
}

BOOST_AUTO_TEST_CASE(bodies_of_10_mib_pass_both_ways_plain_and_chunked) {
  const std::string body = bytes(10 * 1024 * 1024);
  live_server server(
      [](request message) {
        response answer(200, std::move(message.body()), "text/plain");
        if (message.target() == "/chunked")
          answer.fields().set("Transfer-Encoding", "chunked");
        return answer;
      },
      encrypted(make_tls()));
  tls_clients clients(root.root_pem());
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    clients.only(version);
    tls_client_peer peer(server, clients);
    peer.send(post(body));
    BOOST_TEST((peer.receive()->body() == body));
    std::string chunked = "POST /chunked HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    for (std::size_t at = 0; at < body.size(); at += 0x10000)
      chunked += "10000\r\n" + body.substr(at, 0x10000) + "\r\n";
    peer.send(chunked + "0\r\n\r\n");
    BOOST_TEST((peer.receive()->body() == body));
    BOOST_TEST(peer.get("/next").status() == 200u);
  }
}

BOOST_AUTO_TEST_CASE(head_continue_limits_and_late_handlers_are_as_they_are_without_tls) {
  httpool::server_options options;
  options.max_body_bytes = 100;
  live_server server(
      [](request message) -> asio::awaitable<response> {
        asio::steady_timer timer(co_await asio::this_coro::executor, 1ms);
        co_await timer.async_wait(asio::use_awaitable);
        co_return response(200, "hello" + message.body(), "text/plain");
      },
      encrypted(make_tls(), options));
  tls_clients clients(root.root_pem());
  tls_client_peer peer(server, clients);
  peer.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
  BOOST_TEST(peer.receive("HEAD")->fields().value("Content-Length") == "5");
  peer.send("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
  BOOST_TEST(peer.receive()->status() == 100u);
  peer.send(", ");
  BOOST_TEST(peer.receive()->body() == "hello, ");
  peer.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 101\r\n\r\n");
  const auto refused = peer.receive();
  BOOST_TEST(refused->status() == 413u);
  BOOST_TEST(refused->fields().value("Connection") == "close");
  BOOST_TEST(peer.at_end());
}

BOOST_AUTO_TEST_CASE(a_plain_connection_has_no_handle_and_an_encrypted_one_says_so) {
  const auto tell = [](const request&, const request_context& context) {
    return response(200, context.is_encrypted && context.tls ? "yes" : "no", "text/plain");
  };
  live_server plain(tell);
  BOOST_TEST(client(plain).get("/").body() == "no");
  live_server server(tell, encrypted(make_tls()));
  tls_clients clients(root.root_pem());
  BOOST_TEST(tls_client_peer(server, clients).get("/").body() == "yes");
}

BOOST_AUTO_TEST_CASE(several_threads_share_certificates_sessions_and_a_reload) {
  const auto tls = make_tls();
  httpool::server_threads server(2, any_port(), echo, encrypted(tls));
  std::vector<std::thread> callers;
  for (int i = 0; i != 4; ++i)
    callers.emplace_back([&] {
      tls_clients clients(root.root_pem());
      for (int j = 0; j != 50; ++j) {
        tls_client_peer peer(server.local_endpoint(), clients);
        const bool is_answered =
            !peer.failure() && peer.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n") && peer.read_some();
        if (!is_answered || peer.is_resumed() != (j != 0))
          BOOST_ERROR("connection " << j << " failed");
      }
    });
  for (int i = 0; i != 20; ++i)
    tls->reload(options_of({localhost}));
  for (std::thread& each : callers)
    each.join();
  BOOST_TEST(tls->stats().full_handshakes == 4u);
  BOOST_TEST(tls->stats().resumptions == 196u);
  BOOST_TEST(server.stop());
}

// Served, silent, in the middle of the handshake, or after half a request; closed or reset.
BOOST_AUTO_TEST_CASE(thousands_of_connections_opened_and_dropped_leave_no_descriptor) {
  const auto tls = make_tls();
  live_server server(echo, encrypted(tls));
  tls_clients clients(root.root_pem());
  const auto churn = [&](int times) {
    for (int i = 0; i != times; ++i) {
      tls_client_peer served(server, clients);
      if (i % 2 == 0)
        BOOST_TEST(served.get("/").status() == 200u);
      else
        served.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhe");
      client silent(server);
      client vanishes(server);
      vanishes.send(std::string("\x16\x03\x01\x02\x00\x01\x00", 7));
      if (i % 3 == 0) {
        served.socket().set_option(asio::socket_base::linger(true, 0));
        vanishes.socket().set_option(asio::socket_base::linger(true, 0));
      }
    }
    until([&] { return server->stats().open == 0; });
  };
  churn(1);
  const std::size_t before = descriptors();
  churn(1000);
  BOOST_TEST(descriptors() == before);
  BOOST_TEST(server->stats().accepted == 3003u);
  BOOST_TEST(tls->stats().failures == 1001u);
}
