// What RFC 9112 calls an error gets its status and a close; what is odd but valid is served.

#include "net/server_fixture.hpp"

#include <atomic>
#include <string>
#include <vector>

using namespace server_test;
using namespace std::string_literals;
using httpool::request;
using httpool::response;

namespace {

// Answers with the target and the body, and knows whether it was asked what never should be asked.
struct witness {
  std::atomic<int> calls = 0;
  std::atomic<int> smuggled = 0;

  httpool::server_handler handler() {
    return [this](const request& message) {
      ++calls;
      if (message.target() == "/smuggled")
        ++smuggled;
      return response(200, std::string(message.target()) + "|" + message.body(), "text/plain");
    };
  }
};

httpool::server_options small() {
  httpool::server_options options;
  options.max_head_bytes = 1000;
  options.max_fields = 10;
  options.max_body_bytes = 100;
  return options;
}

const std::string good = "GET /good HTTP/1.1\r\nHost: a\r\n\r\n";
const std::string smuggled = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";
const std::string post = "POST /x HTTP/1.1\r\nHost: a\r\n";
const std::string chunked = post + "Transfer-Encoding: chunked\r\n\r\n";

struct bad_request {
  std::string text;
  unsigned status;
};

const std::vector<bad_request>& bad_requests() {
  static const std::vector<bad_request> all{
      {"GET / HTTP/1.1\nHost: a\n\n", 400},
      {"GET / HTTP/1.1\rHost: a\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\n Host: a\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: a\r\nX: \0\r\n\r\n"s, 400},
      {"GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"GET x HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"GET /\r\n\r\n", 400},
      {"\x16\x03\x01\x02\x00\x01"s, 400},
      {"GET / HTTP/1.1x\r\nHost: a\r\n\r\n", 400},
      {"GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505},
      {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
      {"GET /" + std::string(2000, 'x'), 414},
      {"GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(2000, 'x'), 431},
      {"GET / HTTP/1.1\r\nHost: a\r\n" +
           [] {
             std::string fields;
             for (int i = 0; i < 10; ++i)
               fields += "X: y\r\n";
             return fields;
           }() +
           "\r\n",
       431},
      {post + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
      {post + "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", 400},
      {post + "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello", 400},
      {post + "Content-Length: 5, 6\r\n\r\nhello", 400},
      {post + "Content-Length: -1\r\n\r\n", 400},
      {post + "Content-Length: +1\r\n\r\nx", 400},
      {post + "Content-Length: 101\r\n\r\n", 413},
      {post + "Content-Length: 99999999999999999999999\r\n\r\n", 413},
      {post + "Transfer-Encoding: gzip\r\n\r\n", 400},
      {post + "Transfer-Encoding: chunked, gzip\r\n\r\n", 400},
      {post + "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", 400},
      {post + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501},
      {"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
      {chunked + "x\r\n", 400},
      {chunked + "5 \r\nhello\r\n0\r\n\r\n", 400},
      {chunked + "5;\r\nhello\r\n0\r\n\r\n", 400},
      {chunked + "5\r\nhello!\r\n0\r\n\r\n", 400},
      {chunked + "5\nhello\r\n0\r\n\r\n", 400},
      {chunked + "65\r\n" + std::string(0x65, 'x'), 413},
      {chunked + "FFFFFFFFFFFFFFFFF\r\n", 413},
      {chunked + "0\r\nA : b\r\n\r\n", 400},
      {chunked + "0\r\nX: " + std::string(2000, 'x'), 431},
      {post + "Expect: tea\r\nContent-Length: 5\r\n\r\nhello", 417},
  };
  return all;
}

} // namespace

BOOST_AUTO_TEST_CASE(an_error_gets_its_status_and_a_close_and_nothing_after_it_is_a_request) {
  witness seen;
  const live_server server(seen.handler(), small());
  for (const bad_request& bad : bad_requests()) {
    client peer(server);
    peer.send(bad.text + smuggled);
    const auto refusal = peer.receive();
    BOOST_REQUIRE(refusal.has_value());
    BOOST_TEST(refusal->status() == bad.status, bad.text << " got " << refusal->status());
    BOOST_TEST(refusal->fields().value("Connection") == "close");
    BOOST_TEST(refusal->fields().contains("Date"));
    peer.half_close();
    BOOST_TEST(peer.at_end(), bad.text);
  }
  BOOST_TEST(seen.calls == 0);
}

BOOST_AUTO_TEST_CASE(what_came_before_an_error_is_answered) {
  witness seen;
  const live_server server(seen.handler(), small());
  for (const bad_request& bad : bad_requests()) {
    client peer(server);
    peer.send(good + good + bad.text + smuggled);
    for (int i = 0; i < 2; ++i) {
      const auto answer = peer.receive();
      BOOST_REQUIRE(answer.has_value());
      BOOST_TEST(answer->body() == "/good|");
    }
    const auto refusal = peer.receive();
    BOOST_REQUIRE(refusal.has_value());
    BOOST_TEST(refusal->status() == bad.status);
    peer.half_close();
    BOOST_TEST(peer.at_end());
  }
  BOOST_TEST(seen.smuggled == 0);
}

BOOST_AUTO_TEST_CASE(errors_are_the_same_when_bytes_come_one_by_one) {
  witness seen;
  const live_server server(seen.handler(), small());
  for (const bad_request& bad : bad_requests()) {
    if (bad.text.size() > 500)
      continue;
    client peer(server);
    peer.socket().set_option(tcp::no_delay(true));
    for (const char byte : bad.text + smuggled)
      if (!peer.send({&byte, 1}))
        break;
    const auto refusal = peer.receive();
    BOOST_REQUIRE(refusal.has_value());
    BOOST_TEST(refusal->status() == bad.status, bad.text);
    peer.half_close();
    BOOST_TEST(peer.at_end());
  }
  BOOST_TEST(seen.calls == 0);
}

BOOST_AUTO_TEST_CASE(odd_but_valid_requests_are_served) {
  witness seen;
  const live_server server(seen.handler());
  client peer(server);
  const std::string long_target = std::string("/").append(7999, 'x');
  const std::vector<std::pair<std::string, std::string>> requests{
      {"\r\n\r\nGET /empty-lines HTTP/1.1\r\nHost: a\r\n\r\n", "/empty-lines|"},
      {"GET /obs-text HTTP/1.1\r\nHost: a\r\nX-\x7e: \xe4\xf6\xfc\xff\r\n\r\n", "/obs-text|"},
      {"GET http://a.test/absolute HTTP/1.1\r\nHost: b\r\n\r\n", "http://a.test/absolute|"},
      {"BREW /unknown-method HTTP/1.1\r\nHost: a\r\n\r\n", "/unknown-method|"},
      {"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", "*|"},
      {"GET " + long_target + " HTTP/1.1\r\nHost: a\r\n\r\n", long_target + "|"},
      {"GET /no-host-value HTTP/1.1\r\nHost:\r\n\r\n", "/no-host-value|"},
      {"GET /minor HTTP/1.7\r\nHost: a\r\n\r\n", "/minor|"},
      {"POST /same HTTP/1.1\r\nHost: a\r\nContent-Length: 2, 2\r\nContent-Length: 2\r\n\r\nhi",
       "/same|hi"},
      {"GET /body-in-get HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi", "/body-in-get|hi"},
      {"POST /ext HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n"
       "2;a=\"b\\\"c\" ; d\r\nhi\r\n00\r\nTrailer: x\r\n\r\n",
       "/ext|hi"},
  };
  for (const auto& [text, body] : requests) {
    peer.send(text);
    const auto answer = peer.receive();
    BOOST_REQUIRE(answer.has_value());
    BOOST_TEST(answer->status() == 200u, text);
    BOOST_TEST(answer->body() == body, text);
  }
}
