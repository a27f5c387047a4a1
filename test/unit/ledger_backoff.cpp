// What a failed or late dial costs, and how long the next ones wait.

#include "unit/ledger_fixture.hpp"

namespace httpool::test {
namespace {

/// Lets dials fail as soon as they begin, and says how long each began after the one before.
std::vector<duration> pauses_between_dials(ledger_fixture& pool, std::size_t count) {
  std::vector<duration> result;
  while (result.size() < count) {
    const time_point began = pool.now;
    pool.dial_fails();
    while (pool.dials.empty())
      pool.pass(pool.next_wake());
    result.push_back(pool.now - began);
  }
  return result;
}

bool within_20_percent(duration pause, duration expected) {
  return pause >= expected / 100 * 80 && pause <= expected / 100 * 120;
}

} // namespace

BOOST_AUTO_TEST_SUITE(dials_that_fail)

BOOST_AUTO_TEST_CASE(a_failed_dial_fails_the_oldest_waiter_with_its_cause) {
  ledger_fixture pool({.max_connections = 1});
  caller& first = pool.acquire();
  caller& second = pool.acquire();
  pool.dial_fails();
  BOOST_TEST(first.failed_with(refused_by_peer));
  BOOST_TEST(second.waits());
  BOOST_TEST(pool.stats().failed == 1);
  BOOST_TEST(pool.stats().dials_failed == 1);
  BOOST_TEST(pool.stats().last_dial_error == refused_by_peer);
  pool.pass(120ms);
  pool.dialed();
  BOOST_TEST(second.got);
  BOOST_TEST(!pool.stats().last_dial_error);
}

BOOST_AUTO_TEST_CASE(a_retry_s_dial_in_flight_does_not_count_for_those_who_queue) {
  ledger_fixture pool({.max_connections = 2});
  connection& dead = pool.lease();
  caller& w = pool.acquire();
  connection& shared = *pool.dials.front();
  caller& retry = pool.redial(dead);
  pool.dial_fails(shared);
  BOOST_TEST(w.failed_with(refused_by_peer));
  BOOST_TEST(retry.waits());
}

BOOST_AUTO_TEST_CASE(a_dial_that_fails_for_nobody_fails_nobody) {
  ledger_fixture pool({.max_connections = 2});
  connection& c = pool.lease();
  caller& w = pool.acquire();
  pool.give_back(c);
  BOOST_REQUIRE(w.got == &c);
  pool.dial_fails();
  BOOST_TEST(pool.stats().failed == 0);
  BOOST_TEST(pool.dials.empty());
  BOOST_TEST((pool.next_wake() == for_ever));
}

BOOST_AUTO_TEST_CASE(pauses_double_from_the_first_to_the_longest_and_vary_by_a_fifth) {
  duration shortest = for_ever;
  duration longest = {};
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    ledger_fixture pool({.min_idle = 1}, seed);
    const auto pauses = pauses_between_dials(pool, 10);
    duration expected = 100ms;
    for (const duration pause : pauses) {
      BOOST_TEST(within_20_percent(pause, expected));
      expected = std::min<duration>(expected * 2, 10s);
    }
    shortest = std::min(shortest, pauses.back());
    longest = std::max(longest, pauses.back());
  }
  BOOST_TEST((shortest < 8400ms), "the spread is used, downwards");
  BOOST_TEST((longest > 11600ms), "the spread is used, upwards");
}

BOOST_AUTO_TEST_CASE(a_dial_starts_when_its_pause_ends_and_not_a_nanosecond_before) {
  ledger_fixture pool;
  pool.acquire();
  pool.acquire();
  pool.dial_fails();
  pool.dial_fails();
  pool.acquire();
  BOOST_TEST(pool.dials.empty());
  const duration pause = pool.next_wake();
  BOOST_TEST(within_20_percent(pause, 100ms));
  pool.later(pause - 1ns);
  pool.tick();
  BOOST_TEST(pool.dials.empty());
  pool.later(1ns);
  pool.tick();
  BOOST_TEST(pool.dials.size() == 1);
}

