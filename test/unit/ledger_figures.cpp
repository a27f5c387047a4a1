// What the figures count when a grant comes to nothing, and what any event starts that was due.

#include "unit/ledger_fixture.hpp"

#include <array>
#include <functional>

namespace httpool::test {

BOOST_AUTO_TEST_SUITE(figures_of_the_ledger)

BOOST_AUTO_TEST_CASE(a_connection_that_has_served_nobody_is_not_reused) {
  ledger_fixture pool({.min_idle = 1});
  pool.dialed();
  connection* const c = pool.try_acquire();
  BOOST_REQUIRE(c);
  BOOST_TEST(pool.stats().reused == 0u);
  pool.stale(*c);
  BOOST_TEST(pool.stats().reused == 0u);
  BOOST_TEST(pool.stats().granted == 0u);
  BOOST_TEST(pool.stats().acquires == 0u);
}

BOOST_AUTO_TEST_CASE(a_wait_that_ends_with_a_dead_connection_counts_once_and_as_a_whole) {
  ledger_fixture pool({.max_connections = 1});
  connection& c = pool.lease();
  caller& w = pool.acquire(10s);
  pool.later(1s);
  pool.give_back(c);
  BOOST_REQUIRE(w.got == &c);
  BOOST_TEST(pool.stats().wait_time == 1s);
  pool.stale(w);
  BOOST_TEST(pool.stats().wait_time == 0s);
  pool.closed();
  pool.later(1s);
  pool.dialed();
  BOOST_TEST(pool.stats().wait_time == 2s);
  BOOST_TEST(pool.stats().granted == 2u);
}

BOOST_AUTO_TEST_CASE(waits_that_no_sum_holds_can_be_taken_back) {
  ledger_fixture pool({.max_connections = 3});
  const std::array<caller*, 3> all = {&pool.acquire(for_ever), &pool.acquire(for_ever),
                                      &pool.acquire(for_ever)};
  pool.later(duration::max() / 5 * 2); // After each event the invariants are checked.
  for (caller* each : all) {
    pool.dialed();
    BOOST_REQUIRE(each->got);
  }
  BOOST_TEST((pool.stats().wait_time == duration::max()));
  for (caller* each : all)
    pool.stale(*each);
  BOOST_TEST(pool.stats().wait_time == 0s);
}

BOOST_AUTO_TEST_CASE(a_lease_that_comes_to_nothing_leaves_no_deadline) {
  ledger_fixture pool;
  connection &dead = pool.taken(), &lost = pool.lease();
  for (connection* c : {&dead, &lost})
    pool.mind.set_lease_deadline(*c, pool.now + 1s);
  pool.stale(dead);
  pool.undelivered(lost); // After both events the invariants are checked.
  BOOST_TEST(lost.waited, "who is granted it looks at it");
  BOOST_TEST((lost.deadline == time_point::max()));
  pool.later(2s);
  pool.tick();
  BOOST_TEST(pool.cut_off.empty());
}

BOOST_AUTO_TEST_CASE(whatever_happens_after_a_pause_starts_the_retry_that_was_held_back) {
  using event = std::function<void(ledger_fixture&, connection&)>;
  const event events[] = {
      [](ledger_fixture& pool, connection& c) { pool.drop(c); },
      [](ledger_fixture& pool, connection& c) { pool.detach(c); },
      [](ledger_fixture& pool, connection& c) { pool.give_back(c); },
      [](ledger_fixture& pool, connection& c) { pool.undelivered(c); },
      [](ledger_fixture& pool, connection& c) { pool.stale(c); },
      [](ledger_fixture& pool, connection&) { pool.acquire(); },
      [](ledger_fixture& pool, connection&) { pool.try_acquire(); },
      [](ledger_fixture& pool, connection&) { pool.prewarm(1); },
      [](ledger_fixture& pool, connection&) { pool.set_limits({.max_connections = 3}); },
      [](ledger_fixture& pool, connection&) { pool.cut_off_all(); },
      [](ledger_fixture& pool, connection&) { pool.tick(); },
  };
  for (const event& happens : events) {
    ledger_fixture pool({.max_connections = 3, .dial_backoff = 1s, .max_dial_backoff = 1s});
    connection &dead = pool.lease(), &other = pool.taken();
    caller& refused = pool.acquire();
    pool.dial_fails();
    BOOST_TEST(refused.failed_with(refused_by_peer));
    caller& again = pool.redial(dead);
    BOOST_TEST(!dead.dial_started);
    pool.later(2s);
    happens(pool, other);
    BOOST_TEST(dead.dial_started);
    BOOST_TEST(again.waits());
  }
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace httpool::test
