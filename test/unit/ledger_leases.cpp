// How leases end, and what becomes of a connection that died and of its waiter.

#include "unit/ledger_fixture.hpp"

namespace httpool::test {

BOOST_AUTO_TEST_SUITE(the_end_of_a_lease)

BOOST_AUTO_TEST_CASE(a_dropped_connection_closes_and_leaves_room_once_it_is_closed) {
  ledger_fixture pool({.max_connections = 1});
  connection& c = pool.lease();
  caller& w = pool.acquire();
  pool.drop(c, close_reason::unread_bytes);
  BOOST_TEST(c.where == state::closing);
  BOOST_TEST(c.reason == close_reason::unread_bytes);
  BOOST_TEST(pool.stats().closed(close_reason::unread_bytes) == 1);
  BOOST_TEST(pool.dials.empty(), "a closing connection counts");
  pool.closed();
  BOOST_TEST(c.where == state::unknown);
  BOOST_TEST(w.waits());
  connection& fresh = pool.dialed();
  BOOST_TEST(w.got == &fresh);
}

BOOST_AUTO_TEST_CASE(
    an_undelivered_connection_goes_to_the_next_waiter_as_if_it_had_not_been_granted) {
  ledger_fixture pool({.max_connections = 1});
  connection& c = *pool.idles(1).front();
  pool.later(1s);
  pool.acquire();
  caller& next = pool.acquire();
  BOOST_REQUIRE(c.uses == 2);
  pool.undelivered(c);
  BOOST_TEST(next.got == &c);
  BOOST_TEST(c.uses == 2);
  BOOST_TEST(c.waited, "it was idle before the lease that was not delivered");
}

BOOST_AUTO_TEST_CASE(an_undelivered_connection_takes_its_old_place_among_the_idle_ones) {
  ledger_fixture pool({.idle_timeout = 30s});
  const auto c = pool.leases(3);
  for (connection* each : c) {
    pool.give_back(*each);
    pool.later(1s);
  }
  BOOST_REQUIRE(pool.acquire().got == c[2]);
  BOOST_REQUIRE(pool.acquire().got == c[1]);
  pool.undelivered(*c[2]);
  pool.undelivered(*c[1]);
  pool.pass(27s);
  BOOST_TEST(c[0]->where == state::closing);
  BOOST_TEST(c[1]->where == state::idle);
  pool.pass(1s);
  BOOST_TEST(c[1]->where == state::closing);
  BOOST_TEST(c[2]->where == state::idle);
}

BOOST_AUTO_TEST_CASE(a_detached_connection_leaves_the_limit_at_once) {
  ledger_fixture pool({.max_connections = 1});
  connection& c = pool.lease();
  caller& w = pool.acquire();
  pool.detach(c);
  BOOST_TEST(c.where == state::unknown);
  BOOST_TEST(pool.stats().closed(close_reason::detached) == 1);
  BOOST_TEST(pool.closing.empty());
  connection& fresh = pool.dialed();
  BOOST_TEST(w.got == &fresh);
}

BOOST_AUTO_TEST_CASE(a_late_lessee_is_cut_off_once_at_its_deadline) {
  ledger_fixture pool;
  connection& c = pool.lease();
  pool.mind.set_lease_deadline(c, pool.now + 2s);
  BOOST_TEST((pool.next_wake() == 2s));
  pool.later(2s - 1ns);
  pool.tick();
  BOOST_TEST(pool.cut_off.empty());
  pool.later(1ns);
  pool.tick();
  BOOST_TEST(pool.cut_off == std::vector{&c});
  BOOST_TEST(c.where == state::leased, "the lease ends when its owner says so");
  BOOST_TEST((pool.next_wake() == for_ever));
  pool.later(1s);
  pool.tick();
  BOOST_TEST(pool.cut_off.empty());
  pool.drop(c);
}

BOOST_AUTO_TEST_CASE(a_lease_deadline_may_move_or_go_and_ends_with_the_lease) {
  ledger_fixture pool;
  connection& c = pool.lease();
  pool.mind.set_lease_deadline(c, pool.now + 1s);
  pool.mind.set_lease_deadline(c, pool.now + 3s);
  BOOST_TEST((pool.next_wake() == 3s));
  pool.mind.set_lease_deadline(c, time_point::max());
  BOOST_TEST((pool.next_wake() == for_ever));
  pool.mind.set_lease_deadline(c, pool.now + 100ms);
  pool.give_back(c);
  BOOST_TEST((c.deadline == time_point::max()));
  pool.pass(200ms);
  BOOST_REQUIRE(pool.acquire().got == &c);
  pool.pass(1s);
  BOOST_TEST(pool.cut_off.empty());
}

BOOST_AUTO_TEST_CASE(cutting_off_all_reaches_each_lessee_and_leaves_no_deadline_behind) {
  ledger_fixture pool;
  const auto c = pool.leases(3);
  pool.mind.set_lease_deadline(*c[1], pool.now + 1s);
  pool.cut_off_all();
  BOOST_TEST(pool.cut_off == c);
  BOOST_TEST((pool.next_wake() == for_ever));
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(a_connection_that_died)

BOOST_AUTO_TEST_CASE(a_stale_connection_closes_and_its_waiter_takes_the_next_idle_one_in_one_step) {
  ledger_fixture pool;
  const auto idle = pool.idles(2);
  caller& w = pool.acquire();
  BOOST_REQUIRE(w.got == idle[1]);
  pool.stale(w);
  BOOST_TEST(idle[1]->where == state::closing);
  BOOST_TEST(idle[1]->uses == 1, "it did not serve");
  BOOST_TEST(w.got == idle[0]);
  BOOST_TEST(pool.stats().granted == 3);
  BOOST_TEST(pool.stats().reused == 1);
}

BOOST_AUTO_TEST_CASE(the_waiter_of_a_stale_connection_goes_to_the_front_with_its_old_deadline) {
  ledger_fixture pool({.max_connections = 2});
  connection& busy = pool.lease();
  pool.idles(1);
  caller& w = pool.acquire(3s);
  caller& later = pool.acquire(5s);
  pool.later(1s);
  pool.stale(w);
  BOOST_TEST(w.waits());
  BOOST_TEST((pool.next_wake() == 2s));
  pool.give_back(busy);
  BOOST_TEST(w.got == &busy);
  BOOST_TEST(later.waits());
  BOOST_TEST((pool.stats().wait_time == 1s), "the wait counts from the acquire, once");
}

BOOST_AUTO_TEST_CASE(waiters_of_several_stale_connections_keep_their_order) {
  ledger_fixture pool({.max_connections = 3});
  pool.idles(3);
  caller& first = pool.acquire();
  caller& second = pool.acquire();
  caller& third = pool.acquire();
  caller& fourth = pool.acquire();
  pool.stale(first);
  pool.stale(third);
  pool.stale(second);
  pool.closed();
  pool.dialed();
  BOOST_TEST(first.got);
  BOOST_TEST(second.waits());
  pool.dialed();
  BOOST_TEST(second.got);
  BOOST_TEST(third.waits());
  pool.dialed();
  BOOST_TEST(third.got);
  BOOST_TEST(fourth.waits());
}

BOOST_AUTO_TEST_CASE(a_stale_waiter_that_is_late_times_out_at_once) {
  ledger_fixture pool({.max_connections = 1});
  pool.idles(1);
  caller& w = pool.acquire(1s);
  pool.later(2s);
  pool.stale(w);
  BOOST_TEST(w.failed_with(error::acquire_timeout));
}

BOOST_AUTO_TEST_CASE(a_caller_who_left_with_its_grant_on_the_way_does_not_queue_again) {
  ledger_fixture pool;
  const auto idle = pool.idles(2);
  caller& w = pool.acquire();
  pool.cancel(w);
  pool.stale(w);
  BOOST_TEST(w.failed_with(aborted));
  BOOST_TEST(idle[0]->where == state::idle);
}

BOOST_AUTO_TEST_CASE(a_stale_try_acquire_never_was) {
  ledger_fixture pool;
  pool.idles(1);
  const pool_stats before = pool.stats();
  connection* const c = pool.try_acquire();
  BOOST_REQUIRE(c);
  pool.stale(*c);
  BOOST_TEST(c->where == state::closing);
  const pool_stats after = pool.stats();
  BOOST_TEST(after.acquires == before.acquires);
  BOOST_TEST(after.granted == before.granted);
  BOOST_TEST(after.reused == before.reused);
}

BOOST_AUTO_TEST_CASE(a_retry_dials_in_the_slot_of_the_connection_that_died) {
  ledger_fixture pool({.max_connections = 1});
  connection& c = pool.lease();
  caller& waiting = pool.acquire();
  pool.later(1ms);
  caller& retry = pool.redial(c);
  BOOST_TEST(pool.dials == std::vector{&c});
  BOOST_TEST(pool.stats().closed(close_reason::peer_closed) == 1);
  BOOST_TEST(pool.stats().dials == 2);
  BOOST_TEST(pool.stats().waiting == 2);
  pool.dialed(c);
  BOOST_TEST(retry.got == &c, "it does not queue behind a waiter");
  BOOST_TEST(c.id == 2);
  BOOST_TEST(c.uses == 1);
  BOOST_TEST(!c.waited);
  pool.give_back(c);
  BOOST_TEST(waiting.got == &c);
}

BOOST_AUTO_TEST_CASE(a_retry_takes_nothing_from_a_waiter) {
  ledger_fixture pool({.max_connections = 2});
  connection& dead = pool.lease();
  connection& other = pool.lease();
  caller& waiting = pool.acquire();
  caller& retry = pool.redial(dead);
  pool.give_back(other);
  BOOST_TEST(waiting.got == &other);
  BOOST_TEST(retry.waits());
  pool.give_back(other);
  BOOST_TEST(other.where == state::idle, "a retry wants a fresh dial");
  BOOST_TEST(retry.waits());
  pool.dialed(dead);
  BOOST_TEST(retry.got == &dead);
}

BOOST_AUTO_TEST_CASE(a_failed_redial_fails_its_own_waiter_alone) {
  ledger_fixture pool({.max_connections = 1});
  connection& c = pool.lease();
  caller& waiting = pool.acquire();
  caller& retry = pool.redial(c);
  pool.dial_fails(c);
  BOOST_TEST(retry.failed_with(refused_by_peer));
  BOOST_TEST(waiting.waits());
}

BOOST_AUTO_TEST_CASE(the_dial_of_a_retry_that_left_serves_the_next_waiter) {
  ledger_fixture pool({.max_connections = 1});
  connection& c = pool.lease();
  caller& waiting = pool.acquire();
  caller& retry = pool.redial(c, 1s);
  pool.pass(1s);
  BOOST_TEST(retry.failed_with(error::acquire_timeout));
  pool.dialed(c);
  BOOST_TEST(waiting.got == &c);
}

BOOST_AUTO_TEST_CASE(a_retry_that_left_before_it_came_frees_the_slot) {
  caller retry;
  ledger_fixture pool({.max_connections = 1});
  connection& c = pool.lease();
  pool.cancel(retry);
  pool.mind.redial(pool.now, c, close_reason::peer_closed, retry, pool.now + 5s);
  BOOST_TEST(c.where == state::unknown);
  BOOST_TEST(pool.stats().cancelled == 1);
  BOOST_TEST(&pool.lease());
}

BOOST_AUTO_TEST_CASE(a_retry_that_is_late_frees_the_slot) {
  ledger_fixture pool({.max_connections = 1});
  connection& c = pool.lease();
  caller& waiting = pool.acquire();
  caller& retry = pool.redial(c, 0s);
  BOOST_TEST(retry.failed_with(error::acquire_timeout));
  BOOST_TEST(pool.forgotten == std::vector{&c});
  connection& fresh = pool.dialed();
  BOOST_TEST(waiting.got == &fresh);
}

BOOST_AUTO_TEST_CASE(a_retry_that_left_before_its_dial_began_frees_the_slot) {
  ledger_fixture pool({.max_connections = 2, .max_dials = 1});
  connection& dead = pool.lease();
  pool.acquire();
  caller& retry = pool.redial(dead);
  BOOST_TEST(pool.dials.size() == 1);
  pool.cancel(retry);
  BOOST_TEST(retry.failed_with(aborted));
  BOOST_TEST(pool.forgotten == std::vector{&dead});
  BOOST_TEST(pool.stats().total() == 1);
}

BOOST_AUTO_TEST_CASE(a_retry_whose_fresh_connection_is_stale_goes_before_those_who_queue) {
  ledger_fixture pool({.max_connections = 1});
  connection& dead = pool.lease();
  caller& waiting = pool.acquire();
  caller& retry = pool.redial(dead);
  pool.dialed(dead);
  pool.stale(retry);
  pool.closed();
  connection& fresh = pool.dialed();
  BOOST_TEST(retry.got == &fresh);
  BOOST_TEST(waiting.waits());
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace httpool::test
