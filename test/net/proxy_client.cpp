// Clients and pools behind proxies: what reaches whom.

#include "http1/basic_credentials.hpp"
#include "net/proxy_fixture.hpp"

#include <httpool/connection_pool.hpp>

using namespace proxy_test;
using httpool::no_proxy_rules;

namespace {

/// Whether what a proxy is told to prove who asks is in `bytes`, as it is or in base64.
bool holds_proxy_credentials(const std::string& bytes) {
  const std::string basic = httpool::http1::basic_credentials(proxy_user, proxy_password);
  return bytes.find(proxy_user) != std::string::npos ||
         bytes.find(proxy_password) != std::string::npos ||
         bytes.find(basic.substr(basic.find(' ') + 1)) != std::string::npos ||
         bytes.find("Proxy-") != std::string::npos;
}

bool holds_origin_credentials(const std::string& bytes) {
  return bytes.find("origin-token") != std::string::npos;
}

} // namespace

BOOST_FIXTURE_TEST_CASE(scar_66_a_forwarding_proxy_passes_on_nothing_that_is_its_own, proxied) {
  for (const bool is_encrypted : {false, true}) {
    BOOST_TEST_CONTEXT("TLS to the proxy: " << is_encrypted) {
      recording_origin origin(context);
      recording_proxy by(context, origin.port(), is_encrypted ? encrypted() : nullptr);
      client sender(context, through(at(by, is_encrypted ? "https" : "http")));
      send_three(sender, "http://a.test:81/x?y");
      BOOST_TEST(by.told.starts_with("GET http://a.test:81/x?y HTTP/1.1\r\nHost: a.test:81\r\n"));
      BOOST_TEST(count(by.told, "Proxy-Authorization: Basic ") == 3u);
      // What a proxy forwards it reads, and the origin's credentials with it.
      BOOST_TEST(count(by.told, origin_token) == 3u);
      BOOST_TEST(count(origin.heard, "GET /x?y HTTP/1.1\r\nHost: a.test:81\r\n") == 3u);
      BOOST_TEST(!holds_proxy_credentials(origin.heard));
      BOOST_TEST(by.accepted == 1u);
      BOOST_TEST(by.tunnels == 0u);
    }
  }
}

BOOST_FIXTURE_TEST_CASE(scar_66_no_credentials_cross_in_a_tunnel_to_an_encrypted_origin, proxied) {
  for (const char* scheme : {"http", "https", "socks5"}) {
    BOOST_TEST_CONTEXT("proxy: " << scheme) {
      recording_origin origin(context, encrypted());
      const bool is_encrypted = scheme == std::string("https");
      recording_proxy by(context, origin.port(), is_encrypted ? encrypted() : nullptr);
      client sender(context, through(at(by, scheme)));
      send_three(sender, "https://a.test/x");
      BOOST_TEST(by.tunnels == 1u);
      BOOST_TEST(origin.accepted == 1u);
      BOOST_TEST(holds_proxy_credentials(by.told));
      BOOST_TEST(!holds_origin_credentials(by.told));
      BOOST_TEST(!holds_origin_credentials(by.relayed));
      BOOST_TEST(!holds_proxy_credentials(by.relayed));
      BOOST_TEST(!holds_proxy_credentials(origin.heard));
      BOOST_TEST(count(origin.heard, "GET /x HTTP/1.1\r\nHost: a.test\r\n") == 3u);
      BOOST_TEST(count(origin.heard, origin_token) == 3u);
    }
  }
}

BOOST_FIXTURE_TEST_CASE(scar_66_no_credentials_cross_in_a_tunnel_to_a_plain_origin, proxied) {
  recording_origin origin(context);
  recording_proxy by(context, origin.port());
  {
    client sender(context, through(at(by, "socks5h")));
    send_three(sender, "http://a.test/x");
  }
  BOOST_TEST(by.tunnels == 1u);
  BOOST_TEST(holds_proxy_credentials(by.told));
  BOOST_TEST(!holds_origin_credentials(by.told));
  BOOST_TEST(!holds_proxy_credentials(by.relayed));

  // A client lets an HTTP proxy forward what is plain; a pool has a tunnel all the same.
  by.told.clear();
  httpool::connection_pool pool(context, "a.test", 80, {.proxy = at(by)});
  bool is_done = false;
  asio::co_spawn(
      context,
      [&]() -> asio::awaitable<void> {
        httpool::lease lease = co_await pool.async_acquire(asio::use_awaitable);
        const std::string text =
            "GET /y HTTP/1.1\r\nHost: a.test\r\nAuthorization: " + origin_token + "\r\n\r\n";
        co_await asio::async_write(lease.stream(), asio::buffer(text), asio::use_awaitable);
        std::array<char, 200> room;
        co_await lease.stream().async_read_some(asio::buffer(room), asio::use_awaitable);
        is_done = true;
      },
      asio::detached);
  BOOST_TEST_REQUIRE(until([&] { return is_done; }));
  BOOST_TEST(by.told.starts_with("CONNECT a.test:80 HTTP/1.1\r\nHost: a.test:80\r\n"));
  BOOST_TEST(holds_proxy_credentials(by.told));
  BOOST_TEST(!holds_origin_credentials(by.told));
  BOOST_TEST(!holds_proxy_credentials(by.relayed));
  BOOST_TEST(!holds_proxy_credentials(origin.heard));
  BOOST_TEST(count(origin.heard, origin_token) == 4u);
}

