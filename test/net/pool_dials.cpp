// How many dials there are, and what one that fails costs.

#include "net/net_fixture.hpp"

#include <httpool/observer.hpp>

#include <boost/asio/error.hpp>

#include <sys/resource.h>

using namespace net_test;
using httpool::connection_pool;
using httpool::error;
using httpool::lease;

namespace {

/// Remembers when dials began that failed.
struct dial_log : httpool::pool_observer {
  void dial_failed(error_code, std::chrono::nanoseconds took) override {
    began.push_back(now() - took);
    ended.push_back(now());
  }
  std::vector<std::chrono::steady_clock::time_point> began, ended;
};

} // namespace

// What failures cost ------------------------------------------------------------------------------

BOOST_FIXTURE_TEST_CASE(scar_38_39_40_one_failed_dial_fails_one_waiter, loop) {
  const refusing_port nobody(context);
  connection_pool pool(
      context, nobody.endpoint(),
      {.max_dials = 1, .acquire_timeout = 1h, .dial_backoff = 1h, .max_dial_backoff = 1h});
  std::vector<call> calls;
  for (int i = 0; i != 100; ++i)
    calls.push_back(acquire(pool));
  BOOST_TEST(until([&] { return calls[0]->is_done; }));
  settle();
  BOOST_TEST(calls[0]->error == error_code(error::connection_refused));
  BOOST_TEST(pool.stats().failed == 1u);
  BOOST_TEST(pool.stats().waiting == 99u);
}

BOOST_FIXTURE_TEST_CASE(scar_44_dials_to_a_dead_peer_keep_to_the_back_off, loop) {
  const refusing_port nobody(context);
  const auto log = std::make_shared<dial_log>();
  connection_pool pool(
      context, nobody.endpoint(),
      {.acquire_timeout = 1h, .dial_backoff = 4ms, .max_dial_backoff = 16ms, .observer = log});
  constexpr std::size_t dials = 8;
  std::vector<call> calls;
  for (std::size_t i = 0; i != 100; ++i) // so many that each pause ends in a dial
    calls.push_back(acquire(pool, {.timeout = 1h}));
  // The first eight are in flight together, before any has failed, and count as one failure.
  BOOST_TEST(until([&] { return log->began.size() >= 8 + dials; }));
  std::chrono::nanoseconds pause = 4ms;
  for (std::size_t i = 8; i != 8 + dials; ++i) {
    BOOST_TEST((log->began[i] - log->began[i - 1] >= pause * 8 / 10));
    pause = std::min<std::chrono::nanoseconds>(pause * 2, 16ms);
  }
  pool.close();
}

BOOST_FIXTURE_TEST_CASE(without_back_off_the_next_dial_begins_as_the_one_before_fails, loop) {
  const refusing_port nobody(context);
  connection_pool pool(
      context, nobody.endpoint(),
      {.max_connections = 1, .min_idle = 1, .dial_backoff = 0s, .max_dial_backoff = 0s});
  BOOST_TEST(until([&] { return pool.stats().dials_failed == 1; }));
  BOOST_TEST(pool.stats().dialing == 1u);
  pool.close();
  BOOST_TEST(until([&] { return pool.stats().total() == 0; }));
}

BOOST_FIXTURE_TEST_CASE(a_pool_recovers_when_its_server_comes_back, loop) {
  server host(context);
  connection_pool pool(context, host.endpoint(), {.dial_backoff = 1ms, .max_dial_backoff = 2ms});
  give_back(leased(*this, pool));
  host.stop();
  BOOST_TEST(failed(*this, pool) == error_code(error::connection_refused));
  BOOST_TEST(failed(*this, pool) == error_code(error::connection_refused));
  host.start();
  BOOST_TEST(bool(leased(*this, pool)));
  BOOST_TEST(pool.stats().last_dial_error == error_code());
  check_sums(pool.stats());
}

BOOST_FIXTURE_TEST_CASE(scar_46_a_caller_waits_no_longer_than_it_said_for_a_silent_peer, loop) {
  const silent_port silence(context);
  connection_pool pool(context, silence.endpoint());
  BOOST_TEST(failed(*this, pool, {.timeout = 10ms}) == error_code(error::acquire_timeout));
  BOOST_TEST(pool.stats().dialing == 1u);
}

