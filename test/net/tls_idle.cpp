// What comes over an idle TLS connection, and what becomes of the connection.

#include "net/tls_loop.hpp"

#include <boost/asio/steady_timer.hpp>

#include <array>
#include <random>
#include <thread>

using namespace client_test;
using kind = tls_script::kind;
using step = tls_script::step;

namespace {

constexpr unsigned timings = 1'000;

/// A peer that goes on without the client's loop.
struct threaded_peer {
  threaded_peer(server_options options, std::vector<tls_script> scripts)
      : peer(context, std::move(options), std::move(scripts)) {
    peer.keeps_requests = false;
    thread = std::thread([this] { context.run(); });
  }
  ~threaded_peer() {
    context.stop();
    thread.join();
  }

  asio::io_context context{1};
  tls_peer peer;
  std::thread thread;
};

struct idle : tls_loop {
  /// After a response the peer does something that the connection outlives.
  void check_lives(const server_options& server, const tls_script& odd) {
    tls_script plan = in_a_row(tls_script().handshakes().answers(ok()).pauses(), odd);
    tls_peer peer(context, server, {std::move(plan).answers(ok("again")).answers(ok("third"))});
    client sender(context, https_to(peer), trusting());
    warm_up(sender);
    BOOST_TEST_REQUIRE(until([&] { return peer.is_paused(0); }));
    peer.go_on(0);
    for (const char* text : {"again", "third"}) {
      const outcome next = send(sender, get());
      BOOST_TEST(next.error == error_code());
      BOOST_TEST(next.response.body() == text);
      BOOST_TEST(next.response.connection_id() == 1u);
    }
    BOOST_TEST(peer.accepted == 1u);
    check_nothing_is_left(*this, sender, peer);
  }

  /// After a response the peer does something that costs the connection, and nothing more. It is
  /// found at the next hand-out, or, if `is_watched`, before.
  void check_dies(const server_options& server, const tls_script& odd, bool is_watched = false) {
    BOOST_TEST_INFO_SCOPE("first step " << static_cast<int>(odd.steps.front().what));
    tls_script plan = in_a_row(tls_script().handshakes().answers(ok()).pauses(), odd);
    tls_peer peer(context, server, {std::move(plan), serves()});
    client sender(context, https_to(peer), trusting());
    warm_up(sender);
    BOOST_TEST_REQUIRE(until([&] { return peer.is_paused(0); }));
    peer.go_on(0);
    settle(); // until all of it has been sent
    if (is_watched)
      BOOST_TEST(until([&] { return sender.pool().stats().total() == 0; }));
    const outcome next = send(sender, post()); // which is not sent twice
    BOOST_TEST(next.error == error_code());
    BOOST_TEST(next.response.body() == "hi");
    BOOST_TEST(next.response.connection_id() == 2u);
    BOOST_TEST(peer.heard.size() == 2u);
    check_nothing_is_left(*this, sender, peer);
  }
};

} // namespace

BOOST_FIXTURE_TEST_CASE(scar_59_late_tickets_and_key_updates_are_taken_in, idle) {
  check_lives(good(), tls_script().sends_ticket());
  check_lives(good(), tls_script().updates_keys(false));
  check_lives(good(), tls_script().updates_keys(true));
  check_lives(good(), tls_script().sends_ticket().updates_keys(true).sends_ticket());
  check_lives(good(), tls_script());
  server_options server = good();
  server.tickets = 0;
  check_lives(server, tls_script().sends_ticket());
}

BOOST_FIXTURE_TEST_CASE(late_data_and_ends_cost_an_idle_connection, idle) {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION})
    BOOST_TEST_CONTEXT("version " << version) {
      server_options server = good();
      server.max_version = version;
      check_dies(server, tls_script().says("late"));
      check_dies(server, tls_script().says("HTTP/1.1 408 Request Timeout\r\n\r\n"));
      check_dies(server, tls_script().says_end());
      check_dies(server, tls_script().says_end().finishes());
      check_dies(server, tls_script().says_end().closes());
      check_dies(server, tls_script().finishes());
      check_dies(server, tls_script().closes());
      check_dies(server, tls_script().resets());
      check_dies(server, tls_script().says_plainly("no record at all"));
      if (version == TLS1_3_VERSION)
        check_dies(server, tls_script().sends_ticket().says("late"));
    }
}

