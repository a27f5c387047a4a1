// Callers who would rather not have a connection that was idle for long, and callers who wait for a
// dial for less time than it may take.

#include "unit/ledger_fixture.hpp"

#include <utility>

namespace httpool::test {

BOOST_AUTO_TEST_SUITE(fresh_connections)

BOOST_AUTO_TEST_CASE(scar_80_what_was_idle_for_less_than_max_idle_is_taken_and_no_other) {
  for (const auto& [idle, fresh] :
       {std::pair{1s - 1ns, true}, {1s + 0ns, false}, {1s + 1ns, false}}) {
    ledger_fixture pool;
    connection& c = *pool.idles(1).front();
    pool.later(idle);
    caller& w = pool.acquire_fresh(1s);
    BOOST_TEST((w.got == &c) == fresh);
    BOOST_TEST(pool.dials.size() == (fresh ? 0 : 1));
    BOOST_TEST(w.waits() != fresh);
  }
}

BOOST_AUTO_TEST_CASE(without_a_fresh_one_the_caller_gets_a_dial_of_its_own) {
  ledger_fixture pool;
  connection& old = *pool.idles(1).front();
  pool.later(2s);
  caller& w = pool.acquire_fresh(1s);
  BOOST_TEST(old.where == state::idle);
  BOOST_TEST(pool.dials.front()->reserved_for == &w);
  BOOST_TEST(pool.acquire().got == &old, "others take what it has declined");
  connection& c = pool.dialed();
  BOOST_TEST(w.got == &c);
}

BOOST_AUTO_TEST_CASE(where_no_dial_may_start_the_caller_takes_the_idle_one_that_there_is) {
  {
    ledger_fixture pool({.max_connections = 1});
    connection& old = *pool.idles(1).front();
    pool.later(2s);
    BOOST_TEST(pool.acquire_fresh(1s).got == &old, "no room");
  }
  {
    ledger_fixture pool({.max_dials = 1});
    connection& old = *pool.idles(1).front();
    pool.acquire_fresh(0s);
    pool.later(2s);
    BOOST_TEST(pool.acquire_fresh(1s).got == &old, "max_dials");
  }
  {
    ledger_fixture pool({.max_dials = 1, .dial_backoff = 10s});
    connection& old = pool.lease();
    pool.acquire();
    pool.dial_fails();
    pool.give_back(old);
    pool.later(2s);
    BOOST_TEST(pool.acquire_fresh(1s).got == &old, "back-off");
  }
  {
    ledger_fixture pool;
    connection& old = *pool.idles(1).front();
    pool.later(2s);
    pool.no_permits = true;
    BOOST_TEST(pool.acquire_fresh(1s).got == &old, "the budget");
  }
  {
    ledger_fixture pool;
    connection& old = *pool.idles(1).front();
    pool.later(2s);
    BOOST_TEST(pool.acquire_fresh(1s, 0s).got == &old, "no time");
  }
}

BOOST_AUTO_TEST_CASE(when_its_dial_fails_or_is_late_the_caller_takes_an_idle_one) {
  for (const bool late : {false, true}) {
    ledger_fixture pool({.dial_timeout = 3s});
    connection& old = *pool.idles(1).front();
    pool.later(2s);
    caller& w = pool.acquire_fresh(1s);
    if (late)
      pool.pass(3s);
    pool.dial_fails();
    BOOST_TEST(w.got == &old);
  }
}

BOOST_AUTO_TEST_CASE(at_its_deadlines_the_caller_takes_an_idle_one_and_others_have_its_dial) {
  for (const bool by_dial_deadline : {false, true}) {
    ledger_fixture pool;
    connection& old = *pool.idles(1).front();
    pool.later(2s);
    caller& w = by_dial_deadline ? pool.acquire_fresh(1s, 5s, 1s) : pool.acquire_fresh(1s, 1s);
    pool.pass(1s - 1ns);
    BOOST_TEST(w.waits());
    pool.pass(1ns);
    BOOST_TEST(w.got == &old);
    caller& next = pool.acquire();
    BOOST_TEST(pool.dials.size() == 1);
    pool.dialed();
    BOOST_TEST(next.got);
  }
}

BOOST_AUTO_TEST_CASE(when_its_dial_cannot_be_made_the_caller_takes_an_idle_one) {
  ledger_fixture pool;
  connection& old = *pool.idles(1).front();
  pool.later(2s);
  pool.no_memory = true;
  BOOST_TEST(pool.acquire_fresh(1s).got == &old);
  BOOST_TEST(pool.stats().dials_failed == 1);
  pool.later(1s);
  BOOST_TEST(pool.acquire().failed_with(out_of_memory), "with nothing idle");
}

BOOST_AUTO_TEST_CASE(with_nothing_idle_any_more_its_dials_error_is_its_own) {
  ledger_fixture pool;
  pool.idles(1);
  pool.later(2s);
  caller& w = pool.acquire_fresh(1s);
  BOOST_TEST(pool.try_acquire());
  pool.dial_fails();
  BOOST_TEST(w.failed_with(refused_by_peer));
}

BOOST_AUTO_TEST_CASE(what_is_returned_meanwhile_goes_to_whoever_came_first) {
  ledger_fixture pool({.max_connections = 3});
  const auto leased = pool.leases(2);
  pool.give_back(*leased[0]);
  pool.later(2s);
  caller& first = pool.acquire_fresh(1s);
  BOOST_REQUIRE(pool.acquire().got == leased[0]);
  caller& second = pool.acquire();
  pool.give_back(*leased[1]);
  BOOST_TEST(first.got == leased[1]);
  BOOST_TEST(second.waits());
  BOOST_TEST(pool.dialed().where == state::leased, "its dial is not wasted");
  BOOST_TEST(second.got);
}

BOOST_AUTO_TEST_CASE(a_stale_one_sends_the_caller_to_a_dial_before_an_older_one) {
  ledger_fixture pool;
  const auto idle = pool.leases(2);
  pool.give_back(*idle[0]);
  pool.later(2s);
  pool.give_back(*idle[1]);
  caller& w = pool.acquire_fresh(1s);
  BOOST_REQUIRE(w.got == idle[1]);
  pool.stale(w);
  BOOST_TEST(w.waits());
  BOOST_TEST(pool.dials.size() == 1);
  BOOST_TEST(idle[0]->where == state::idle);
}

BOOST_AUTO_TEST_CASE(whom_a_stale_one_sends_to_a_dial_comes_before_those_who_came_later) {
  ledger_fixture pool;
  const auto leased = pool.leases(3);
  pool.give_back(*leased[0]);
  pool.later(2s);
  pool.give_back(*leased[1]);
  caller& first = pool.acquire_fresh(1s);
  BOOST_REQUIRE(first.got == leased[1]);
  caller& second = pool.acquire_fresh(1s);
  BOOST_TEST(second.waits());
  pool.stale(first);
  BOOST_TEST(pool.dials.size() == 2);
  pool.give_back(*leased[2]);
  BOOST_TEST(first.got == leased[2]);
  BOOST_TEST(second.waits());
}

BOOST_AUTO_TEST_CASE(a_caller_with_a_dial_of_its_own_may_cancel_or_see_the_pool_close) {
  for (const bool closes : {false, true}) {
    ledger_fixture pool;
    pool.idles(1);
    caller& w = pool.acquire_fresh(0s);
    if (closes)
      pool.close();
    else
      pool.cancel(w);
    BOOST_TEST(w.failed_with(closes ? error_code(error::pool_closed) : aborted));
    pool.dialed();
    BOOST_TEST(pool.stats().idle == (closes ? 0 : 2));
  }
}

BOOST_AUTO_TEST_CASE(try_acquire_gives_a_connection_that_is_fresh_enough_or_nothing) {
  ledger_fixture pool;
  connection& c = *pool.idles(1).front();
  pool.later(1s);
  BOOST_TEST(!pool.try_acquire(0s));
  BOOST_TEST(!pool.try_acquire(1s));
  BOOST_TEST(c.where == state::idle);
  BOOST_TEST(pool.try_acquire(1s + 1ns) == &c);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(dial_deadlines)

BOOST_AUTO_TEST_CASE(scar_80_a_caller_waits_for_a_dial_as_long_as_it_says_and_the_dial_goes_on) {
  ledger_fixture pool;
  caller& w = pool.acquire_fresh(for_ever, 5s, 1s);
  pool.pass(1s - 1ns);
  BOOST_TEST(w.waits());
  BOOST_TEST((pool.next_wake() == 1ns));
  pool.pass(1ns);
  BOOST_TEST(w.failed_with(error::dial_timeout));
  BOOST_TEST(pool.stats().failed == 1u);
  BOOST_TEST(pool.aborting.empty());
  pool.dialed();
  BOOST_TEST(pool.stats().idle == 1);
}

BOOST_AUTO_TEST_CASE(without_a_dial_in_flight_it_goes_on_waiting_until_its_acquire_deadline) {
  ledger_fixture pool({.max_connections = 1});
  connection& c = pool.lease();
  caller& served = pool.acquire_fresh(for_ever, 5s, 1s);
  caller& late = pool.acquire_fresh(for_ever, 5s, 1s);
  pool.pass(4s);
  BOOST_TEST(served.waits());
  pool.give_back(c);
  BOOST_TEST(served.got == &c);
  pool.pass(1s);
  BOOST_TEST(late.failed_with(error::acquire_timeout));
}

BOOST_AUTO_TEST_CASE(a_retry_waits_for_its_dial_no_longer_than_it_says) {
  ledger_fixture pool;
  connection& c = pool.lease();
  std::deque<caller> w(1);
  pool.mind.redial(pool.now, c, close_reason::peer_closed, w[0], pool.now + 5s, pool.now + 1s);
  pool.later(1s);
  pool.mind.tick(pool.now);
  const auto decided = pool.mind.decisions();
  BOOST_REQUIRE(decided.size() == 1);
  BOOST_TEST(decided[0].error == error_code(error::dial_timeout));
}

BOOST_AUTO_TEST_CASE(dial_deadlines_of_zero_less_or_for_ever_behave) {
  for (const duration none : {0ns, duration(-1ns), duration::min()}) {
    ledger_fixture pool;
    caller& w = pool.acquire_fresh(for_ever, 5s, none);
    BOOST_TEST(w.waits());
    pool.tick();
    BOOST_TEST(w.failed_with(error::dial_timeout));
    connection& c = pool.dialed();
    BOOST_TEST(pool.acquire_fresh(for_ever, 5s, none).got == &c);
  }
  ledger_fixture pool({.dial_timeout = for_ever});
  caller& w = pool.acquire_fresh(for_ever, for_ever, for_ever);
  pool.pass(24h * 365 * 100);
  BOOST_TEST(w.waits());
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace httpool::test
