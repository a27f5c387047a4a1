// TLS connections that are pooled: handshakes, sessions, and how connections end.

#include "net/tls_loop.hpp"
#include "pool/socket_calls.hpp"

#include <httpool/http_probe.hpp>

#include <functional>
#include <stdexcept>

using namespace client_test;
using httpool::detail::liveness;
using httpool::detail::look_at;

namespace {

constexpr unsigned connections = 8;
constexpr unsigned requests = 10'000;

struct pooled : tls_loop {
  /// Holds `count` leases at once and ends them with keep_alive, so that as many are idle.
  void hold(client& sender, unsigned count) {
    std::vector<httpool::lease> held;
    for (unsigned i = 0; i != count; ++i)
      sender.pool().async_acquire([&](error_code ec, httpool::lease got) {
        BOOST_TEST(ec == error_code());
        got.keep_alive(true);
        held.push_back(std::move(got));
      });
    BOOST_TEST_REQUIRE(until([&] { return held.size() == count; }));
  }

  /// Sends so many requests, on all connections at once.
  void send_many(client& sender, unsigned count) {
    unsigned begun = 0;
    unsigned good = 0;
    unsigned ended = 0;
    std::function<void()> next = [&] {
      if (begun == count)
        return;
      ++begun;
      sender.async_send(get(), [&](error_code ec, const client_response& response) {
        good += !ec && response.body() == "hi";
        ++ended;
        next();
      });
    };
    for (unsigned i = 0; i != connections; ++i)
      next();
    BOOST_TEST_REQUIRE(until([&] { return ended == count; }));
    BOOST_TEST(good == count);
  }

  static void drop_idle(client& sender) {
    while (sender.pool().try_acquire())
      continue;
  }

  void close_all(client& sender, tls_peer& peer) {
    drop_idle(sender);
    BOOST_TEST_REQUIRE(
        until([&] { return sender.pool().stats().total() == 0 && peer.open() == 0; }));
  }

  client_options eight() const {
    client_options options = trusting();
    options.pool.max_connections = connections;
    return options;
  }
};

constexpr int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

} // namespace

BOOST_FIXTURE_TEST_CASE(an_encrypted_connection_cannot_be_detached, pooled) {
  tls_peer peer(context, good(), {serves()});
  client sender(context, https_to(peer), eight());
  httpool::lease got;
  sender.pool().async_acquire([&](error_code, httpool::lease l) { got = std::move(l); });
  BOOST_TEST_REQUIRE(until([&] { return bool(got); }));
  BOOST_CHECK_THROW(got.detach(), std::logic_error);
  BOOST_TEST(bool(got), "it is still leased");
}

BOOST_FIXTURE_TEST_CASE(ten_thousand_requests_make_eight_full_handshakes_in_all, pooled) {
  for (const int version : versions) {
    server_options server = good();
    server.max_version = version;
    tls_peer peer(context, server, {serves()});
    peer.keeps_requests = false;
    const client_options options = eight();
    client sender(context, https_to(peer), options);
    send_many(sender, requests);
    BOOST_TEST(peer.accepted == connections);
    BOOST_TEST(peer.full_handshakes <= connections);
    const std::size_t full = peer.full_handshakes;
    const std::size_t resumed = peer.resumptions;
    close_all(sender, peer);
    hold(sender, connections);
    BOOST_TEST(until([&] { // the peer, too, knows of all of them
      return peer.resumptions - resumed + peer.full_handshakes - full == connections;
    }));
    BOOST_TEST(peer.resumptions - resumed >= connections - 1);
    send_many(sender, 100);
    const tls_client_stats figures = options.pool.tls->stats();
    BOOST_TEST(figures.full_handshakes == peer.full_handshakes);
    BOOST_TEST(figures.resumptions == peer.resumptions);
    BOOST_TEST(figures.failures == 0u);
    check_nothing_is_left(*this, sender, peer);
  }
}

BOOST_FIXTURE_TEST_CASE(a_session_outlives_each_end_of_its_connection, pooled) {
  for (const int version : versions) {
    server_options server = good();
    server.max_version = version;
    for (const auto& end : {tls_script().pauses(), tls_script().says_end().finishes(),
                            tls_script().finishes(), tls_script().closes()}) {
      const tls_script plan = in_a_row(tls_script().handshakes().answers(ok()), end);
      tls_peer peer(context, server, {plan, serves()});
      client sender(context, https_to(peer), trusting());
      BOOST_TEST(send(sender, get()).error == error_code());
      settle();
      drop_idle(sender);
      BOOST_TEST(send(sender, get()).response.connection_id() == 2u);
      BOOST_TEST(peer.full_handshakes == 1u);
      BOOST_TEST(peer.resumptions == 1u);
      sender.pool().close();
      BOOST_TEST(until([&] { return sender.pool().stats().total() == 0; }));
    }
  }
}

BOOST_FIXTURE_TEST_CASE(sessions_belong_to_one_tls_client_and_one_server, pooled) {
  for (const int version : versions) {
    server_options server = good();
    server.max_version = version;
    tls_peer peer(context, server, {serves()});
    const client_options options = trusting();
    {
      client sender(context, https_to(peer), options);
      warm_up(sender);
      sender.pool().close();
    }
    {
      client another(context, https_to(peer), trusting());
      warm_up(another);
      BOOST_TEST(peer.resumptions == 0u);
      client by_name(context, https_to(peer, "localhost"), options);
      warm_up(by_name);
      BOOST_TEST(peer.resumptions == 0u);
      client same(context, https_to(peer), options);
      warm_up(same);
      BOOST_TEST(peer.resumptions == 1u);
      BOOST_TEST(peer.full_handshakes == 3u);
    }
    BOOST_TEST(until([&] { return peer.open() == 0; }));
  }
}