BOOST_FIXTURE_TEST_CASE(a_connection_that_cools_is_watched, idle) {
  check_dies(good(), tls_script().says_end(), true);
  check_dies(good(), tls_script().sends_ticket().says("late"), true);
  check_dies(good(), tls_script().finishes(), true);
}

BOOST_FIXTURE_TEST_CASE(data_behind_a_response_costs_the_connection, idle) {
  tls_peer peer(context, good(),
                {tls_script().handshakes().answers(ok() + "HTTP/1.1 200 OK\r\n\r\n"), serves()});
  client sender(context, https_to(peer), trusting());
  BOOST_TEST(send(sender, get()).response.body() == "hi");
  BOOST_TEST(send(sender, get()).response.connection_id() == 2u);
  check_nothing_is_left(*this, sender, peer);
}

BOOST_FIXTURE_TEST_CASE(what_comes_together_with_a_response_is_seen_before_the_next_request, idle) {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION})
    BOOST_TEST_CONTEXT("version " << version) {
      server_options server = good();
      server.max_version = version;
      const auto answers_with = [&](const tls_script& more) {
        return in_a_row(tls_script().handshakes().hears().prepares(ok()), more);
      };
      const auto check_dies_at_once = [&](const tls_script& more) {
        tls_peer peer(context, server, {answers_with(more), serves()});
        client sender(context, https_to(peer), trusting());
        for (const std::uint64_t connection : {1u, 2u}) {
          const outcome each = send(sender, post()); // which is not sent twice
          BOOST_TEST(each.response.body() == "hi");
          BOOST_TEST(each.response.connection_id() == connection);
        }
        BOOST_TEST(peer.heard.size() == 2u);
        check_nothing_is_left(*this, sender, peer);
      };
      check_dies_at_once(tls_script().says("HTTP/1.1 200 OK\r\n\r\n"));
      check_dies_at_once(tls_script().says_end());
      if (version == TLS1_2_VERSION)
        continue;
      check_dies_at_once(tls_script().prepares_ticket().says("late"));
      tls_peer peer(context, server,
                    {answers_with(tls_script().sends_ticket()).answers(ok("again"))});
      client sender(context, https_to(peer), trusting());
      BOOST_TEST(send(sender, get()).response.body() == "hi");
      BOOST_TEST(send(sender, get()).response.body() == "again");
      BOOST_TEST(peer.accepted == 1u);
      check_nothing_is_left(*this, sender, peer);
    }
}

