// Deadlines: in each phase of an exchange, and never in the exchange after it.

#include "net/client_fixture.hpp"

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

using namespace client_test;
using clock_type = std::chrono::steady_clock;

namespace {

send_options within(std::chrono::nanoseconds time) {
  send_options options;
  options.timeout = time;
  return options;
}

/// A new connection is never ready.
void never_prepare(client_options& options) {
  options.pool.prepare = [](tcp::socket& socket) -> asio::awaitable<void> {
    asio::steady_timer never(socket.get_executor(), asio::steady_timer::time_point::max());
    co_await never.async_wait(asio::use_awaitable);
  };
}

void check_late(loop& run, client& sender, request message, error expected) {
  const auto began = clock_type::now();
  const outcome end = run.send(sender, std::move(message), within(40ms));
  BOOST_TEST(end.error == expected);
  BOOST_TEST((end.error == httpool::errc::timeout));
  BOOST_TEST((clock_type::now() - began >= 40ms)); // late by a little perhaps, but never early
}

} // namespace

BOOST_FIXTURE_TEST_CASE(time_can_run_out_while_the_call_waits_for_a_connection, loop) {
  scripted_peer peer(context, {script().hears()});
  client_options one;
  one.pool.max_connections = 1;
  client sender(context, "127.0.0.1", peer.port, one);
  const call first = start(sender, get());
  BOOST_TEST(until([&] { return peer.heard.size() == 1; }));
  check_late(*this, sender, get(), error::acquire_timeout);
  BOOST_TEST(!first->is_done);
  BOOST_TEST(sender.pool().stats().waiting == 0u);
}

BOOST_FIXTURE_TEST_CASE(the_pools_own_deadlines_hold_within_that_of_the_call, loop) {
  scripted_peer peer(context, {script().hears()});
  client_options one;
  one.pool.max_connections = 1;
  one.pool.acquire_timeout = 30ms;
  client waits(context, "127.0.0.1", peer.port, one);
  const call first = start(waits, get());
  BOOST_TEST(until([&] { return peer.heard.size() == 1; }));
  BOOST_TEST(send(waits, get()).error == error::acquire_timeout);

  client_options slow;
  slow.pool.dial_timeout = 30ms;
  never_prepare(slow);
  client dials(context, "127.0.0.1", peer.port, slow);
  BOOST_TEST(send(dials, get()).error == error::dial_timeout);
  BOOST_TEST(dials.pool().stats().total() == 0u);
}

BOOST_FIXTURE_TEST_CASE(time_can_run_out_during_the_dial, loop) {
  scripted_peer peer(context, {script()});
  client_options slow;
  never_prepare(slow);
  client sender(context, "127.0.0.1", peer.port, slow);
  check_late(*this, sender, get(), error::acquire_timeout);
}

BOOST_FIXTURE_TEST_CASE(time_can_run_out_while_the_request_is_written, loop) {
  scripted_peer peer(context, {script().hears_head().stalls()});
  client sender(context, "127.0.0.1", peer.port);
  check_late(*this, sender, post(std::string(30'000'000, 'x')), error::exchange_timeout);
  BOOST_TEST(sender.pool().stats().closed(close_reason::cut_off) == 1u);
}