BOOST_FIXTURE_TEST_CASE(scar_63_68_who_verifies_nothing_lends_nobody_its_connections, pooled) {
  for (const int version : versions) {
    const authority unknown;
    server_options server = serving(unknown.issue({"127.0.0.1"}));
    server.max_version = version;
    tls_peer peer(context, server, {serves()});
    tls_options careless = trust();
    careless.verify_peer = false;
    client anybody(context, https_to(peer), over(careless));
    client careful(context, https_to(peer), trusting());
    for (int i = 0; i != 2; ++i) { // The second time there is a session to be resumed.
      warm_up(anybody);
      BOOST_TEST(send(careful, get()).error == error::certificate_error);
      drop_idle(anybody);
    }
    BOOST_TEST(peer.resumptions == 1u);
    careful.pool().close();
    check_nothing_is_left(*this, anybody, peer);
  }
}

BOOST_FIXTURE_TEST_CASE(no_sessions_are_kept_where_none_are_wanted, pooled) {
  for (const int version : versions) {
    server_options server = good();
    server.max_version = version;
    tls_peer peer(context, server, {serves()});
    tls_options options = trust();
    options.max_sessions = 0;
    const client_options none = over(options);
    client sender(context, https_to(peer), none);
    for (int i = 0; i != 3; ++i) {
      warm_up(sender);
      close_all(sender, peer);
    }
    BOOST_TEST(peer.full_handshakes == 3u);
    BOOST_TEST(none.pool.tls->stats().sessions == 0u);
    check_nothing_is_left(*this, sender, peer);
  }
}

BOOST_FIXTURE_TEST_CASE(a_look_tells_speech_an_end_and_an_error_apart, pooled) {
  error_code why;
  const auto look_after = [&](const tls_script& what) {
    tls_peer peer(context, good(), {in_a_row(tls_script().handshakes().pauses(), what)});
    client sender(context, https_to(peer), trusting());
    httpool::lease held;
    sender.pool().async_acquire([&](error_code, httpool::lease got) { held = std::move(got); });
    BOOST_TEST_REQUIRE(until([&] { return bool(held) && peer.is_paused(0); }));
    why = {};
    liveness seen = look_at(held.stream(), &why);
    BOOST_TEST((seen == liveness::good));
    peer.go_on(0);
    BOOST_TEST(until([&] {
      seen = look_at(held.stream(), &why);
      return seen != liveness::good;
    }));
    held.reset();
    sender.pool().close();
    return seen;
  };
  BOOST_TEST((look_after(tls_script().says("late")) == liveness::spoke));
  BOOST_TEST(why == error_code());
  BOOST_TEST((look_after(tls_script().says_end()) == liveness::closed));
  BOOST_TEST(why == error_code());
  BOOST_TEST((look_after(tls_script().resets()) == liveness::closed));
  BOOST_TEST(why == error::connection_closed);
  BOOST_TEST((look_after(tls_script().says_plainly("no record at all")) == liveness::closed));
  BOOST_TEST(why != error_code());
}

BOOST_FIXTURE_TEST_CASE(connections_end_with_a_word_of_it, pooled) {
  tls_peer peer(context, good(), {serves()});
  client sender(context, https_to(peer), trusting());
  hold(sender, 3);
  close_all(sender, peer);
  BOOST_TEST(peer.ends_heard == 3u);
  BOOST_TEST(peer.truncations == 0u);
  check_nothing_is_left(*this, sender, peer);
}

BOOST_FIXTURE_TEST_CASE(a_peer_that_does_not_read_holds_no_close_up, pooled) {
  tls_peer peer(context, good(), {tls_script().handshakes().answers(ok()).hears_head().stalls()});
  client sender(context, https_to(peer), trusting());
  warm_up(sender); // so that the time runs out in the exchange
  send_options brief;
  brief.timeout = 50ms;
  BOOST_TEST(send(sender, post(std::string(30'000'000, 'x')), brief).error ==
             error::exchange_timeout);
  BOOST_TEST(until([&] { return sender.pool().stats().total() == 0; }));
  // Nor an idle one.
  tls_peer silent(context, good(), {tls_script().handshakes().answers(ok()).stalls()});
  client idle(context, https_to(silent), trusting());
  warm_up(idle);
  idle.pool().close();
  BOOST_TEST(until([&] { return idle.pool().stats().total() == 0; }));
}

BOOST_FIXTURE_TEST_CASE(probes_are_encrypted_too, pooled) {
  tls_peer peer(context, good(), {tls_script().handshakes().answers(ok()).repeats()});
  client_options options = trusting();
  options.pool.probe = httpool::http_probe("example.org", "/healthz", 10ms, patience);
  client sender(context, https_to(peer), options);
  warm_up(sender);
  BOOST_TEST(until([&] { return peer.heard.size() >= 2; }));
  BOOST_TEST(peer.heard[1] == "HEAD /healthz HTTP/1.1\r\nHost: example.org\r\n\r\n");
  check_nothing_is_left(*this, sender, peer);
}

BOOST_FIXTURE_TEST_CASE(a_probe_finds_a_peer_that_is_not_well, pooled) {
  tls_peer peer(context, good(),
                {tls_script().handshakes().answers(ok()).answers("HTTP/1.1 503 No\r\n\r\n")});
  client_options options = trusting();
  options.pool.probe = httpool::http_probe("example.org", "/healthz", 10ms, patience);
  client sender(context, https_to(peer), options);
  warm_up(sender);
  BOOST_TEST(until([&] { return sender.pool().stats().probes_failed == 1; }));
  check_nothing_is_left(*this, sender, peer);
}
