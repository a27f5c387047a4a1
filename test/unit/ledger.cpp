// The ledger, as callers see it: who is granted, who waits, who fails.

#include "unit/ledger_fixture.hpp"

#include <limits>

namespace httpool::test {

BOOST_AUTO_TEST_SUITE(acquiring)

BOOST_AUTO_TEST_CASE(a_caller_of_an_empty_pool_waits_for_a_dial_and_gets_what_it_gives) {
  ledger_fixture pool;
  caller& w = pool.acquire();
  BOOST_TEST(w.waits());
  BOOST_REQUIRE(pool.dials.size() == 1);
  pool.later(3ms);
  connection& c = pool.dialed();
  BOOST_TEST(w.got == &c);
  BOOST_TEST(c.where == state::leased);
  BOOST_TEST(c.id == 1);
  BOOST_TEST(c.uses == 1);
  BOOST_TEST(!c.waited);
  BOOST_TEST((pool.stats().wait_time == 3ms));
  BOOST_TEST((pool.stats().max_wait == 3ms));
  BOOST_TEST(pool.stats().reused == 0);
}

BOOST_AUTO_TEST_CASE(an_idle_connection_is_granted_at_once) {
  ledger_fixture pool;
  connection& c = *pool.idles(1).front();
  caller& w = pool.acquire();
  BOOST_TEST(w.got == &c);
  BOOST_TEST(c.uses == 2);
  BOOST_TEST(c.waited);
  BOOST_TEST(pool.dials.empty());
  BOOST_TEST(pool.stats().reused == 1);
}

BOOST_AUTO_TEST_CASE(idle_connections_are_granted_newest_first) {
  ledger_fixture pool;
  const auto idle = pool.idles(3);
  BOOST_TEST(pool.acquire().got == idle[2]);
  BOOST_TEST(pool.acquire().got == idle[1]);
  BOOST_TEST(pool.acquire().got == idle[0]);
}

BOOST_AUTO_TEST_CASE(a_returned_connection_goes_to_the_first_waiter_without_having_waited) {
  ledger_fixture pool({.max_connections = 1});
  connection& c = pool.lease();
  pool.give_back(c);
  BOOST_REQUIRE(pool.acquire().got == &c);
  BOOST_TEST(c.waited);
  caller& first = pool.acquire();
  caller& second = pool.acquire();
  pool.give_back(c);
  BOOST_TEST(first.got == &c);
  BOOST_TEST(!c.waited);
  BOOST_TEST(second.waits());
  pool.give_back(c);
  BOOST_TEST(second.got == &c);
}

BOOST_AUTO_TEST_CASE(a_waiter_takes_a_returned_connection_and_its_dial_becomes_idle) {
  ledger_fixture pool({.max_connections = 2});
  connection& returned = pool.lease();
  caller& w = pool.acquire();
  BOOST_REQUIRE(pool.dials.size() == 1);
  pool.give_back(returned);
  BOOST_TEST(w.got == &returned);
  connection& spare = pool.dialed();
  BOOST_TEST(spare.where == state::idle);
  BOOST_TEST(pool.acquire().got == &spare);
  BOOST_TEST(spare.waited);
}

BOOST_AUTO_TEST_CASE(a_caller_without_time_gets_an_idle_connection_or_a_timeout) {
  for (const duration timeout : {duration::zero(), duration(-1), duration::min()}) {
    ledger_fixture pool;
    BOOST_TEST(pool.acquire(timeout).failed_with(error::acquire_timeout));
    BOOST_TEST(pool.dials.empty());
    pool.idles(1);
    BOOST_TEST(pool.acquire(timeout).got);
  }
}

BOOST_AUTO_TEST_CASE(a_waiter_times_out_at_its_deadline_and_not_a_nanosecond_before) {
  ledger_fixture pool;
  caller& w = pool.acquire(5s);
  BOOST_TEST((pool.next_wake() == 5s));
  pool.later(5s - 1ns);
  pool.tick();
  BOOST_TEST(w.waits());
  BOOST_TEST((pool.next_wake() == 1ns));
  pool.later(1ns);
  pool.tick();
  BOOST_TEST(w.failed_with(error::acquire_timeout));
  BOOST_TEST(pool.stats().timed_out == 1);

  caller& late = pool.acquire(5s);
  pool.later(5s + 1ns);
  pool.tick();
  BOOST_TEST(late.failed_with(error::acquire_timeout));
}

BOOST_AUTO_TEST_CASE(a_waiter_without_deadline_waits_until_the_end_of_time) {
  ledger_fixture pool({.max_connections = 1});
  pool.lease();
  caller& w = pool.acquire(for_ever);
  BOOST_TEST((pool.next_wake() == for_ever));
  pool.later(24h * 365 * 200);
  pool.tick();
  BOOST_TEST(w.waits());
}

BOOST_AUTO_TEST_CASE(waiters_time_out_by_their_own_deadlines_whatever_their_order) {
  ledger_fixture pool({.max_connections = 1});
  connection& c = pool.lease();
  caller& patient = pool.acquire(30ms);
  caller& hasty = pool.acquire(10ms);
  caller& middling = pool.acquire(20ms);
  pool.pass(10ms);
  BOOST_TEST(hasty.failed_with(error::acquire_timeout));
  pool.pass(10ms);
  BOOST_TEST(middling.failed_with(error::acquire_timeout));
  BOOST_TEST(patient.waits());
  pool.give_back(c);
  BOOST_TEST(patient.got == &c);
}

BOOST_AUTO_TEST_CASE(a_cancelled_waiter_ends_with_the_reason_and_the_others_stay_in_order) {
  ledger_fixture pool({.max_connections = 1});
  connection& c = pool.lease();
  caller& first = pool.acquire();
  caller& second = pool.acquire();
  caller& third = pool.acquire();
  pool.cancel(second);
  BOOST_TEST(second.failed_with(aborted));
  pool.give_back(c);
  BOOST_TEST(first.got == &c);
  pool.give_back(c);
  BOOST_TEST(third.got == &c);
  BOOST_TEST(pool.stats().cancelled == 1);
}

BOOST_AUTO_TEST_CASE(cancelling_whoever_does_not_wait_changes_nothing) {
  ledger_fixture pool;
  connection& c = pool.lease();
  caller stranger;
  pool.cancel(stranger);
  BOOST_TEST(stranger.ends == 0);
  caller& granted = pool.acquire();
  pool.dialed();
  pool.cancel(granted);
  BOOST_TEST(granted.got);
  BOOST_TEST(granted.ends == 1);
  BOOST_TEST(c.where == state::leased);
  BOOST_TEST(pool.stats().cancelled == 0);
}

BOOST_AUTO_TEST_CASE(a_caller_who_left_before_it_came_is_granted_nothing) {
  caller w;
  ledger_fixture pool;
  pool.idles(1);
  pool.cancel(w);
  pool.mind.acquire(pool.now, w, pool.now + 5s);
  BOOST_REQUIRE(pool.mind.decisions().size() == 1);
  BOOST_TEST(pool.mind.decisions()[0].error == aborted);
  BOOST_TEST(pool.stats().cancelled == 1);
  BOOST_TEST(pool.stats().idle == 1);
}

BOOST_AUTO_TEST_CASE(try_acquire_takes_the_newest_idle_connection_or_nothing) {
  ledger_fixture pool;
  BOOST_TEST(!pool.try_acquire());
  BOOST_TEST(pool.dials.empty());
  BOOST_TEST(pool.stats().acquires == 0);
  const auto idle = pool.idles(2);
  BOOST_TEST(pool.try_acquire() == idle[1]);
  BOOST_TEST(idle[1]->uses == 2);
  BOOST_TEST(idle[1]->waited);
  BOOST_TEST(pool.try_acquire() == idle[0]);
  BOOST_TEST(!pool.try_acquire());
  BOOST_TEST(pool.stats().granted == 4);
  BOOST_TEST(pool.stats().reused == 2);
}

BOOST_AUTO_TEST_CASE(try_acquire_does_not_overtake_a_waiter) {
  ledger_fixture pool({.max_connections = 1});
  connection& c = pool.lease();
  caller& w = pool.acquire();
  BOOST_TEST(!pool.try_acquire());
  pool.give_back(c);
  BOOST_TEST(w.got == &c);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(the_number_of_waiters)

BOOST_AUTO_TEST_CASE(max_waiters_counts_those_beyond_what_free_room_will_serve) {
  ledger_fixture pool({.max_connections = 2, .max_waiters = 1});
  pool.acquire();
  pool.acquire();
  BOOST_TEST(pool.acquire().waits());
  BOOST_TEST(pool.acquire().failed_with(error::too_many_waiters));
  pool.dialed();
  BOOST_TEST(pool.acquire().failed_with(error::too_many_waiters));
  pool.dialed();
  BOOST_TEST(pool.acquire().failed_with(error::too_many_waiters));
  BOOST_TEST(pool.stats().refused == 3);
  BOOST_TEST(pool.stats().peak_waiting == 3);
}

BOOST_AUTO_TEST_CASE(without_max_waiters_an_exhausted_pool_fails_at_once) {
  ledger_fixture pool({.max_connections = 2, .max_waiters = 0});
  connection& c = pool.lease();
  BOOST_TEST(pool.acquire().waits());
  BOOST_TEST(pool.acquire().failed_with(error::too_many_waiters));
  pool.dialed();
  pool.drop(c);
  BOOST_TEST(pool.acquire().waits(), "a closing connection is about to leave room");
  BOOST_TEST(pool.acquire().failed_with(error::too_many_waiters));
}

BOOST_AUTO_TEST_CASE(a_connection_that_is_being_probed_does_not_exhaust_the_pool) {
  pool_options options{.max_connections = 1, .max_waiters = 0};
  options.probe.ask = [](lease&) -> boost::asio::awaitable<bool> { co_return true; };
  ledger_fixture pool(options);
  connection& c = *pool.idles(1).front();
  pool.pass(options.probe.interval);
  BOOST_REQUIRE(pool.probes.size() == 1);
  caller& w = pool.acquire();
  BOOST_TEST(w.waits());
  pool.probed(c, true);
  BOOST_TEST(w.got == &c);
}

BOOST_AUTO_TEST_CASE(as_many_may_wait_as_memory_has_room_for) {
  ledger_fixture pool(
      {.max_connections = 1, .max_waiters = std::numeric_limits<std::size_t>::max()});
  pool.lease();
  for (int i = 0; i < 1000; ++i)
    BOOST_REQUIRE(pool.acquire().waits());
}

BOOST_AUTO_TEST_CASE(a_waiter_who_left_makes_room_for_another) {
  ledger_fixture pool({.max_connections = 1, .max_waiters = 1});
  pool.lease();
  caller& first = pool.acquire(10ms);
  BOOST_TEST(pool.acquire().failed_with(error::too_many_waiters));
  pool.cancel(first);
  caller& second = pool.acquire(10ms);
  BOOST_TEST(second.waits());
  pool.pass(10ms);
  BOOST_TEST(second.failed_with(error::acquire_timeout));
  BOOST_TEST(pool.acquire().waits());
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace httpool::test
