// The forms in which proxies are spoken to, who is spoken to without one, and proxies that speak
// out of turn.

#include "net/proxy_fixture.hpp"
#include "net/unix_peer.hpp"

using namespace proxy_test;

namespace {

/// The kinds of the TLS records in `bytes`, each once for as many as come in a row
/// (RFC 8446 §5.1).
std::string kinds_of_records(const std::string& bytes) {
  constexpr std::size_t header = 5;
  std::string kinds;
  for (std::size_t at = 0; at + header <= bytes.size();) {
    if (kinds.empty() || kinds.back() != bytes[at])
      kinds += bytes[at];
    at += header + static_cast<unsigned char>(bytes[at + 3]) * 256u +
          static_cast<unsigned char>(bytes[at + 4]);
  }
  return kinds;
}

constexpr char alert = 21;
constexpr char handshake = 22;

} // namespace

BOOST_FIXTURE_TEST_CASE(options_of_an_origin_as_a_whole_name_it_to_a_forwarding_proxy, proxied) {
  recording_origin origin(context);
  recording_proxy by(context, origin.port());
  client sender(context, httpool::origin("a.test", 8001), through(at(by)));
  BOOST_TEST(send(sender, request("OPTIONS", "*")).response.body() == "ok");
  BOOST_TEST(by.told.starts_with("OPTIONS http://a.test:8001 HTTP/1.1\r\nHost: a.test:8001\r\n"));
  BOOST_TEST(origin.heard == "OPTIONS * HTTP/1.1\r\nHost: a.test:8001\r\n\r\n");
  // A path is not the whole, however short.
  BOOST_TEST(send(sender, request("OPTIONS", "/")).response.body() == "ok");
  BOOST_TEST(count(by.told, "OPTIONS http://a.test:8001/ HTTP/1.1\r\n") == 1u);
  BOOST_TEST(count(origin.heard, "OPTIONS / HTTP/1.1\r\n") == 1u);
  // It is for no other method, and then the proxy hears nothing of it.
  const std::string told_before = by.told;
  BOOST_TEST(bool(send(sender, get("*")).error));
  BOOST_TEST(by.told == told_before);
}

BOOST_FIXTURE_TEST_CASE(options_of_an_origin_as_a_whole_go_through_a_tunnel_as_they_are, proxied) {
  recording_origin origin(context, encrypted());
  recording_proxy by(context, origin.port());
  client sender(context, httpool::origin(httpool::scheme::https, "a.test", 443), through(at(by)));
  BOOST_TEST(send(sender, request("OPTIONS", "*")).response.body() == "ok");
  BOOST_TEST(origin.heard == "OPTIONS * HTTP/1.1\r\nHost: a.test\r\n\r\n");
}

BOOST_FIXTURE_TEST_CASE(a_unix_domain_socket_is_called_without_a_proxy, proxied) {
  for (const char* scheme : {"http", "https", "socks5"}) {
    BOOST_TEST_CONTEXT("proxy: " << scheme) {
      unix_peer peer(context);
      recording_proxy by(context, 0);
      client sender(context, through(at(by, scheme)));
      BOOST_TEST(send(sender, get(peer.url("/status"))).response.body() == "unix");
      BOOST_TEST(peer.heard == "GET /status HTTP/1.1\r\nHost: localhost\r\n\r\n");
      BOOST_TEST(by.accepted == 0u);
      sender.close();
    }
  }
}

/// Between the answer to CONNECT and the origin's handshake nobody has anything to say: what comes
/// there is not taken for a response, nor does the request leave.
BOOST_FIXTURE_TEST_CASE(what_a_proxy_says_in_a_tunnel_is_not_the_origins, proxied) {
  const std::string alert_of_none("\x15\x03\x03\x00\x02\x01\x00", 7);
  for (const std::string& late : {ok("not the origin's"), std::string("x"), alert_of_none})
    for (const bool waits : {false, true}) {
      BOOST_TEST_CONTEXT("says " << late.size() << " bytes, having waited: " << waits) {
        recording_origin origin(context, encrypted());
        recording_proxy by(context, origin.port());
        by.late = late;
        by.waits_for_client = waits;
        client_options options = through(at(by));
        options.pool.dial_timeout = 200ms; // of which all may be waited for, if one byte came
        client sender(context, options);
        request order = post("order");
        order.target("https://a.test/orders");
        for (const request& message : {secret("https://a.test/"), order})
          BOOST_TEST(bool(send(sender, message).error));
        sender.close();
        BOOST_TEST(until([&] { return sender.stats().front().pool.total() == 0; }));
        settle();
        BOOST_TEST(origin.accepted == 0u);
        BOOST_TEST(by.accepted == 2u);
        // Those whose handshake had begun have said hello, and perhaps that it failed.
        for (const char kind : kinds_of_records(by.relayed))
          BOOST_TEST((kind == handshake || kind == alert));
        BOOST_TEST(by.relayed.find("order") == std::string::npos);
        if (waits)
          BOOST_TEST(kinds_of_records(by.relayed).starts_with(handshake));
      }
    }
}

BOOST_FIXTURE_TEST_CASE(a_socks_proxy_is_offered_a_password_only_if_there_is_one, proxied) {
  recording_origin origin(context);
  {
    recording_proxy by(context, origin.port());
    client sender(context, through(proxy("socks5h://127.0.0.1:" + std::to_string(by.port()))));
    BOOST_TEST(send(sender, get("http://a.test/")).response.body() == "ok");
    const std::string one_method("\x05\x01\x00", 3);
    const std::string question("\x05\x01\x00\x03\x06"
                               "a.test"
                               "\x00\x50",
                               13);
    BOOST_TEST(by.told == one_method + question);
  }
  recording_proxy by(context, origin.port());
  client sender(context, through(at(by, "socks5h")));
  BOOST_TEST(send(sender, get("http://a.test/")).response.body() == "ok");
  BOOST_TEST(by.told.starts_with(std::string("\x05\x02\x00\x02", 4) + '\x01'));
}
