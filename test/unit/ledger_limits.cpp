// The pool as a whole: limits that change, the close, figures, and time's extremes.

#include "unit/ledger_fixture.hpp"

#include <limits>

namespace httpool::test {

BOOST_AUTO_TEST_SUITE(changed_limits)

BOOST_AUTO_TEST_CASE(surplus_idle_connections_close_at_once_the_oldest_first) {
  ledger_fixture pool;
  const auto c = pool.idles(4);
  pool.set_limits({.max_connections = 2});
  BOOST_TEST(pool.closing == (std::vector{c[0], c[1]}));
  BOOST_TEST(c[0]->reason == close_reason::surplus);
  BOOST_TEST(pool.stats().idle == 2);
  BOOST_TEST(pool.stats().max_connections == 2);
}

BOOST_AUTO_TEST_CASE(surplus_leased_connections_close_on_their_return) {
  ledger_fixture pool;
  const auto c = pool.leases(3);
  pool.set_limits({.max_connections = 1});
  caller& w = pool.acquire();
  pool.give_back(*c[0]);
  BOOST_TEST(c[0]->reason == close_reason::surplus);
  pool.give_back(*c[1]);
  BOOST_TEST(c[1]->reason == close_reason::surplus);
  BOOST_TEST(w.waits());
  pool.give_back(*c[2]);
  BOOST_TEST(w.got == c[2]);
  pool.closed();
  BOOST_TEST(pool.dials.empty());
}

BOOST_AUTO_TEST_CASE(a_surplus_dial_closes_when_it_is_done) {
  ledger_fixture pool;
  connection& c = pool.lease();
  pool.acquire();
  pool.set_limits({.max_connections = 1});
  connection& surplus = pool.dialed();
  BOOST_TEST(surplus.reason == close_reason::surplus);
  BOOST_TEST(c.where == state::leased);
}

BOOST_AUTO_TEST_CASE(a_raised_limit_dials_for_those_who_wait) {
  ledger_fixture pool({.max_connections = 1});
  pool.lease();
  for (int i = 0; i < 3; ++i)
    pool.acquire();
  pool.set_limits({.max_connections = 3});
  BOOST_TEST(pool.dials.size() == 2);
  pool.set_limits({.max_connections = 3, .min_idle = 3});
  BOOST_TEST(pool.dials.size() == 2);
  pool.set_limits({.max_connections = 10, .min_idle = 3});
  BOOST_TEST(pool.dials.size() == 6);
}

BOOST_AUTO_TEST_CASE(a_raised_max_dials_starts_dials_and_retries) {
  ledger_fixture pool({.max_dials = 1});
  connection& c = pool.lease();
  pool.acquire();
  pool.acquire();
  pool.redial(c);
  BOOST_TEST(pool.dials.size() == 1);
  pool.set_limits({.max_dials = 3});
  BOOST_TEST(pool.dials.size() == 3);
  BOOST_TEST(std::count(pool.dials.begin(), pool.dials.end(), &c) == 1);
}

BOOST_AUTO_TEST_CASE(a_lowered_max_dials_starts_none_until_enough_have_ended) {
  ledger_fixture pool;
  for (int i = 0; i < 10; ++i)
    pool.acquire();
  pool.set_limits({.max_dials = 1});
  for (int i = 0; i < 7; ++i)
    pool.dialed();
  BOOST_TEST(pool.dials.size() == 1);
  pool.dialed();
  BOOST_TEST(pool.dials.size() == 1);
  BOOST_TEST(pool.stats().dials == 9);
}

BOOST_AUTO_TEST_CASE(a_lowered_min_idle_lets_the_others_age_and_go) {
  ledger_fixture pool({.min_idle = 3, .idle_timeout = 1s});
  for (int i = 0; i < 3; ++i)
    pool.dialed();
  pool.pass(2s);
  BOOST_TEST(pool.stats().idle == 3);
  pool.set_limits({.min_idle = 1});
  BOOST_TEST((pool.next_wake() <= 0s));
  pool.pass(0s);
  BOOST_TEST(pool.stats().idle == 1);
}

BOOST_AUTO_TEST_CASE(a_lowered_max_waiters_fails_new_callers_and_nobody_who_waits) {
  ledger_fixture pool({.max_connections = 1});
  pool.lease();
  caller& w = pool.acquire();
  pool.set_limits({.max_connections = 1, .max_waiters = 0});
  BOOST_TEST(w.waits());
  BOOST_TEST(pool.acquire().failed_with(error::too_many_waiters));
}

BOOST_AUTO_TEST_CASE(a_lowered_limit_cuts_a_prewarm_short) {
  ledger_fixture pool({.max_dials = 1});
  pool.prewarm(5);
  pool.set_limits({.max_connections = 2, .max_dials = 1});
  pool.dialed();
  pool.dialed();
  pool.set_limits({});
  BOOST_TEST(pool.dials.empty());
  BOOST_TEST(pool.stats().idle == 2);
}

BOOST_AUTO_TEST_CASE(a_retry_keeps_its_slot_when_the_limit_falls_and_the_slot_goes_with_the_lease) {
  ledger_fixture pool;
  const auto c = pool.leases(2);
  pool.set_limits({.max_connections = 1});
  caller& retry = pool.redial(*c[0]);
  pool.dialed(*c[0]);
  BOOST_TEST(retry.got == c[0]);
  pool.give_back(*c[0]);
  BOOST_TEST(c[0]->reason == close_reason::surplus);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(the_close)

BOOST_AUTO_TEST_CASE(closing_fails_all_waiters_and_closes_what_is_idle) {
  ledger_fixture pool({.max_connections = 3});
  const auto c = pool.leases(2);
  caller& retry = pool.redial(*c[0]);
  caller& dialing = pool.acquire();
  caller& queued = pool.acquire(for_ever);
  pool.close();
  BOOST_TEST(pool.mind.is_closed());
  for (const caller* w : {&retry, &dialing, &queued})
    BOOST_TEST(w->failed_with(error::pool_closed));
  BOOST_TEST(pool.aborting == pool.dials);
  BOOST_TEST((pool.next_wake() == for_ever));
}

BOOST_AUTO_TEST_CASE(closing_forgets_a_retry_whose_dial_has_not_begun) {
  ledger_fixture pool({.max_dials = 1});
  connection& c = pool.lease();
  pool.acquire();
  caller& retry = pool.redial(c);
  pool.close();
  BOOST_TEST(retry.failed_with(error::pool_closed));
  BOOST_TEST(pool.forgotten == std::vector{&c});
  BOOST_TEST(pool.aborting == pool.dials);
}

BOOST_AUTO_TEST_CASE(after_the_close_nothing_is_granted_whatever_happens) {
  ledger_fixture pool({.max_connections = 7, .min_idle = 1});
  pool.dialed();
  const auto c = pool.leases(6);
  while (!pool.dials.empty())
    pool.dialed();
  pool.give_back(*c[3]);
  BOOST_REQUIRE(pool.try_acquire() == c[3]);
  BOOST_REQUIRE(pool.stats().idle == 1);
  pool.close();
  BOOST_TEST(pool.acquire().failed_with(error::pool_closed));
  BOOST_TEST(!pool.try_acquire());
  pool.give_back(*c[0]);
  pool.undelivered(*c[1]);
  pool.drop(*c[2], close_reason::dropped);
  pool.stale(*c[3]);
  BOOST_TEST(pool.redial(*c[4]).failed_with(error::pool_closed));
  pool.detach(*c[5]);
  pool.prewarm(3);
  pool.set_limits({.max_connections = 9, .min_idle = 9});
  BOOST_TEST(pool.stats().closed(close_reason::pool_closed) == 4);
  BOOST_TEST(pool.dials.empty());
  pool.closed();
  BOOST_TEST(pool.stats().total() == 0);
  BOOST_TEST((pool.next_wake() == for_ever));
}

BOOST_AUTO_TEST_CASE(a_stale_grant_after_the_close_fails_its_waiter_with_pool_closed) {
  ledger_fixture pool;
  pool.idles(1);
  caller& w = pool.acquire();
  pool.close();
  pool.stale(w);
  BOOST_TEST(w.failed_with(error::pool_closed));
}

BOOST_AUTO_TEST_CASE(dials_in_flight_at_the_close_end_for_nobody) {
  ledger_fixture pool;
  pool.acquire();
  pool.acquire();
  pool.close();
  connection& late = pool.dialed();
  BOOST_TEST(late.where == state::closing);
  BOOST_TEST(late.reason == close_reason::pool_closed);
  pool.dial_fails();
  pool.closed();
  BOOST_TEST(pool.stats().total() == 0);
  BOOST_TEST(!pool.stats().last_dial_error, "an aborted dial says nothing of the peer");
}

BOOST_AUTO_TEST_CASE(closing_twice_is_closing_once) {
  ledger_fixture pool;
  pool.idles(1);
  pool.leases(2);
  pool.acquire();
  pool.close();
  const pool_stats before = pool.stats();
  pool.close();
  BOOST_TEST(pool.stats().failed == before.failed);
  BOOST_TEST(pool.stats().closed() == before.closed());
}

BOOST_AUTO_TEST_CASE(a_dial_that_the_close_aborted_is_not_aborted_again_by_its_timeout) {
  ledger_fixture pool({.dial_timeout = 1s});
  pool.acquire();
  pool.close();
  BOOST_TEST(pool.aborting.size() == 1);
  pool.later(1s);
  pool.tick();
  BOOST_TEST(pool.aborting.empty());
}

BOOST_AUTO_TEST_CASE(lessees_keep_their_deadlines_after_the_close) {
  ledger_fixture pool;
  connection& c = pool.lease();
  pool.mind.set_lease_deadline(c, pool.now + 1s);
  pool.close();
  BOOST_TEST((pool.next_wake() == 1s));
  pool.later(1s);
  pool.tick();
  BOOST_TEST(pool.cut_off == std::vector{&c});
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(figures)

BOOST_AUTO_TEST_CASE(the_snapshot_and_the_statistics_tell_what_there_is) {
  ledger_fixture pool({.max_connections = 4});
  const auto c = pool.leases(3);
  pool.acquire();
  pool.acquire();
  pool.drop(*c[0]);
  const pool_snapshot s = pool.mind.snapshot();
  BOOST_TEST(s.dialing == 1);
  BOOST_TEST(s.idle == 0);
  BOOST_TEST(s.leased == 2);
  BOOST_TEST(s.closing == 1);
  BOOST_TEST(s.waiting == 2);
  BOOST_TEST(s.total() == 4);
  BOOST_TEST(pool.stats().peak_total == 4);
  BOOST_TEST(pool.stats().peak_leased == 3);
  BOOST_TEST(pool.stats().peak_waiting == 2);
}

BOOST_AUTO_TEST_CASE(utilisation_is_the_leased_part_of_the_limit_now_and_on_average) {
  ledger_fixture pool({.max_connections = 4});
  const auto c = pool.leases(2);
  pool.later(1s);
  BOOST_TEST(pool.stats().utilisation() == 0.5);
  BOOST_TEST((pool.stats().leased_time == 2s));
  pool.give_back(*c[0]);
  pool.later(1s);
  BOOST_TEST((pool.stats().leased_time == 3s));
  BOOST_TEST((pool.stats().age == 2s));
  BOOST_TEST(pool.stats().mean_utilisation() == 3.0 / 8);
  pool.leases(1);
  pool.later(1s);
  BOOST_TEST((pool.stats().leased_time == 5s));
}

BOOST_AUTO_TEST_CASE(sums_of_times_stop_at_the_longest_time_there_is) {
  ledger_fixture pool;
  pool.leases(3);
  pool.later(for_ever / 2);
  pool.tick();
  BOOST_TEST((pool.stats().leased_time == std::chrono::nanoseconds::max()));

  ledger_fixture waiting({.max_connections = 3});
  const auto c = waiting.leases(3);
  for (int i = 0; i < 3; ++i)
    waiting.acquire(for_ever);
  waiting.later(for_ever / 2);
  for (connection* each : c)
    waiting.drop(*each);
  waiting.closed();
  while (!waiting.dials.empty())
    waiting.dialed();
  BOOST_TEST((waiting.stats().wait_time == std::chrono::nanoseconds::max()));
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(time_at_its_ends)

BOOST_AUTO_TEST_CASE(adding_to_a_time_saturates) {
  using detail::saturating_add;
  constexpr time_point start(5s);
  static_assert(saturating_add(start, 1s) == time_point(6s));
  static_assert(saturating_add(start, 0s) == start);
  static_assert(saturating_add(start, -1s) == start);
  static_assert(saturating_add(start, duration::min()) == start);
  static_assert(saturating_add(start, for_ever) == time_point::max());
  static_assert(saturating_add(time_point::max(), 1ns) == time_point::max());
  static_assert(saturating_add(time_point::max() - 1ns, 1ns) == time_point::max());
  static_assert(saturating_add(time_point::min(), for_ever) == time_point(-1ns));
  BOOST_TEST((saturating_add(time_point::min(), 1ns) == time_point::min() + 1ns));
}

BOOST_AUTO_TEST_CASE(a_clock_that_leaps_by_years_ends_what_is_due_and_the_pool_goes_on) {
  ledger_fixture pool({.max_connections = 2});
  pool.idles(1);
  connection& leased = pool.lease();
  connection& other = pool.lease();
  caller& w = pool.acquire();
  pool.give_back(other);
  caller& waiting = pool.acquire();
  BOOST_REQUIRE(w.got == &other);
  pool.later(24h * 365 * 50);
  pool.tick();
  BOOST_TEST(waiting.failed_with(error::acquire_timeout));
  pool.give_back(leased);
  BOOST_TEST(leased.reason == close_reason::max_lifetime);
  pool.drop(other);
  pool.closed();
  caller& next = pool.acquire();
  pool.dialed();
  BOOST_TEST(next.got);
}

BOOST_AUTO_TEST_CASE(a_pool_made_before_the_epoch_of_its_clock_works_the_same) {
  ledger_fixture pool;
  pool.now = time_point(-24h);
  pool.mind = detail::ledger({}, pool.now, 1);
  caller& w = pool.acquire();
  pool.dial_fails();
  BOOST_TEST(w.failed_with(refused_by_peer));
  caller& next = pool.acquire();
  pool.pass(120ms);
  pool.dialed();
  BOOST_TEST(next.got);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace httpool::test
