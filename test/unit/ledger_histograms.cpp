// What the ledger measures, in virtual time, to the nanosecond where only one thing was measured.

#include "unit/ledger_fixture.hpp"

namespace httpool::test {
namespace {

/// Whether just these were counted, in whatever order.
bool counted(const histogram& h, std::initializer_list<duration> lengths) {
  histogram expected;
  for (const duration each : lengths)
    expected.record(each);
  return h == expected;
}

} // namespace

BOOST_AUTO_TEST_SUITE(histograms_of_the_ledger)

BOOST_AUTO_TEST_CASE(an_acquire_is_measured_from_its_call_to_its_grant) {
  ledger_fixture pool({.max_connections = 1});
  pool.acquire();
  pool.later(30ms);
  connection& c = pool.dialed();
  pool.acquire();
  pool.later(2s);
  pool.give_back(c);
  BOOST_TEST(counted(pool.mind.histograms().acquire_wait, {30ms, 2s}));
}

BOOST_AUTO_TEST_CASE(what_is_granted_at_once_has_waited_for_no_time) {
  ledger_fixture pool;
  connection& c = pool.lease();
  pool.give_back(c);
  for (int i = 0; i != 3; ++i) {
    BOOST_REQUIRE(pool.try_acquire() == &c);
    pool.give_back(c);
  }
  pool.acquire();
  BOOST_TEST(pool.stats().granted == 5u);
  BOOST_TEST(counted(pool.mind.histograms().acquire_wait, {0s, 0s, 0s, 0s, 0s}));
}

BOOST_AUTO_TEST_CASE(a_grant_of_a_dead_connection_is_not_measured) {
  ledger_fixture pool({.max_connections = 1});
  connection& c = pool.lease();
  caller& w = pool.acquire(10s);
  pool.later(1s);
  pool.give_back(c);
  BOOST_TEST(counted(pool.mind.histograms().acquire_wait, {0s, 1s}));
  pool.later(1s);
  pool.stale(w);
  BOOST_TEST(counted(pool.mind.histograms().acquire_wait, {0s}));
  BOOST_TEST(counted(pool.mind.histograms().lease, {1s}), "only the first lease was one");
  pool.closed();
  pool.later(1s);
  pool.dialed();
  BOOST_TEST(counted(pool.mind.histograms().acquire_wait, {0s, 3s}));
}

BOOST_AUTO_TEST_CASE(a_dead_connection_that_was_taken_at_once_is_not_measured) {
  ledger_fixture pool;
  connection& c = pool.lease();
  pool.give_back(c);
  BOOST_REQUIRE(pool.try_acquire() == &c);
  pool.stale(c);
  BOOST_TEST(counted(pool.mind.histograms().acquire_wait, {0s}));
  BOOST_TEST(counted(pool.mind.histograms().lease, {0s}));
}

BOOST_AUTO_TEST_CASE(those_who_get_nothing_are_not_measured) {
  ledger_fixture pool({.max_connections = 1, .max_waiters = 1});
  pool.lease();
  caller &late = pool.acquire(1s), &refused = pool.acquire(1s);
  BOOST_TEST(refused.failed_with(error::too_many_waiters));
  pool.pass(2s);
  BOOST_TEST(late.failed_with(error::acquire_timeout));
  BOOST_TEST(counted(pool.mind.histograms().acquire_wait, {0s}));
}

BOOST_AUTO_TEST_CASE(dials_are_measured_by_how_they_end) {
  ledger_fixture pool({.dial_backoff = 0s});
  pool.acquire();
  pool.later(40ms);
  pool.dialed();
  pool.acquire();
  pool.later(700ms);
  pool.dial_fails();
  BOOST_TEST(counted(pool.mind.histograms().dial, {40ms}));
  BOOST_TEST(counted(pool.mind.histograms().failed_dial, {700ms}));
}

BOOST_AUTO_TEST_CASE(a_dial_that_fails_after_close_is_measured) {
  ledger_fixture pool;
  pool.acquire();
  pool.close();
  pool.later(5ms);
  pool.dial_fails();
  BOOST_TEST(counted(pool.mind.histograms().failed_dial, {5ms}));
}

BOOST_AUTO_TEST_CASE(a_retry_is_measured_from_when_its_dial_begins) {
  ledger_fixture pool({.max_connections = 2, .dial_backoff = 1s, .max_dial_backoff = 1s});
  connection& dead = pool.lease();
  pool.acquire();
  pool.dial_fails();
  pool.redial(dead);
  BOOST_TEST(!dead.dial_started);
  pool.later(2s);
  pool.tick();
  BOOST_REQUIRE(dead.dial_started);
  pool.later(20ms);
  pool.dialed(dead);
  BOOST_TEST(counted(pool.mind.histograms().dial, {0s, 20ms}));
  BOOST_TEST(counted(pool.mind.histograms().acquire_wait, {0s, 2020ms}));
}

BOOST_AUTO_TEST_CASE(a_dial_that_never_began_is_not_measured) {
  ledger_fixture pool({.max_connections = 2, .dial_backoff = 1s, .max_dial_backoff = 1s});
  connection& dead = pool.lease();
  pool.acquire();
  pool.dial_fails();
  pool.cancel(pool.redial(dead));
  BOOST_TEST(pool.stats().dials_failed == 2u);
  BOOST_TEST(counted(pool.mind.histograms().failed_dial, {0s}));
}

BOOST_AUTO_TEST_CASE(leases_are_measured_however_they_end) {
  ledger_fixture pool;
  const auto lasting = [&](duration length) -> connection& {
    connection& c = pool.lease();
    pool.later(length);
    return c;
  };
  pool.give_back(lasting(1s));
  pool.drop(lasting(2s));
  pool.detach(lasting(3s));
  connection &lost = lasting(4s), &dead = lasting(0s);
  pool.undelivered(lost);
  pool.drop(*pool.try_acquire());
  pool.later(5s);
  pool.redial(dead);
  pool.dialed();
  lasting(6s);
  BOOST_TEST(counted(pool.mind.histograms().lease, {1s, 2s, 3s, 4s, 0s, 5s}));
  BOOST_TEST((pool.mind.histograms().lease.sum() + 2 * 6s == pool.stats().leased_time));
}

BOOST_AUTO_TEST_CASE(a_probe_is_no_lease) {
  ledger_fixture pool(
      {.probe = {.ask = [](lease&) -> boost::asio::awaitable<bool> { co_return true; }}});
  pool.idles(1);
  pool.pass(11s);
  BOOST_REQUIRE(!pool.probes.empty());
  pool.later(100ms);
  pool.probed(*pool.probes.front(), true);
  BOOST_TEST(counted(pool.mind.histograms().lease, {0s}));
}

BOOST_AUTO_TEST_CASE(connections_are_measured_from_their_dial_to_their_end) {
  ledger_fixture pool;
  connection &dropped = pool.lease(), &detached = pool.lease(), &dead = pool.lease();
  pool.later(1s);
  pool.drop(dropped);
  pool.later(1s);
  pool.detach(detached);
  pool.later(1s);
  pool.redial(dead);
  pool.later(1s);
  pool.dialed(); // in the same place, but another connection
  pool.later(1s);
  pool.drop(dead);
  BOOST_TEST(counted(pool.mind.histograms().lifetime, {1s, 2s, 3s, 1s}));
}

BOOST_AUTO_TEST_CASE(without_metrics_nothing_is_measured) {
  ledger_fixture pool({.max_connections = 2, .dial_backoff = 0s, .metrics = false});
  connection& c = pool.lease();
  pool.give_back(c);
  pool.stale(pool.acquire());
  pool.dial_fails();
  pool.drop(pool.lease());
  const pool_histograms all = pool.mind.histograms();
  for (const histogram* each :
       {&all.acquire_wait, &all.dial, &all.failed_dial, &all.lease, &all.lifetime})
    BOOST_TEST(counted(*each, {}));
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace httpool::test
