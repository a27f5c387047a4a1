// What the peer has said of a connection: for how long it keeps it without use, and for how many
// leases.

#include "unit/ledger_fixture.hpp"

#include <limits>
#include <utility>

namespace httpool::test {
namespace {

constexpr auto any_number = std::numeric_limits<std::uint64_t>::max();

/// An idle connection that its peer keeps for `length`.
connection& idle_for(ledger_fixture& pool, duration length) {
  connection& c = pool.lease();
  ledger::limit_idle(c, length);
  pool.give_back(c);
  return c;
}

} // namespace

BOOST_AUTO_TEST_SUITE(idle_limits)

BOOST_AUTO_TEST_CASE(scar_80_a_connection_closes_when_its_peer_would_and_not_a_nanosecond_before) {
  ledger_fixture pool({.min_idle = 1, .idle_timeout = 30s});
  pool.dialed(); // and leased next
  connection& c = idle_for(pool, 4s);
  pool.pass(4s - 1ns);
  BOOST_TEST(c.where == state::idle);
  BOOST_TEST((pool.next_wake() == 1ns));
  pool.pass(1ns);
  BOOST_TEST(c.where == state::closing, "min_idle keeps none whose peer is about to close it");
  BOOST_TEST(c.reason == close_reason::idle_timeout);
  BOOST_TEST(pool.dials.size() == 1, "but another takes its place");
}

BOOST_AUTO_TEST_CASE(scar_80_a_connection_past_its_limit_is_not_granted_before_the_tick_either) {
  for (const auto& [idle, granted] :
       {std::pair{4s - 1ns, true}, {4s + 0ns, false}, {4s + 1ns, false}}) {
    for (const bool by_try : {true, false}) {
      ledger_fixture pool;
      connection& c = idle_for(pool, 4s);
      pool.later(idle);
      const bool got = by_try ? pool.try_acquire() != nullptr : pool.acquire().got != nullptr;
      BOOST_TEST(got == granted);
      BOOST_TEST(c.where == (granted ? state::leased : state::closing));
      BOOST_TEST(pool.stats().closed(close_reason::idle_timeout) == !granted);
    }
  }
}

BOOST_AUTO_TEST_CASE(a_connection_without_a_limit_is_granted_where_a_newer_one_is_past_its_own) {
  ledger_fixture pool;
  const auto both = pool.leases(2);
  pool.give_back(*both[0]);
  pool.later(1s);
  ledger::limit_idle(*both[1], 1s);
  pool.give_back(*both[1]);
  pool.later(1s);
  BOOST_TEST(pool.acquire().got == both[0]);
  BOOST_TEST(both[1]->where == state::closing);
}

BOOST_AUTO_TEST_CASE(an_idle_limit_stays_until_a_later_lease_replaces_it) {
  ledger_fixture pool({.idle_timeout = 30s});
  connection& c = idle_for(pool, 4s);
  pool.pass(3s);
  BOOST_REQUIRE(pool.acquire().got == &c);
  pool.give_back(c);
  pool.pass(3s);
  BOOST_REQUIRE(pool.acquire().got == &c);
  ledger::limit_idle(c, for_ever);
  pool.give_back(c);
  pool.pass(30s - 1ns);
  BOOST_REQUIRE(pool.acquire().got == &c);
  ledger::limit_idle(c, 1min);
  pool.give_back(c);
  pool.pass(30s);
  BOOST_TEST(c.where == state::closing, "idle_timeout holds all the same");
}

BOOST_AUTO_TEST_CASE(an_idle_limit_of_zero_or_less_lets_the_connection_serve_nobody) {
  for (const duration length : {0ns, duration(-1ns), duration::min()}) {
    ledger_fixture pool({.max_connections = 1});
    connection& c = pool.lease();
    caller& w = pool.acquire();
    ledger::limit_idle(c, length);
    pool.give_back(c);
    BOOST_TEST(w.waits());
    BOOST_TEST(c.where == state::closing);
    BOOST_TEST(c.reason == close_reason::idle_timeout);
  }
}

BOOST_AUTO_TEST_CASE(a_lease_that_reached_nobody_or_a_probe_makes_no_limit_younger) {
  pool_options options;
  options.probe.ask = [](httpool::lease&) -> boost::asio::awaitable<bool> { co_return true; };
  options.probe.interval = 2s;
  ledger_fixture pool(options);
  connection& c = idle_for(pool, 4s);
  pool.pass(2s);
  BOOST_REQUIRE(pool.probes == std::vector{&c});
  pool.pass(1s);
  pool.probed(c, true);
  BOOST_REQUIRE(pool.acquire().got == &c);
  pool.later(1s);
  pool.undelivered(c);
  BOOST_TEST(c.where == state::closing);
  BOOST_TEST(c.reason == close_reason::idle_timeout);
}

BOOST_AUTO_TEST_CASE(a_new_connection_knows_no_limits_of_the_one_whose_place_it_takes) {
  ledger_fixture pool;
  connection& c = pool.lease();
  ledger::limit_idle(c, 1s);
  pool.mind.limit_uses(c, 0);
  caller& w = pool.redial(c);
  pool.dialed(c);
  BOOST_REQUIRE(w.got == &c);
  pool.give_back(c);
  pool.later(2s);
  BOOST_TEST(pool.acquire().got == &c);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(use_limits)

BOOST_AUTO_TEST_CASE(a_connection_serves_as_many_leases_more_as_its_peer_has_said) {
  for (const std::uint64_t more : {0u, 1u, 3u}) {
    ledger_fixture pool;
    connection& c = pool.lease();
    pool.mind.limit_uses(c, more);
    pool.give_back(c);
    for (std::uint64_t i = 0; i < more; ++i) {
      BOOST_REQUIRE(pool.acquire().got == &c);
      pool.give_back(c);
    }
    BOOST_TEST(c.where == state::closing);
    BOOST_TEST(c.reason == close_reason::max_uses);
  }
}

BOOST_AUTO_TEST_CASE(a_waiter_does_not_get_what_has_served_its_last_lease) {
  ledger_fixture pool({.max_connections = 1});
  connection& c = pool.lease();
  caller& w = pool.acquire();
  pool.mind.limit_uses(c, 0);
  pool.give_back(c);
  BOOST_TEST(w.waits());
  pool.closed();
  pool.dialed();
  BOOST_TEST(w.got);
}

BOOST_AUTO_TEST_CASE(a_later_limit_of_uses_replaces_the_one_before_within_max_uses) {
  ledger_fixture pool({.max_uses = 5});
  connection& c = pool.lease();
  pool.mind.limit_uses(c, 1);
  pool.mind.limit_uses(c, any_number);
  for (int i = 1; i < 5; ++i) {
    pool.give_back(c);
    BOOST_REQUIRE(pool.acquire().got == &c);
    pool.mind.limit_uses(c, any_number - 1);
  }
  pool.give_back(c);
  BOOST_TEST(c.where == state::closing);
}

BOOST_AUTO_TEST_CASE(a_lease_that_reached_nobody_is_none_of_those_that_the_peer_allows) {
  ledger_fixture pool;
  connection& c = pool.lease();
  pool.mind.limit_uses(c, 1);
  pool.give_back(c);
  for (int i = 0; i < 3; ++i) {
    BOOST_REQUIRE(pool.acquire().got == &c);
    pool.undelivered(c);
  }
  BOOST_TEST(c.where == state::idle);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace httpool::test