BOOST_FIXTURE_TEST_CASE(time_can_run_out_before_the_response_is_complete, loop) {
  for (const char* response :
       {"", "HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 200", "HTTP/1.1 200 OK\r\n\r\nuntil close",
        "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhi",
        "HTTP/1.1 200 OK\r\nContent-Length: 9999999\r\n\r\nhi",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n"}) {
    scripted_peer peer(context, {script().answers(response)});
    client sender(context, "127.0.0.1", peer.port);
    check_late(*this, sender, get(), error::exchange_timeout);
    BOOST_TEST(sender.pool().stats().closed(close_reason::cut_off) == 1u);
    check_nothing_is_left(*this, sender, peer);
  }
}

BOOST_FIXTURE_TEST_CASE(a_peer_that_never_stops_talking_is_cut_off_too, loop) {
  scripted_peer peer(
      context,
      {script().hears_head().says("HTTP/1.1 100 Continue\r\n\r\n").replies([](const std::string&) {
        std::string text;
        for (int i = 0; i != 1000; ++i)
          text += "HTTP/1.1 102 Processing\r\n\r\n";
        return text;
      })});
  client sender(context, "127.0.0.1", peer.port);
  check_late(*this, sender, get(), error::exchange_timeout);
}

BOOST_FIXTURE_TEST_CASE(time_can_run_out_in_the_second_try, loop) {
  scripted_peer peer(context, {script().answers(ok()).hears().closes(), script().hears()});
  client sender(context, "127.0.0.1", peer.port);
  warm_up(sender);
  check_late(*this, sender, get(), error::exchange_timeout);
  BOOST_TEST(peer.heard.size() == 3u);
}

BOOST_FIXTURE_TEST_CASE(scar_56_a_deadline_does_not_reach_the_next_exchange, loop) {
  script plan;
  for (int i = 0; i != 20; ++i)
    plan = std::move(plan).answers(ok("first")).hears().pauses().says(ok("second"));
  scripted_peer peer(context, {plan});
  client sender(context, "127.0.0.1", peer.port);
  std::size_t connection = 0;
  int reused = 0;
  for (int i = 0; i != 10; ++i) {
    const auto deadline = clock_type::now() + 50ms;
    const outcome first = send(sender, get(), within(50ms));
    if (first.error) { // this machine was too slow: the next round has another connection
      BOOST_TEST((first.error == httpool::errc::timeout));
      sender.pool().set_limits({});
      connection = peer.accepted();
      continue;
    }
    const call second = start(sender, get(), within(patience));
    BOOST_TEST(until([&] { return peer.is_paused(connection); }));
    BOOST_TEST(until([&] { return clock_type::now() > deadline + 20ms; }));
    BOOST_TEST(!second->is_done);
    peer.go_on(connection);
    BOOST_TEST(end_of(second).error == error_code());
    reused += second->response.reused();
  }
  BOOST_TEST(reused > 0);
}

BOOST_FIXTURE_TEST_CASE(times_of_nothing_and_of_for_ever_are_what_they_say, loop) {
  scripted_peer peer(context, {script().answers(ok()).repeats()});
  client_options for_ever;
  for_ever.exchange_timeout = std::chrono::nanoseconds::max();
  for_ever.pool.acquire_timeout = std::chrono::nanoseconds::max();
  client sender(context, "127.0.0.1", peer.port, for_ever);
  BOOST_TEST(send(sender, get()).error == error_code());
  for (const auto none : {0ns, -1ns, std::chrono::nanoseconds::min()}) {
    const error_code ec = send(sender, get(), within(none)).error;
    BOOST_TEST((!ec || ec == httpool::errc::timeout));
  }
  BOOST_TEST(send(sender, get(), within(std::chrono::nanoseconds::max())).error == error_code());
}

BOOST_FIXTURE_TEST_CASE(the_first_byte_and_the_time_between_bytes_have_limits_of_their_own, loop) {
  struct row {
    script plan;
    error end;
  };
  const row rows[] = {
      {script().hears(), error::first_byte_timeout},
      {script().answers("HTTP/1.1 103 Early Hints\r\n\r\n"), error::first_byte_timeout},
      {script().hears().trickles("HTTP/1.1 103 Early Hints\r\n\r\n"), error::first_byte_timeout},
      {script().answers("HTTP/1.1 200 O"), error::read_timeout},
      {script().answers("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n12"), error::read_timeout},
  };
  for (const row& one : rows) {
    scripted_peer peer(context, {one.plan});
    client sender(context, "127.0.0.1", peer.port);
    send_options options;
    options.first_byte_timeout = options.read_timeout = 20ms;
    const outcome end = send(sender, get(), options);
    BOOST_TEST(end.error == one.end);
    BOOST_TEST((end.error == httpool::errc::timeout));
    check_nothing_is_left(*this, sender, peer);
  }
}

BOOST_FIXTURE_TEST_CASE(a_slow_response_is_in_time_if_each_byte_is, loop) {
  scripted_peer peer(context, {script().hears().trickles(ok("trickle")).answers(ok("next"))});
  client sender(context, "127.0.0.1", peer.port);
  send_options options;
  options.first_byte_timeout = options.read_timeout = 10s;
  BOOST_TEST(send(sender, get(), options).response.body() == "trickle");
  BOOST_TEST(send(sender, get()).response.connection_id() == 1u); // without those limits
}