BOOST_AUTO_TEST_CASE(while_dials_fail_one_starts_a_pause_however_long_each_takes) {
  ledger_fixture pool({.max_connections = 8, .acquire_timeout = 1h});
  for (int i = 0; i < 8; ++i)
    pool.acquire(1h);
  pool.later(10s);
  while (!pool.dials.empty())
    pool.dial_fails();
  for (int i = 0; i < 8; ++i)
    pool.acquire(1h);
  pool.pass(80ms);
  pool.pass(40ms);
  BOOST_TEST(pool.dials.size() == 1);
  pool.pass(79ms);
  BOOST_TEST(pool.dials.size() == 1, "the second waits for another pause");
  pool.pass(41ms);
  BOOST_TEST(pool.dials.size() == 2);
}

BOOST_AUTO_TEST_CASE(dials_that_were_in_flight_together_count_as_one_failure) {
  for (const duration apart : {0ns, 1ns}) {
    ledger_fixture pool;
    for (int i = 0; i < 8; ++i)
      pool.acquire();
    BOOST_REQUIRE(pool.dials.size() == 8);
    while (!pool.dials.empty()) {
      pool.later(apart);
      pool.dial_fails();
    }
    pool.acquire();
    BOOST_TEST(within_20_percent(pool.next_wake(), 100ms));
  }
}

BOOST_AUTO_TEST_CASE(a_success_ends_the_back_off_at_once) {
  ledger_fixture pool({.max_connections = 2, .min_idle = 1});
  pauses_between_dials(pool, 6);
  pool.acquire();
  pool.acquire();
  BOOST_TEST(pool.dials.size() == 1);
  pool.dialed();
  BOOST_TEST(pool.dials.size() == 1, "no pause after a success");
}

BOOST_AUTO_TEST_CASE(after_a_success_the_back_off_begins_anew) {
  ledger_fixture pool({.min_idle = 1});
  pauses_between_dials(pool, 10);
  connection& c = pool.dialed();
  pool.spoke(c);
  pool.dial_fails();
  BOOST_TEST(within_20_percent(pool.next_wake(), 100ms));
}

BOOST_AUTO_TEST_CASE(without_back_off_a_dial_follows_a_failure_at_once) {
  ledger_fixture pool({.max_connections = 1, .dial_backoff = 0ns, .max_dial_backoff = 0ns});
  for (int i = 0; i < 5; ++i)
    pool.acquire();
  for (std::size_t i = 1; i <= 5; ++i) {
    pool.dial_fails();
    BOOST_TEST(pool.stats().failed == i);
    BOOST_TEST(pool.dials.size() == (i < 5 ? 1 : 0));
  }
}

BOOST_AUTO_TEST_CASE(a_back_off_of_a_nanosecond_does_not_stop_the_clock) {
  ledger_fixture pool({.min_idle = 1, .dial_backoff = 1ns, .max_dial_backoff = 4ns});
  const std::vector<duration> expected{1ns, 2ns, 4ns, 4ns};
  BOOST_TEST((pauses_between_dials(pool, 4) == expected));
}

BOOST_AUTO_TEST_CASE(an_endless_back_off_never_dials_again) {
  ledger_fixture pool({.dial_backoff = for_ever, .max_dial_backoff = for_ever});
  pool.acquire();
  pool.dial_fails();
  caller& w = pool.acquire(1s);
  BOOST_TEST((pool.next_wake() == 1s));
  pool.pass(1s);
  BOOST_TEST(w.failed_with(error::acquire_timeout));
  BOOST_TEST(pool.stats().dials == 1);
}

BOOST_AUTO_TEST_CASE(a_pause_that_doubles_does_not_wrap_round) {
  ledger_fixture pool(
      {.min_idle = 1, .dial_backoff = for_ever / 10 * 6, .max_dial_backoff = for_ever / 10 * 8});
  pool.now = time_point::min() + 1h;
  pool.dial_fails();
  pool.pass(for_ever / 10 * 8);
  BOOST_TEST_REQUIRE(pool.dials.size() == 1);
  pool.dial_fails();
  BOOST_TEST(within_20_percent(pool.next_wake(), for_ever / 10 * 8));
}

