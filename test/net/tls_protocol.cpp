// What is agreed on before anything is sent, and peers that do not keep to it.

#include "net/tls_loop.hpp"

#include <boost/asio/ssl/error.hpp>

using namespace client_test;
using httpool::tls_version;

namespace {

struct protocol : tls_loop {
  /// What comes of a GET; the peer's counts are kept, and nothing of a failed one is left.
  error_code end_with(const server_options& server, tls_options options, tls_script plan) {
    tls_peer peer(context, server, {std::move(plan)});
    client sender(context, https_to(peer), over(std::move(options)));
    const error_code ec = send(sender, get()).error;
    BOOST_TEST((!ec || peer.application_bytes == 0u));
    check_nothing_is_left(*this, sender, peer);
    return ec;
  }
};

bool is_of_openssl(const error_code& ec) {
  return ec.category() == asio::error::get_ssl_category();
}

} // namespace

BOOST_FIXTURE_TEST_CASE(versions_before_tls_1_2_are_not_spoken, protocol) {
  server_options old = good();
  old.min_version = TLS1_VERSION;
  old.max_version = TLS1_1_VERSION;
  BOOST_TEST(is_of_openssl(end_with(old, trust(), serves())));
  server_options newer = good();
  newer.max_version = TLS1_2_VERSION;
  BOOST_TEST(end_with(newer, trust(), serves()) == error_code());
  tls_options newest = trust();
  newest.min_version = tls_version::tls_1_3;
  BOOST_TEST(is_of_openssl(end_with(newer, newest, serves())));
  newer.min_version = newer.max_version = TLS1_3_VERSION;
  BOOST_TEST(end_with(newer, newest, serves()) == error_code());
  tls_options older = trust();
  older.max_version = tls_version::tls_1_2;
  BOOST_TEST(is_of_openssl(end_with(newer, older, serves())));
}

BOOST_FIXTURE_TEST_CASE(no_other_protocol_is_taken_for_http_1_1, protocol) {
  server_options server = good();
  server.alpn = {"h2"};
  BOOST_TEST(is_of_openssl(end_with(server, trust(), serves()))); // no_application_protocol
  server.ignores_offer = true;
  BOOST_TEST(bool(end_with(server, trust(), serves())));
  server.alpn = {"http/1.1"};
  BOOST_TEST(end_with(server, trust(), serves()) == error_code());
  server.alpn = {};
  server.ignores_offer = false;
  BOOST_TEST(end_with(server, trust(), serves()) == error_code());
  server.alpn = {"h2"};
  tls_options offers_none = trust();
  offers_none.alpn = {};
  BOOST_TEST(end_with(server, offers_none, serves()) == error_code());
}

BOOST_FIXTURE_TEST_CASE(scar_54_bytes_before_the_handshake_are_not_listened_to, protocol) {
  for (const char* text : {"220 mail.example.org ESMTP\r\n", "HTTP/1.1 200 OK\r\n\r\n",
                           "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", "x", "\x16"}) {
    BOOST_TEST_CONTEXT(text) {
      const error_code ec =
          end_with(good(), trust(), tls_script().says_plainly(text).handshakes().answers(ok()));
      BOOST_TEST((ec == error::protocol_error || ec == error::tls_not_spoken || is_of_openssl(ec)),
                 ec);
    }
  }
  // A server that speaks HTTP alone, and only when spoken to.
  scripted_peer plain(context, {script().hears_bytes(1).says(ok())});
  client sender(context, httpool::origin(httpool::scheme::https, "127.0.0.1", plain.port),
                trusting());
  BOOST_TEST(send(sender, get()).error == error::tls_not_spoken);
  sender.pool().close();
}

BOOST_FIXTURE_TEST_CASE(a_transport_that_ends_before_the_handshake_does_fails_the_dial, protocol) {
  for (const auto& end : {tls_script().closes(), tls_script().finishes(), tls_script().resets()})
    BOOST_TEST(end_with(good(), trust(), end) == error::connection_closed);
}

BOOST_FIXTURE_TEST_CASE(a_handshake_that_does_not_end_is_ended_by_the_dials_deadline, protocol) {
  for (const auto& silent : {tls_script().stalls(), tls_script().hears_wire()}) {
    tls_peer peer(context, good(), {silent});
    client_options options = trusting();
    options.pool.dial_timeout = 50ms;
    client sender(context, https_to(peer), options);
    BOOST_TEST(send(sender, get()).error == error::dial_timeout);
    BOOST_TEST(until([&] { return sender.pool().stats().total() == 0; }));
    sender.pool().close();
  }
}

BOOST_FIXTURE_TEST_CASE(a_pool_that_closes_does_not_wait_for_a_handshake, protocol) {
  tls_peer peer(context, good(), {tls_script().hears_wire()});
  client sender(context, https_to(peer), trusting());
  const call under_way = start(sender, get());
  BOOST_TEST(until([&] { return peer.wire_bytes != 0; }));
  sender.pool().close();
  BOOST_TEST(end_of(under_way).error == error::pool_closed);
  BOOST_TEST(until([&] { return sender.pool().stats().total() == 0; }));
  BOOST_TEST(until([&] { return peer.open() == 0; }));
}

BOOST_FIXTURE_TEST_CASE(https_without_tls_says_so, tls_loop) {
  tls_peer peer(context, good(), {serves()});
  BOOST_CHECK_THROW(client(context, https_to(peer)), std::invalid_argument);
  client sender(context);
  const std::string url = "https://127.0.0.1:" + std::to_string(peer.port) + "/";
  BOOST_TEST(send(sender, get(url)).error == error::tls_not_configured);
  BOOST_TEST(peer.accepted == 0u);
}

BOOST_FIXTURE_TEST_CASE(scar_67_http_and_https_share_no_connection_even_on_one_port, tls_loop) {
  scripted_peer plain(context, {script().answers(ok()), script().hears_bytes(1).says(ok())});
  tls_peer encrypted(context, good(), {serves()});
  client sender(context, trusting());
  const auto outcome_of = [&](const char* scheme, std::uint16_t port) {
    return send(sender, get(scheme + std::string("://127.0.0.1:") + std::to_string(port))).error;
  };
  BOOST_TEST(outcome_of("http", plain.port) == error_code());
  BOOST_TEST(outcome_of("https", plain.port) == error::tls_not_spoken);
  BOOST_TEST(plain.accepted() == 2u);
  BOOST_TEST(plain.heard.at(1) == "\x16"); // a handshake
  BOOST_TEST(outcome_of("https", encrypted.port) == error_code());
  BOOST_TEST(bool(outcome_of("http", encrypted.port)));
  BOOST_TEST(encrypted.accepted == 2u);
  BOOST_TEST(encrypted.heard.size() == 1u);
  sender.close();
}

BOOST_FIXTURE_TEST_CASE(http_with_tls_at_hand_stays_plain, tls_loop) {
  scripted_peer peer(context, {script().answers(ok())});
  client sender(context, "127.0.0.1", peer.port, trusting());
  BOOST_TEST(send(sender, get()).response.body() == "hi");
}