BOOST_FIXTURE_TEST_CASE(fields_for_proxies_reach_no_origin, proxied) {
  recording_origin origin(context, encrypted()), plain(context);
  recording_proxy by(context, origin.port());
  request message = secret("https://a.test/");
  message.fields().set("Proxy-Authorization", "Basic of-the-caller");
  message.fields().set("Proxy-Connection", "keep-alive");
  client sender(context, through(at(by)));
  BOOST_TEST(send(sender, message).error == error_code());
  client direct(context);
  message.target("http://127.0.0.1:" + std::to_string(plain.port()) + "/");
  BOOST_TEST(send(direct, message).error == error_code());
  for (const std::string& heard : {origin.heard, plain.heard, by.told}) {
    BOOST_TEST(heard.find("of-the-caller") == std::string::npos);
    BOOST_TEST(heard.find("Proxy-Connection") == std::string::npos);
  }
}

BOOST_FIXTURE_TEST_CASE(a_forwarding_proxy_is_told_the_callers_credentials_before_its_own,
                        proxied) {
  recording_origin origin(context);
  origin.answer = "HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Connection: close\r\n"
                  "Content-Length: 2\r\n\r\nno";
  recording_proxy by(context, origin.port());
  client sender(context, through(at(by)));
  request message = get("http://a.test/");
  message.fields().set("Proxy-Authorization", "Basic of-the-caller");
  const outcome got = send(sender, message);
  BOOST_TEST(got.response.status() == 407u);
  BOOST_TEST(count(by.told, "Proxy-Authorization: Basic of-the-caller\r\n") == 1u);
  BOOST_TEST(count(by.told, "Proxy-Authorization") == 1u);
  BOOST_TEST(send(sender, request("OPTIONS", "http://a.test/")).error == error_code());
  BOOST_TEST(by.accepted == 1u); // `Proxy-Connection` is nothing to a client
}

BOOST_FIXTURE_TEST_CASE(a_tunnel_that_is_refused_is_an_error_of_its_own, proxied) {
  recording_origin origin(context, encrypted());
  recording_proxy by(context, origin.port());
  client sender(context, through(at(by)));
  const auto error_after = [&](const char* answer) {
    by.connected = answer;
    return send(sender, get("https://a.test/")).error;
  };
  BOOST_TEST(error_after("HTTP/1.1 407 No\r\nContent-Length: 0\r\n\r\n") ==
             error::proxy_authentication_failed);
  BOOST_TEST(error_after("HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n") == error::proxy_refused);
  BOOST_TEST(error_after("HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 200 OK\r\n") == error::protocol_error);
  BOOST_TEST(error_after("SSH-2.0\r\n\r\n") == error::protocol_error);
  BOOST_TEST(error_after("HTTP/1.1 200 OK\r\n\r\n") == error_code());
  BOOST_TEST(origin.accepted == 2u); // the third did not get as far as a handshake
  BOOST_TEST(count(origin.heard, "GET ") == 1u);
}

BOOST_FIXTURE_TEST_CASE(a_proxy_that_is_mute_is_waited_for_as_long_as_a_dial_is, proxied) {
  recording_origin origin(context);
  for (const char* scheme : {"http", "socks5"}) {
    recording_proxy by(context, origin.port());
    by.is_mute = true;
    client_options options = through(at(by, scheme));
    options.pool.dial_timeout = 20ms;
    client sender(context, options);
    BOOST_TEST(send(sender, get("https://a.test/")).error == error::dial_timeout);
  }
}

BOOST_FIXTURE_TEST_CASE(what_needs_no_proxy_is_called_without_one, proxied) {
  recording_origin origin(context);
  recording_proxy by(context, origin.port());
  client_options options = through(at(by));
  options.proxies.no_proxy = no_proxy_rules("127.0.0.0/8");
  client sender(context, options);
  send_three(sender, "http://127.0.0.1:" + std::to_string(origin.port()) + "/");
  BOOST_TEST(by.accepted == 0u);
  send_three(sender, "http://a.test/");
  BOOST_TEST(by.accepted == 1u);
}

BOOST_FIXTURE_TEST_CASE(probes_are_forwarded_too, proxied) {
  recording_origin origin(context);
  origin.answer = "HTTP/1.1 200 OK\r\nX: 1\r\n\r\n";
  recording_proxy by(context, origin.port());
  client_options options = through(at(by));
  options.probe_path = "/healthz";
  options.pool.probe.interval = 1ms;
  options.pool.min_idle = 1;
  client sender(context, httpool::origin("a.test"), options);
  BOOST_TEST(until([&] { return count(by.told, "HEAD http://a.test/healthz HTTP/1.1\r\n") > 0; }));
  BOOST_TEST(count(by.told, "Proxy-Authorization: Basic ") > 0u);
}

BOOST_FIXTURE_TEST_CASE(proxies_that_cannot_be_used_are_refused, proxied) {
  const auto refused = [&](client_options options) {
    try {
      client sender(context, options);
    } catch (const std::invalid_argument& e) {
      BOOST_TEST(!holds_proxy_credentials(e.what()));
      return std::string(e.what());
    }
    return std::string();
  };
  client_options options;
  options.proxies.https = proxy("https://proxy-user:proxy-password@p.test");
  BOOST_TEST(refused(options) ==
             "httpool: proxy is https://p.test:443, but has no tls to be spoken to with");
  options = {};
  options.pool.proxy = proxy("socks5://proxy-user:proxy-password@p.test");
  BOOST_TEST(refused(options).starts_with("httpool: pool.proxy is "));
  const asio::local::stream_protocol::endpoint path("/tmp/socket");
  BOOST_CHECK_THROW(httpool::connection_pool(context, path, {.proxy = proxy("http://p.test")}),
                    std::invalid_argument);

  std::string name;
  for (int i = 0; i != 5; ++i)
    name += std::string(60, 'a') + '.';
  client sender(context, through(proxy("socks5://p.test")));
  BOOST_TEST(send(sender, get("http://" + name + "test/")).error == error::name_not_found);
}