/// A look takes in what a peer may well send at a stretch, but does not go on as long as it does.
/// The floods come at once, or on a slow machine the watch would take them in as they trickle.
BOOST_FIXTURE_TEST_CASE(floods_without_data_cost_an_idle_connection, idle) {
  check_lives(good(), repeated(20, tls_script().sends_ticket().updates_keys(true)));
  const auto check_floods = [&](const tls_script& what) {
    check_dies(good(), what);
    check_dies(good(), what, true);
  };
  check_floods(tls_script().updates_keys(false).times(4'000));
  check_floods(tls_script().updates_keys(true).times(4'000));
  check_floods(tls_script().sends_ticket().times(4'000));
}

/// Each request to renew the keys is answered. A peer that reads none of the answers must not be
/// taken for one that has said nothing, for they do not all get out.
BOOST_FIXTURE_TEST_CASE(who_asks_for_new_keys_and_reads_no_answer_loses_the_connection, idle) {
  constexpr std::size_t rounds = 40;
  const tls_script asks = repeated(1'000, tls_script().updates_keys(true));
  tls_script plan = tls_script().handshakes().answers(ok()).pauses();
  for (std::size_t i = 0; i != rounds; ++i)
    plan = in_a_row(in_a_row(std::move(plan), asks), tls_script().pauses());
  tls_peer peer(context, good(), {std::move(plan).stalls(), serves()});
  client_options options = trusting();
  options.pool.prepare = [](tcp::socket& socket) -> asio::awaitable<void> {
    socket.set_option(asio::socket_base::send_buffer_size(4096));
    co_return;
  };
  client sender(context, https_to(peer), options);
  warm_up(sender);
  std::size_t round = 0;
  while (round != rounds && sender.pool().stats().idle == 1) {
    BOOST_TEST_REQUIRE(until([&] { return peer.is_paused(0); }));
    peer.go_on(0);
    BOOST_TEST_REQUIRE(until([&] { return peer.is_paused(0); }));
    if (httpool::lease looked_at = sender.pool().try_acquire())
      looked_at.keep_alive(true);
    ++round;
  }
  BOOST_TEST(round < rounds);
  BOOST_TEST(send(sender, post()).response.connection_id() == 2u);
  sender.close();
  BOOST_TEST(until([&] { return sender.pool().stats().total() == 0; }));
}

/// Tickets and key updates come when they like, in the middle of exchanges, too.
BOOST_FIXTURE_TEST_CASE(tickets_and_key_updates_at_random_cost_no_connection, idle) {
  std::minstd_rand dice(59);
  std::minstd_rand peers_dice(95);
  const auto soon = [&] { return std::chrono::microseconds(peers_dice() % 150); };
  threaded_peer server(
      good(), {tls_script()
                   .handshakes()
                   .answers(ok())
                   .waits(soon)
                   .chooses([&](bool) {
                     const bool is_ticket = peers_dice() % 2 == 0;
                     return step{is_ticket ? kind::ticket : kind::key_update, {}, peers_dice() % 2};
                   })
                   .repeats()});
  client sender(context, https_to(server.peer), trusting());
  asio::steady_timer timer(context);
  for (unsigned i = 0; i != timings; ++i) {
    bool has_passed = false;
    timer.expires_after(std::chrono::microseconds(dice() % 150));
    timer.async_wait([&](error_code) { has_passed = true; });
    BOOST_TEST_REQUIRE(until([&] { return has_passed; }));
    const outcome next = send(sender, post());
    BOOST_TEST_REQUIRE(next.error == error_code());
    BOOST_TEST_REQUIRE(next.response.connection_id() == 1u);
  }
  BOOST_TEST(server.peer.accepted == 1u);
  sender.pool().close();
}

/// The peer ends the connection when it likes, each time in another way; whatever has been sent,
/// the caller of a GET never sees it.
BOOST_FIXTURE_TEST_CASE(ends_at_random_are_never_seen_by_a_get, idle) {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    std::minstd_rand dice(3);
    std::minstd_rand peers_dice(33);
    const auto soon = [&] { return std::chrono::microseconds(peers_dice() % 150); };
    const auto ends = [&](bool) {
      constexpr std::array kinds = {kind::end, kind::finish, kind::close, kind::reset};
      return step{kinds[peers_dice() % kinds.size()]};
    };
    server_options options = good();
    options.max_version = version;
    // Requests that come after the end are read, but not answered.
    threaded_peer server(options,
                         {tls_script().handshakes().answers(ok()).waits(soon).chooses(ends)});
    client sender(context, https_to(server.peer), trusting());
    asio::steady_timer timer(context);
    unsigned answered = 0;
    for (unsigned i = 0; i != timings; ++i) {
      bool has_passed = false;
      timer.expires_after(std::chrono::microseconds(dice() % 150));
      timer.async_wait([&](error_code) { has_passed = true; });
      BOOST_TEST_REQUIRE(until([&] { return has_passed; }));
      const outcome next = send(sender, get());
      answered += !next.error && next.response.body() == "hi";
    }
    BOOST_TEST(answered == timings);
    sender.pool().close();
  }
}

/// Data that has come before a connection is handed out is never taken for a response, however
/// close; what comes once the request is under way cannot be told from one.
BOOST_FIXTURE_TEST_CASE(data_at_random_is_never_taken_for_a_response, idle) {
  std::minstd_rand dice(11);
  tls_peer peer(context, good(),
                {tls_script().handshakes().answers(ok("mine")).pauses().says(ok("late"))});
  client sender(context, https_to(peer), trusting());
  for (unsigned i = 0; i != timings; ++i) {
    const outcome next = send(sender, i % 2 == 0 ? get() : post());
    BOOST_TEST_REQUIRE(next.error == error_code());
    BOOST_TEST_REQUIRE(next.response.body() == "mine");
    BOOST_TEST_REQUIRE(until([&] { return peer.is_paused(i); }));
    const unsigned steps = static_cast<unsigned>(dice() % 4);
    for (unsigned n = 0; n != steps; ++n) {
      context.restart();
      context.poll_one();
    }
    peer.go_on(i);
  }
  BOOST_TEST(peer.accepted == timings);
  BOOST_TEST(peer.heard.size() == timings);
  check_nothing_is_left(*this, sender, peer);
}