BOOST_AUTO_TEST_CASE(a_dial_is_ended_once_at_its_timeout_and_not_a_nanosecond_before) {
  ledger_fixture pool({.dial_timeout = 10s});
  pool.acquire(for_ever);
  BOOST_TEST((pool.next_wake() == 10s));
  pool.later(10s - 1ns);
  pool.tick();
  BOOST_TEST(pool.aborting.empty());
  pool.later(1ns);
  pool.tick();
  BOOST_TEST(pool.aborting == pool.dials);
  BOOST_TEST((pool.next_wake() == for_ever));
  pool.tick();
  BOOST_TEST(pool.aborting.empty());
}

BOOST_AUTO_TEST_CASE(the_timeout_of_a_retry_counts_from_the_start_of_its_dial) {
  ledger_fixture pool({.dial_timeout = 10s, .dial_backoff = 1s});
  connection& c = pool.lease();
  pool.acquire();
  pool.dial_fails();
  pool.redial(c, for_ever);
  const duration pause = pool.next_wake();
  pool.pass(pause);
  BOOST_REQUIRE(pool.dials.size() == 1);
  BOOST_TEST((pool.next_wake() == 10s));
}

BOOST_AUTO_TEST_CASE(an_endless_dial_timeout_ends_no_dial) {
  ledger_fixture pool({.dial_timeout = for_ever});
  pool.acquire(for_ever);
  BOOST_TEST((pool.next_wake() == for_ever));
}

BOOST_AUTO_TEST_CASE(an_unneeded_dial_is_not_started_when_its_pause_ends) {
  ledger_fixture pool;
  pool.acquire();
  pool.dial_fails();
  caller& w = pool.acquire();
  pool.cancel(w);
  BOOST_TEST((pool.next_wake() == for_ever));
  pool.pass(1min);
  BOOST_TEST(pool.stats().dials == 1);
}

