// When idle connections are probed, and what the answers do.

#include "unit/ledger_fixture.hpp"

namespace httpool::test {
namespace {

pool_options with_probe(duration interval = 1s) {
  pool_options options{.idle_timeout = 1min};
  options.probe.ask = [](lease&) -> boost::asio::awaitable<bool> { co_return true; };
  options.probe.interval = interval;
  return options;
}

} // namespace

BOOST_AUTO_TEST_SUITE(probing)

BOOST_AUTO_TEST_CASE(an_idle_connection_is_probed_once_an_interval_and_counts_as_leased) {
  ledger_fixture pool(with_probe(1s));
  connection& c = *pool.idles(1).front();
  pool.pass(1s - 1ns);
  BOOST_TEST(pool.probes.empty());
  pool.pass(1ns);
  BOOST_TEST(pool.probes == std::vector{&c});
  BOOST_TEST(c.where == state::leased);
  BOOST_TEST(pool.stats().leased == 1);
  pool.later(100ms);
  pool.probed(c, true);
  BOOST_TEST(c.where == state::idle);
  BOOST_TEST(c.uses == 1, "a probe is no use");
  pool.pass(1s - 1ns);
  BOOST_TEST(pool.probes.empty());
  pool.pass(1ns);
  BOOST_TEST(pool.probes.size() == 1);
  BOOST_TEST(pool.stats().probes == 2);
}

BOOST_AUTO_TEST_CASE(a_use_puts_the_probe_off) {
  ledger_fixture pool(with_probe(1s));
  connection& c = *pool.idles(1).front();
  pool.pass(900ms);
  BOOST_REQUIRE(pool.acquire().got == &c);
  pool.give_back(c);
  pool.pass(900ms);
  BOOST_TEST(pool.probes.empty());
}

BOOST_AUTO_TEST_CASE(a_failed_probe_costs_the_connection) {
  ledger_fixture pool(with_probe());
  connection& c = *pool.idles(1).front();
  pool.pass(1s);
  pool.probed(c, false);
  BOOST_TEST(c.where == state::closing);
  BOOST_TEST(c.reason == close_reason::probe_failed);
  BOOST_TEST(pool.stats().probes_failed == 1);
}

BOOST_AUTO_TEST_CASE(probes_do_not_prolong_the_idle_time) {
  pool_options options = with_probe(1s);
  options.idle_timeout = 3s;
  ledger_fixture pool(options);
  connection& c = *pool.idles(1).front();
  for (int i = 0; i < 2; ++i) {
    pool.pass(1s);
    BOOST_REQUIRE(pool.probes.size() == 1);
    pool.probed(c, true);
  }
  pool.pass(1s);
  BOOST_TEST(c.where == state::closing);
  BOOST_TEST(c.reason == close_reason::idle_timeout);
}

BOOST_AUTO_TEST_CASE(a_probe_that_outlasts_the_idle_timeout_is_followed_by_the_close) {
  pool_options options = with_probe(1s);
  options.idle_timeout = 2s;
  ledger_fixture pool(options);
  connection& c = *pool.idles(1).front();
  pool.pass(1s);
  pool.later(5s);
  pool.probed(c, true);
  BOOST_TEST((pool.next_wake() <= 0s));
  pool.tick();
  BOOST_TEST(c.reason == close_reason::idle_timeout);
}

BOOST_AUTO_TEST_CASE(probes_take_turns_so_that_as_many_stay_idle_as_are_probed) {
  ledger_fixture pool(with_probe(1s));
  pool.idles(5);
  pool.pass(1s);
  BOOST_TEST(pool.probes.size() == 2);
  BOOST_TEST(pool.stats().idle == 3);
  pool.probed(*pool.probes.front(), true);
  pool.pass(0s);
  BOOST_TEST(pool.probes.size() == 2);
  for (int i = 0; i < 4; ++i) {
    pool.probed(*pool.probes.front(), true);
    pool.pass(0s);
  }
  BOOST_TEST(pool.probes.empty());
  BOOST_TEST(pool.stats().probes == 5);
}

BOOST_AUTO_TEST_CASE(of_four_two_are_probed_at_once) {
  ledger_fixture pool(with_probe(1s));
  pool.idles(4);
  pool.pass(1s);
  BOOST_TEST(pool.probes.size() == 2);
  BOOST_TEST(pool.stats().idle == 2);
}

BOOST_AUTO_TEST_CASE(a_probe_that_ends_wakes_nobody_unless_another_waits_for_that) {
  ledger_fixture pool(with_probe(100ms));
  connection& c = *pool.idles(1).front();
  pool.pass(100ms);
  pool.probed(c, true);
  BOOST_TEST((pool.next_wake() == 100ms));
}

BOOST_AUTO_TEST_CASE(a_probe_that_ends_late_is_followed_by_the_one_that_waited_for_it) {
  ledger_fixture pool(with_probe(1s));
  const auto idle = pool.idles(2);
  pool.pass(1s);
  BOOST_REQUIRE(pool.probes == std::vector{idle[0]});
  pool.later(5s);
  pool.probed(*idle[0], true);
  BOOST_TEST((pool.next_wake() == 0s));
  pool.tick();
  BOOST_TEST(pool.probes == std::vector{idle[1]});
}

BOOST_AUTO_TEST_CASE(a_probed_connection_goes_straight_to_a_waiter_and_has_waited) {
  pool_options options = with_probe();
  options.max_connections = 1;
  ledger_fixture pool(options);
  connection& c = *pool.idles(1).front();
  pool.pass(1s);
  caller& w = pool.acquire();
  BOOST_TEST(w.waits());
  pool.probed(c, true);
  BOOST_TEST(w.got == &c);
  BOOST_TEST(c.waited);
}

BOOST_AUTO_TEST_CASE(a_caller_who_meets_a_probe_gets_a_dial_where_there_is_room) {
  ledger_fixture pool(with_probe());
  pool.idles(1);
  pool.pass(1s);
  caller& w = pool.acquire();
  pool.dialed();
  BOOST_TEST(w.got);
}

BOOST_AUTO_TEST_CASE(a_probed_connection_is_one_of_min_idle) {
  pool_options options = with_probe();
  options.min_idle = 1;
  ledger_fixture pool(options);
  pool.dialed();
  pool.pass(1s);
  BOOST_TEST(pool.probes.size() == 1);
  BOOST_TEST(pool.dials.empty());
}

BOOST_AUTO_TEST_CASE(a_probed_connection_is_watched_again) {
  ledger_fixture pool(with_probe());
  connection& c = *pool.idles(1).front();
  pool.pass(1s);
  pool.probed(c, true);
  BOOST_TEST(!c.watched);
  pool.pass(0s);
  BOOST_TEST(c.watched, "it has been idle for more than half a second");
}

BOOST_AUTO_TEST_CASE(an_endless_interval_probes_never) {
  pool_options options = with_probe(for_ever);
  options.idle_timeout = for_ever;
  options.max_lifetime = for_ever;
  ledger_fixture pool(options);
  pool.idles(2);
  pool.pass(24h * 365 * 100);
  BOOST_TEST(pool.probes.empty());
}

BOOST_AUTO_TEST_CASE(a_lease_during_which_the_pool_closed_ends_in_a_close_for_that_reason) {
  ledger_fixture pool(with_probe());
  connection& c = *pool.idles(1).front();
  pool.pass(1s);
  pool.close();
  pool.probed(c, false);
  BOOST_TEST(c.reason == close_reason::pool_closed);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace httpool::test