BOOST_FIXTURE_TEST_CASE(scar_23_31_one_dial_that_hangs_does_not_hold_up_the_others, loop) {
  server host(context);
  gate door(context);
  int dials = 0;
  connection_pool pool(context, host.endpoint(),
                       {.prepare = [&](tcp::socket&) -> asio::awaitable<void> {
                         if (++dials == 1)
                           co_await door.pass();
                       }});
  const call oldest = acquire(pool), second = acquire(pool);
  BOOST_TEST(until([&] { return oldest->is_done; })); // by the dial that the second one caused
  BOOST_TEST(!second->is_done);
  const call third = acquire(pool);
  BOOST_TEST(until([&] { return second->is_done; }));
  BOOST_TEST(!third->is_done);
  door.open();
  BOOST_TEST(until([&] { return third->is_done; }));
  BOOST_TEST(pool.stats().made == 3u);
}

BOOST_FIXTURE_TEST_CASE(scar_99_running_out_of_descriptors_fails_the_caller_and_passes, loop) {
  server host(context);
  connection_pool pool(context, host.endpoint(), {.dial_backoff = 0s});
  give_back(leased(*this, pool));
  const lease held = leased(*this, pool);
  rlimit before = {}, none = {};
  getrlimit(RLIMIT_NOFILE, &before);
  none = before;
  none.rlim_cur = 3;
  setrlimit(RLIMIT_NOFILE, &none);
  const error_code seen = failed(*this, pool);
  setrlimit(RLIMIT_NOFILE, &before);
  BOOST_TEST(seen == error_code(asio::error::no_descriptors));
  BOOST_TEST(bool(leased(*this, pool)));
  check_sums(pool.stats());
}

// How many ----------------------------------------------------------------------------------------

BOOST_FIXTURE_TEST_CASE(no_more_dials_than_max_dials_are_in_flight, loop) {
  server host(context);
  gate door(context);
  connection_pool pool(context, host.endpoint(), {.max_dials = 3, .prepare = door.hook()});
  std::vector<call> calls;
  for (int i = 0; i != 10; ++i)
    calls.push_back(acquire(pool));
  BOOST_TEST(until([&] { return door.arrived() == 3; }));
  settle();
  BOOST_TEST(pool.stats().dialing == 3u);
  BOOST_TEST(host.accepted() == 3u);
  door.open();
  BOOST_TEST(until([&] { return calls.back()->is_done; }));
  BOOST_TEST(pool.stats().dials == 10u);
}

BOOST_FIXTURE_TEST_CASE(scar_42_a_burst_on_a_cold_pool_dials_no_more_than_the_limit, loop) {
  server host(context);
  connection_pool pool(context, host.endpoint(), {.max_connections = 4});
  std::size_t served = 0;
  for (int i = 0; i != 1000; ++i) {
    pool.async_acquire([&](error_code ec, lease got) {
      served += !ec;
      give_back(std::move(got));
    });
  }
  BOOST_TEST(until([&] { return served == 1000; }));
  BOOST_TEST(host.accepted() <= 4u);
  BOOST_TEST(pool.stats().peak_total <= 4u);
}

BOOST_FIXTURE_TEST_CASE(prewarm_dials_in_advance_within_the_limit_and_gives_up_on_failure, loop) {
  server host(context);
  connection_pool pool(context, host.endpoint(), {.max_connections = 3, .dial_backoff = 0s});
  pool.prewarm(2);
  BOOST_TEST(until([&] { return pool.stats().idle == 2; }));
  pool.prewarm(2); // they exist
  pool.prewarm(100);
  BOOST_TEST(until([&] { return pool.stats().idle == 3; }));
  settle();
  BOOST_TEST(pool.stats().dials == 3u);
  BOOST_TEST(!leased(*this, pool).reused());

  const refusing_port nobody(context);
  connection_pool dead(context, nobody.endpoint(), {.max_dials = 1, .dial_backoff = 0s});
  dead.prewarm(5);
  BOOST_TEST(until([&] { return dead.stats().dials_failed == 1; }));
  settle();
  BOOST_TEST(dead.stats().dials == 1u);
}

BOOST_FIXTURE_TEST_CASE(min_idle_connections_are_kept_ready_without_traffic, loop) {
  server host(context);
  connection_pool pool(context, host.endpoint(), {.max_connections = 3, .min_idle = 2});
  BOOST_TEST(until([&] { return pool.stats().idle == 2; }));
  lease held = leased(*this, pool);
  BOOST_TEST(until([&] { return pool.stats().idle == 2; }));
  lease second = leased(*this, pool);
  settle();
  BOOST_TEST(pool.stats().total() == 3u);
  held.reset();
  second.reset();
  BOOST_TEST(until([&] { return pool.stats().idle == 2; }));
  settle();
  BOOST_TEST(pool.stats().total() == 2u);
  check_sums(pool.stats());
}