BOOST_AUTO_TEST_CASE(a_dial_whose_pause_has_ended_is_asked_for_at_once) {
  ledger_fixture pool;
  connection& c = pool.lease();
  pool.acquire();
  pool.acquire();
  pool.dial_fails();
  pool.dial_fails();
  pool.acquire(for_ever);
  pool.later(1s);
  pool.mind.set_lease_deadline(c, pool.now + 2s);
  BOOST_TEST((pool.next_wake() == 0s));
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(retries_that_await_their_turn)

BOOST_AUTO_TEST_CASE(a_retry_waits_for_a_dial_to_end_when_max_dials_are_in_flight) {
  ledger_fixture pool({.max_connections = 3, .max_dials = 1});
  connection& first = pool.lease();
  connection& second = pool.lease();
  pool.acquire();
  connection& busy = *pool.dials.front();
  pool.redial(first);
  pool.redial(second);
  BOOST_TEST(pool.dials.size() == 1);
  pool.dialed(busy);
  BOOST_TEST(pool.dials == std::vector{&first}, "in the order in which they came");
  pool.dialed(first);
  BOOST_TEST(pool.dials == std::vector{&second});
}

BOOST_AUTO_TEST_CASE(a_retry_waits_for_the_pause_after_a_failure) {
  ledger_fixture pool;
  connection& c = pool.lease();
  pool.acquire();
  pool.dial_fails();
  caller& retry = pool.redial(c);
  BOOST_TEST(pool.dials.empty());
  BOOST_TEST(within_20_percent(pool.next_wake(), 100ms));
  pool.pass(pool.next_wake());
  BOOST_TEST(pool.dials == std::vector{&c});
  pool.dialed(c);
  BOOST_TEST(retry.got == &c);
}

BOOST_AUTO_TEST_CASE(a_retry_whose_pause_has_ended_goes_before_a_caller_who_comes_before_the_tick) {
  for (const bool with_acquire : {true, false}) {
    ledger_fixture pool;
    connection& c = pool.lease();
    pool.acquire();
    pool.dial_fails();
    pool.redial(c);
    pool.later(121ms);
    if (with_acquire)
      pool.acquire();
    else
      pool.try_acquire();
    BOOST_TEST(pool.dials == std::vector{&c});
  }
}

BOOST_AUTO_TEST_CASE(a_pause_that_ends_before_any_other_event_starts_the_retry) {
  for (int event = 0; event < 4; ++event) {
    ledger_fixture pool;
    connection& c = pool.lease();
    caller& done = pool.acquire();
    pool.dial_fails();
    connection stranger;
    pool.redial(c);
    pool.later(121ms);
    if (event == 0)
      pool.cancel(done);
    if (event == 1)
      pool.spoke(stranger);
    if (event == 2)
      pool.cut_off_all();
    if (event == 3)
      pool.prewarm(0);
    BOOST_TEST(pool.dials == std::vector{&c});
  }
}

BOOST_AUTO_TEST_CASE(a_dial_for_which_there_was_no_memory_is_not_tried_again_at_once) {
  const error_code no_memory = boost::asio::error::no_memory;
  ledger mind({.max_connections = 2, .min_idle = 1, .dial_backoff = 0s, .max_dial_backoff = 0s},
              time_point(1h), 1);
  const time_point now(1h);
  const time_point then = now + 10ms;
  BOOST_TEST(mind.wants_dial(now));
  mind.dial_not_made(now, no_memory, then);
  BOOST_TEST(!mind.wants_dial(now));
  mind.check_invariants(now);
  BOOST_TEST((mind.next_wake(now) == then));
  BOOST_TEST(mind.wants_dial(then));
}

BOOST_AUTO_TEST_CASE(a_dial_that_ends_for_want_of_memory_is_not_tried_again_at_once) {
  const error_code no_memory = boost::asio::error::no_memory;
  ledger mind({.max_connections = 2, .min_idle = 1, .dial_backoff = 0s, .max_dial_backoff = 0s},
              time_point(1h), 1);
  const time_point now(1h);
  const time_point then = now + 10ms;
  for (const bool may_follow : {true, false}) {
    connection c;
    BOOST_TEST(mind.wants_dial(now));
    mind.dial(now, c);
    mind.dial_failed(now, c, no_memory, may_follow ? now : then);
    BOOST_TEST(mind.wants_dial(now) == may_follow);
  }
  mind.check_invariants(now);
  BOOST_TEST((mind.next_wake(now) == then));
  BOOST_TEST(mind.wants_dial(then));
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_CASE(a_pool_is_empty_once_its_back_off_would_not_matter_any_more) {
  ledger_fixture pool({.dial_backoff = 100ms, .max_dial_backoff = 10s});
  BOOST_TEST(pool.mind.is_empty(pool.now));
  pool.acquire();
  BOOST_TEST(!pool.mind.is_empty(pool.now));
  pool.dial_fails();
  const time_point end = pool.mind.empty_at(pool.now);
  BOOST_TEST((end >= pool.now + 10080ms && end <= pool.now + 10120ms));
  BOOST_TEST((pool.next_wake() == for_ever), "without an owner nobody wakes for that");
  pool.now = end - 1ns;
  BOOST_TEST(!pool.mind.is_empty(pool.now));
  for (const duration more : {0ns, 1ns}) {
    pool.now = end + more;
    BOOST_TEST(pool.mind.is_empty(pool.now));
    BOOST_TEST((pool.mind.empty_at(pool.now) == time_point::max()));
  }
  connection& c = pool.lease();
  BOOST_TEST(!pool.mind.is_empty(pool.now));
  pool.drop(c);
  BOOST_TEST(!pool.mind.is_empty(pool.now));
  pool.closed();
  BOOST_TEST(pool.mind.is_empty(pool.now));
  pool.close();
  BOOST_TEST(!pool.mind.is_empty(pool.now));
}

BOOST_AUTO_TEST_CASE(a_pool_that_lacks_a_spare_connection_is_not_empty) {
  ledger_fixture pool({.max_connections = 2});
  pool.no_permits = true;
  pool.set_limits({.max_connections = 2, .min_idle = 1});
  BOOST_TEST(!pool.mind.is_empty(pool.now));
  pool.set_limits({.max_connections = 2});
  BOOST_TEST(pool.mind.is_empty(pool.now));
}

} // namespace httpool::test
