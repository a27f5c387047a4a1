// Bugs that other pools had when callers cancelled, timed out, or met a peer that did not answer:
// that this one has none of them. The numbers are those of doc/scars.md.

#include "unit/ledger_fixture.hpp"

namespace httpool::test {

BOOST_AUTO_TEST_SUITE(races_of_cancellation_and_timeout)

BOOST_AUTO_TEST_CASE(scar_01_a_caller_that_cancels_at_any_stage_leaves_no_slot_behind) {
  for (int stage = 0; stage < 6; ++stage) {
    ledger_fixture pool({.max_connections = 1});
    if (stage == 0) { // Its dial is in flight.
      pool.cancel(pool.acquire());
      pool.dialed();
    } else if (stage == 1) { // Its dial fails after it has gone.
      pool.cancel(pool.acquire());
      pool.dial_fails();
      pool.pass(1s);
    } else if (stage == 2) { // It queues behind a lease.
      connection& c = pool.lease();
      pool.cancel(pool.acquire());
      pool.give_back(c);
    } else if (stage == 3) { // It queues behind a close.
      pool.drop(pool.lease());
      pool.cancel(pool.acquire());
      pool.closed();
    } else if (stage == 4) { // It was granted, and nobody told it.
      pool.undelivered(pool.lease());
    } else { // It retries.
      pool.cancel(pool.redial(pool.lease()));
      pool.dialed();
    }
    BOOST_TEST(pool.stats().waiting == 0);
    BOOST_TEST(pool.stats().leased == 0);
    BOOST_TEST(&pool.lease(), "stage " << stage);
  }
}

BOOST_AUTO_TEST_CASE(scar_02_a_deadline_that_meets_the_hand_over_leaves_a_lease_to_nobody) {
  for (const bool return_first : {true, false}) {
    ledger_fixture pool({.max_connections = 1});
    connection& c = pool.lease();
    caller& w = pool.acquire(1s);
    pool.later(1s);
    if (return_first)
      pool.give_back(c);
    pool.tick();
    if (!return_first)
      pool.give_back(c);
    BOOST_TEST(w.ends == 1);
    BOOST_TEST(w.got == (return_first ? &c : nullptr));
    BOOST_TEST(pool.stats().leased == (return_first ? 1 : 0));
  }
}

BOOST_AUTO_TEST_CASE(scar_03_a_lease_that_ends_before_its_first_use_frees_the_slot) {
  ledger_fixture pool({.max_connections = 1});
  pool.drop(pool.lease());
  pool.closed();
  BOOST_TEST(&pool.lease());
}

BOOST_AUTO_TEST_CASE(scar_04_a_cancel_in_the_moment_of_the_acquire_ends_it_once) {
  ledger_fixture pool;
  caller& w = pool.acquire();
  pool.cancel(w);
  pool.cancel(w);
  BOOST_TEST(w.failed_with(aborted));
  BOOST_TEST(pool.stats().cancelled == 1);
}

BOOST_AUTO_TEST_CASE(scar_05_the_deadline_of_an_acquire_says_nothing_after_the_grant) {
  ledger_fixture pool;
  caller& w = pool.acquire(1s);
  connection& c = pool.dialed();
  BOOST_TEST((pool.next_wake() == for_ever));
  pool.pass(2s);
  BOOST_TEST(w.ends == 1);
  BOOST_TEST(c.where == state::leased);
}

BOOST_AUTO_TEST_CASE(scar_06_a_grant_that_reaches_nobody_goes_to_the_next_in_the_same_step) {
  ledger_fixture pool({.max_connections = 1});
  connection& c = pool.lease();
  caller& lost = pool.acquire();
  caller& next = pool.acquire();
  caller& last = pool.acquire();
  pool.give_back(c);
  BOOST_REQUIRE(lost.got == &c);
  pool.undelivered(c);
  BOOST_TEST(next.got == &c);
  pool.undelivered(c);
  BOOST_TEST(last.got == &c);
  pool.undelivered(c);
  BOOST_TEST(c.where == state::idle);
}

BOOST_AUTO_TEST_CASE(scar_07_a_waiter_whose_owner_dies_in_the_queue_costs_no_slot) {
  ledger_fixture pool({.max_connections = 1});
  connection& c = pool.lease();
  caller& dying = pool.acquire();
  caller& next = pool.acquire();
  pool.cancel(dying);
  pool.give_back(c);
  BOOST_TEST(next.got == &c);
}

BOOST_AUTO_TEST_CASE(scar_08_a_connection_made_for_a_caller_who_has_gone_is_kept) {
  ledger_fixture pool;
  pool.cancel(pool.acquire());
  connection& c = pool.dialed();
  BOOST_TEST(c.where == state::idle);
  BOOST_TEST(pool.acquire().got == &c);
}

BOOST_AUTO_TEST_CASE(scar_09_a_connection_that_must_not_serve_again_never_becomes_idle) {
  ledger_fixture pool;
  connection& dropped = pool.lease();
  connection& returned_late = pool.lease();
  pool.drop(dropped);
  BOOST_TEST(pool.acquire().waits());
  pool.close();
  pool.give_back(returned_late);
  BOOST_TEST(returned_late.where == state::closing);
  BOOST_TEST(pool.stats().idle == 0);
}

BOOST_AUTO_TEST_CASE(scar_10_a_dial_that_hangs_after_its_waiter_left_is_no_reason_to_wait) {
  ledger_fixture pool;
  for (int i = 0; i < 4; ++i)
    pool.acquire(1s);
  pool.pass(1s);
  BOOST_TEST(pool.stats().timed_out == 4);
  BOOST_TEST(pool.dials.size() == 4);
  for (int i = 0; i < 5; ++i)
    pool.acquire(30s);
  BOOST_TEST(pool.dials.size() == 5);
  pool.later(9s);
  while (!pool.dials.empty()) // The hard deadline of each dial.
    pool.dial_fails(*pool.dials.front(), error::dial_timeout);
  pool.pass(30s);
  BOOST_TEST(pool.stats().waiting == 0);
}

BOOST_AUTO_TEST_CASE(scar_11_a_refused_acquire_changes_no_count_but_its_own) {
  ledger_fixture pool({.max_connections = 1, .max_waiters = 1});
  connection& c = pool.lease();
  caller& w = pool.acquire();
  for (int i = 0; i < 100; ++i) {
    caller& refused = pool.acquire();
    BOOST_REQUIRE(refused.failed_with(error::too_many_waiters));
    pool.cancel(refused);
  }
  BOOST_TEST(pool.stats().refused == 100);
  BOOST_TEST(pool.stats().waiting == 1);
  BOOST_TEST(pool.stats().total() == 1);
  pool.give_back(c);
  BOOST_TEST(w.got == &c);
  BOOST_TEST(pool.acquire().waits());
}

BOOST_AUTO_TEST_CASE(scar_12_no_more_wait_than_may_and_success_is_not_followed_by_a_timeout) {
  ledger_fixture pool({.max_connections = 1, .max_waiters = 2});
  connection& c = pool.lease();
  std::vector<caller*> waiting;
  for (int i = 0; i < 5; ++i)
    waiting.push_back(&pool.acquire(1s));
  BOOST_TEST(pool.stats().waiting == 2);
  pool.later(1s);
  pool.give_back(c);
  pool.tick();
  for (const caller* w : waiting)
    BOOST_TEST(w->ends == 1);
  BOOST_TEST(waiting[0]->got == &c);
  BOOST_TEST(waiting[1]->failed_with(error::acquire_timeout));
}

BOOST_AUTO_TEST_CASE(scar_13_dials_for_callers_who_left_are_not_started) {
  ledger_fixture pool({.max_dials = 1});
  for (int i = 0; i < 1000; ++i)
    pool.cancel(pool.acquire());
  BOOST_TEST(pool.dials.size() == 1);
  pool.dialed();
  BOOST_TEST(pool.stats().dials == 1);
}

BOOST_AUTO_TEST_CASE(scar_14_a_waiter_who_was_woken_for_nothing_keeps_its_place) {
  ledger_fixture pool({.max_connections = 1});
  connection& c = pool.lease();
  caller& first = pool.acquire();
  caller& second = pool.acquire();
  pool.give_back(c);
  pool.stale(first);
  pool.closed();
  pool.dialed();
  BOOST_TEST(first.got);
  BOOST_TEST(second.waits());
}

BOOST_AUTO_TEST_CASE(scar_15_events_in_an_unexpected_order_are_ignored) {
  ledger_fixture pool;
  connection& c = *pool.idles(1).front();
  caller& w = pool.acquire();
  pool.spoke(c);
  BOOST_TEST(c.where == state::leased);
  pool.drop(c);
  pool.spoke(c);
  pool.closed();
  pool.spoke(c);
  pool.cancel(w);
  pool.acquire();
  pool.close();
  pool.dial_fails();
  pool.tick();
  BOOST_TEST(pool.stats().total() == 0);
  BOOST_TEST(w.ends == 1);
}

BOOST_AUTO_TEST_CASE(scar_16_a_tick_that_comes_too_early_or_too_often_does_nothing) {
  ledger_fixture pool;
  connection& c = *pool.idles(1).front();
  caller& granted = pool.acquire(1s);
  caller& w = pool.acquire(1s);
  for (int i = 0; i < 9; ++i) {
    pool.later(100ms);
    pool.tick();
    pool.tick();
  }
  BOOST_TEST(w.waits());
  BOOST_TEST(granted.got == &c);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(failures_that_grow)

BOOST_AUTO_TEST_CASE(scar_38_39_40_one_failed_dial_fails_one_of_a_thousand_waiters) {
  ledger_fixture pool({.max_connections = 1});
  for (int i = 0; i < 1000; ++i)
    pool.acquire();
  pool.dial_fails();
  BOOST_TEST(pool.stats().failed == 1);
  BOOST_TEST(pool.stats().waiting == 999);
}

BOOST_AUTO_TEST_CASE(scar_41_the_dead_do_not_queue_for_dials) {
  ledger_fixture pool({.max_dials = 2});
  for (int i = 0; i < 50; ++i)
    pool.acquire(1s);
  pool.pass(1s);
  caller& alive = pool.acquire();
  pool.dialed();
  BOOST_TEST(alive.got);
  pool.dialed();
  BOOST_TEST(pool.stats().dials == 2);
}

BOOST_AUTO_TEST_CASE(
    scar_42_43_a_burst_on_a_cold_pool_dials_no_faster_than_the_cap_nor_more_than_needed) {
  ledger_fixture pool({.max_connections = 64, .max_dials = 8});
  for (int i = 0; i < 1000; ++i)
    pool.acquire();
  std::size_t most = 0;
  while (!pool.dials.empty()) {
    most = std::max(most, pool.dials.size());
    pool.dialed();
  }
  BOOST_TEST(most == 8);
  BOOST_TEST(pool.stats().dials == 64);
}

BOOST_AUTO_TEST_CASE(scar_44_45_a_dead_peer_gets_no_more_dials_than_the_back_off_allows) {
  for (const duration dial_takes : {duration(0), duration(10s)}) {
    ledger_fixture pool({.min_idle = 2});
    const time_point end = pool.now + 10min;
    while (pool.now < end) {
      pool.acquire(100ms);
      pool.pass(std::max<duration>(dial_takes, 10ms));
      while (!pool.dials.empty())
        pool.dial_fails();
    }
    // Less than 8 until the longest pause, 4 from before the first failure, one in 8 s after that.
    BOOST_TEST(pool.stats().dials <= 8 + 4 + 600 / 8);
    BOOST_TEST(pool.stats().dials >= 600 / 12);
    BOOST_TEST(pool.stats().total() == 0);
  }
}

BOOST_AUTO_TEST_CASE(scar_46_an_acquire_ends_in_its_time_whatever_dials_do) {
  ledger_fixture pool({.max_connections = 2});
  caller& first = pool.acquire(1s);
  caller& second = pool.acquire(1s);
  caller& third = pool.acquire(1s);
  pool.later(500ms);
  pool.dial_fails();
  BOOST_TEST(first.failed_with(refused_by_peer));
  pool.pass(500ms - 1ns);
  BOOST_TEST(second.waits());
  pool.pass(1ns);
  BOOST_TEST(second.failed_with(error::acquire_timeout));
  BOOST_TEST(third.failed_with(error::acquire_timeout));
}

BOOST_AUTO_TEST_CASE(scar_47_load_that_comes_and_goes_closes_nothing_before_its_time) {
  ledger_fixture pool({.max_connections = 8, .idle_timeout = 30s});
  for (int wave = 0; wave < 20; ++wave) {
    for (connection* c : pool.leases(wave % 2 ? 8 : 2))
      pool.give_back(*c);
    pool.pass(10s);
  }
  BOOST_TEST(pool.stats().closed() == 0);
  BOOST_TEST(pool.stats().dials == 8);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace httpool::test
