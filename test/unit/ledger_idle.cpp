// What becomes of idle connections: their age, their uses and their watches.

#include "unit/ledger_fixture.hpp"

#include <utility>

namespace httpool::test {

BOOST_AUTO_TEST_SUITE(idle_time)

BOOST_AUTO_TEST_CASE(an_idle_connection_closes_at_its_timeout_and_not_a_nanosecond_before) {
  ledger_fixture pool({.idle_timeout = 30s});
  connection& c = *pool.idles(1).front();
  pool.pass(30s - 1ns);
  BOOST_TEST(c.where == state::idle);
  BOOST_TEST((pool.next_wake() == 1ns));
  pool.pass(1ns);
  BOOST_TEST(c.where == state::closing);
  BOOST_TEST(c.reason == close_reason::idle_timeout);
  BOOST_TEST((pool.next_wake() == for_ever));
}

BOOST_AUTO_TEST_CASE(a_connection_past_its_idle_timeout_is_not_granted_before_the_tick_either) {
  for (const auto& [idle_for, granted] :
       {std::pair{30s - 1ns, true}, {30s + 0ns, false}, {30s + 1ns, false}}) {
    ledger_fixture pool({.idle_timeout = 30s});
    pool.idles(2);
    pool.later(idle_for);
    BOOST_TEST((pool.acquire().got != nullptr) == granted);
    BOOST_TEST((pool.try_acquire() != nullptr) == granted);
    BOOST_TEST(pool.stats().closed(close_reason::idle_timeout) == (granted ? 0 : 2));
  }
}

BOOST_AUTO_TEST_CASE(a_use_starts_the_idle_time_anew) {
  ledger_fixture pool({.idle_timeout = 30s});
  connection& c = *pool.idles(1).front();
  pool.pass(20s);
  BOOST_REQUIRE(pool.acquire().got == &c);
  pool.pass(20s);
  pool.give_back(c);
  pool.pass(30s - 1ns);
  BOOST_TEST(c.where == state::idle);
  pool.pass(1ns);
  BOOST_TEST(c.where == state::closing);
}

BOOST_AUTO_TEST_CASE(min_idle_connections_stay_and_the_oldest_of_the_others_go) {
  ledger_fixture pool({.min_idle = 1, .idle_timeout = 30s});
  const auto c = pool.leases(3);
  pool.dialed();
  for (connection* each : c) {
    pool.pass(1s);
    pool.give_back(*each);
  }
  pool.pass(1min);
  pool.closed();
  BOOST_TEST(pool.stats().idle == 1);
  BOOST_TEST(c[2]->where == state::idle);
  BOOST_TEST(pool.try_acquire() == c[2], "however long it has been idle");
}

BOOST_AUTO_TEST_CASE(an_endless_idle_timeout_closes_nothing_and_wakes_nobody) {
  ledger_fixture pool({.idle_timeout = for_ever, .max_lifetime = for_ever});
  connection& c = *pool.idles(1).front();
  pool.pass(24h * 365 * 100);
  BOOST_TEST((pool.next_wake() == for_ever));
  BOOST_TEST(pool.acquire().got == &c);
}

BOOST_AUTO_TEST_CASE(an_idle_timeout_of_a_nanosecond_still_lets_the_same_moment_reuse) {
  ledger_fixture pool({.idle_timeout = 1ns});
  connection& c = *pool.idles(1).front();
  BOOST_REQUIRE(pool.acquire().got == &c);
  pool.give_back(c);
  pool.later(1ns);
  BOOST_TEST(pool.acquire().got == nullptr);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(lifetime_and_uses)

BOOST_AUTO_TEST_CASE(lifetimes_are_spread_by_a_tenth_either_way) {
  ledger_fixture pool({.max_connections = 300, .max_lifetime = 10min});
  duration shortest = for_ever;
  duration longest = {};
  for (const connection* c : pool.leases(300)) {
    shortest = std::min(shortest, c->expires_at - pool.now);
    longest = std::max(longest, c->expires_at - pool.now);
  }
  BOOST_TEST((shortest >= 9min && shortest < 9min + 5s));
  BOOST_TEST((longest <= 11min && longest > 11min - 5s));
}

BOOST_AUTO_TEST_CASE(lifetimes_differ_between_seeds_and_not_between_runs) {
  const auto lifetime = [](std::uint64_t seed) {
    ledger_fixture pool({}, seed);
    return pool.lease().expires_at;
  };
  BOOST_TEST((lifetime(1) == lifetime(1)));
  BOOST_TEST((lifetime(1) != lifetime(2)));
}

BOOST_AUTO_TEST_CASE(an_idle_connection_closes_when_it_reaches_its_lifetime) {
  ledger_fixture pool({.idle_timeout = for_ever, .max_lifetime = 1s});
  connection& c = *pool.idles(1).front();
  pool.pass(c.expires_at - pool.now - 1ns);
  BOOST_TEST(c.where == state::idle);
  BOOST_TEST((pool.next_wake() == 1ns));
  pool.pass(1ns);
  BOOST_TEST(c.where == state::closing);
  BOOST_TEST(c.reason == close_reason::max_lifetime);
}

BOOST_AUTO_TEST_CASE(a_connection_past_its_lifetime_is_not_granted_before_the_tick_either) {
  for (const auto& [distance, granted] : {std::pair{-1ns, true}, {0ns, false}, {1ns, false}}) {
    for (const bool by_try : {true, false}) {
      ledger_fixture pool({.idle_timeout = for_ever, .max_lifetime = 1s});
      connection& c = *pool.idles(1).front();
      pool.now = c.expires_at + distance;
      const bool got = by_try ? pool.try_acquire() != nullptr : pool.acquire().got != nullptr;
      BOOST_TEST(got == granted);
      BOOST_TEST(c.where == (granted ? state::leased : state::closing));
    }
  }
}

BOOST_AUTO_TEST_CASE(a_younger_connection_is_granted_where_an_older_one_has_expired) {
  ledger_fixture pool({.idle_timeout = for_ever, .max_lifetime = 1s});
  connection& older = pool.lease();
  pool.later(500ms);
  connection& younger = pool.lease();
  pool.give_back(younger);
  pool.give_back(older);
  pool.now = older.expires_at;
  BOOST_TEST(pool.acquire().got == &younger);
  BOOST_TEST(older.where == state::closing);
}

BOOST_AUTO_TEST_CASE(a_connection_that_dies_of_age_is_replaced_where_min_idle_asks_for_it) {
  ledger_fixture pool({.max_connections = 2, .min_idle = 1, .max_lifetime = 1s});
  connection& c = pool.dialed();
  pool.pass(1100ms);
  BOOST_TEST(c.where == state::closing);
  BOOST_TEST(pool.dials.size() == 1);
}

BOOST_AUTO_TEST_CASE(an_endless_lifetime_has_no_end_however_it_is_spread) {
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    ledger_fixture pool({.max_lifetime = for_ever}, seed);
    BOOST_TEST((pool.lease().expires_at == time_point::max()));
  }
}

BOOST_AUTO_TEST_CASE(a_lifetime_of_a_nanosecond_serves_the_moment_of_its_dial) {
  ledger_fixture pool({.max_lifetime = 1ns});
  connection& c = pool.lease();
  pool.give_back(c);
  BOOST_REQUIRE(pool.acquire().got == &c);
  pool.later(1ns);
  pool.give_back(c);
  BOOST_TEST(c.reason == close_reason::max_lifetime);
}

BOOST_AUTO_TEST_CASE(a_lifetime_near_the_end_of_time_does_not_wrap_round) {
  for (const duration lifetime : {for_ever, for_ever - 1ns, for_ever / 2}) {
    ledger_fixture pool({.idle_timeout = for_ever, .max_lifetime = lifetime});
    connection& c = *pool.idles(1).front();
    BOOST_TEST((c.expires_at > pool.now + 24h * 365 * 100));
  }
}

BOOST_AUTO_TEST_CASE(max_uses_counts_leases_and_closes_on_the_return_of_the_last) {
  ledger_fixture pool({.max_uses = 2});
  connection& c = *pool.idles(1).front();
  BOOST_REQUIRE(pool.acquire().got == &c);
  pool.undelivered(c);
  BOOST_TEST(c.where == state::idle, "a lease that reached nobody is no use");
  BOOST_REQUIRE(pool.acquire().got == &c);
  pool.give_back(c);
  BOOST_TEST(c.where == state::closing);
  BOOST_TEST(c.reason == close_reason::max_uses);
}

BOOST_AUTO_TEST_CASE(max_uses_of_one_makes_each_connection_serve_once_even_with_waiters) {
  ledger_fixture pool({.max_connections = 1, .max_uses = 1});
  connection& c = pool.lease();
  caller& w = pool.acquire();
  pool.give_back(c);
  BOOST_TEST(w.waits());
  pool.closed();
  pool.dialed();
  BOOST_TEST(w.got);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(watches)

BOOST_AUTO_TEST_CASE(a_connection_that_stays_idle_is_watched_after_half_a_second) {
  ledger_fixture pool;
  connection& c = *pool.idles(1).front();
  pool.pass(500ms - 1ns);
  BOOST_TEST(!c.watched);
  BOOST_TEST((pool.next_wake() == 1ns));
  pool.later(1ns);
  pool.tick();
  BOOST_TEST(pool.watched == std::vector{&c});
  pool.later(1s);
  pool.tick();
  BOOST_TEST(pool.watched.empty(), "once is enough");
}

BOOST_AUTO_TEST_CASE(a_hot_connection_is_not_watched_and_wakes_once_in_half_a_second_at_most) {
  ledger_fixture pool;
  connection& c = *pool.idles(1).front();
  int wakes = 0;
  for (int i = 0; i < 10'000; ++i) {
    BOOST_REQUIRE(pool.acquire().got == &c);
    pool.later(1ms);
    pool.give_back(c);
    if (pool.next_wake() <= 0s) {
      ++wakes;
      pool.tick();
    }
    BOOST_TEST(pool.watched.empty());
  }
  BOOST_TEST(wakes <= 10'000 / 500 + 1);
}

BOOST_AUTO_TEST_CASE(what_is_watched_is_not_watched_once_more_when_another_is) {
  ledger_fixture pool;
  const auto both = pool.leases(2);
  pool.give_back(*both[0]);
  pool.later(100ms);
  pool.give_back(*both[1]);
  pool.later(400ms);
  pool.tick();
  BOOST_TEST(pool.watched == std::vector{both[0]});
  pool.later(100ms);
  pool.tick();
  BOOST_TEST(pool.watched == std::vector{both[1]});
}

BOOST_AUTO_TEST_CASE(a_lease_ends_the_watch_and_a_later_idle_time_starts_another) {
  ledger_fixture pool;
  connection& c = *pool.idles(1).front();
  pool.pass(500ms);
  BOOST_REQUIRE(pool.acquire().got == &c);
  BOOST_TEST(!c.watched);
  pool.give_back(c);
  pool.later(500ms);
  pool.tick();
  BOOST_TEST(pool.watched == std::vector{&c});
}

BOOST_AUTO_TEST_CASE(a_connection_that_stirs_while_idle_closes_for_the_reason_seen) {
  for (const close_reason reason : {close_reason::peer_closed, close_reason::peer_spoke}) {
    ledger_fixture pool;
    connection& c = *pool.idles(1).front();
    pool.pass(1s);
    pool.spoke(c, reason);
    BOOST_TEST(c.where == state::closing);
    BOOST_TEST(c.reason == reason);
    BOOST_TEST(pool.acquire().waits());
  }
}

BOOST_AUTO_TEST_CASE(an_idle_connection_is_found_by_its_id_and_no_other_is) {
  ledger_fixture pool;
  const auto idle = pool.idles(3);
  BOOST_TEST(pool.mind.find_idle(idle[1]->id) == idle[1]);
  BOOST_REQUIRE(pool.acquire().got == idle[2]);
  BOOST_TEST(!pool.mind.find_idle(idle[2]->id));
  BOOST_TEST(!pool.mind.find_idle(99));
}

BOOST_FIXTURE_TEST_CASE(a_watch_that_could_not_be_armed_is_wanted_at_the_time_that_was_named,
                        ledger_fixture) {
  connection& c = *idles(1).front();
  pass(500ms);
  BOOST_TEST_REQUIRE(c.watched);
  mind.watch_again(c, now + 100ms);
  mind.check_invariants(now);
  pass(100ms - 1ns);
  BOOST_TEST(!c.watched);
  pass(1ns);
  BOOST_TEST(c.watched);
}

BOOST_AUTO_TEST_CASE(a_watch_that_stirs_too_late_harms_nobody) {
  ledger_fixture pool;
  connection& c = *pool.idles(1).front();
  pool.pass(1s);
  BOOST_REQUIRE(pool.acquire().got == &c);
  pool.spoke(c);
  BOOST_TEST(c.where == state::leased);
  pool.drop(c);
  pool.spoke(c);
  BOOST_TEST(pool.stats().closed() == 1);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace httpool::test
