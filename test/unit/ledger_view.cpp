// What the ledger shows of each connection, and of its dials.

#include "unit/ledger_fixture.hpp"

#include <algorithm>

namespace httpool::test {

namespace {

std::size_t count(const pool_view& view, connection_state which) {
  return static_cast<std::size_t>(
      std::count_if(view.connections.begin(), view.connections.end(),
                    [&](const connection_view& c) { return c.state == which; }));
}

connection_view only(const ledger_fixture& pool) {
  const pool_view view = pool.mind.view(pool.now);
  BOOST_TEST_REQUIRE(view.connections.size() == 1u);
  return view.connections.front();
}

} // namespace

BOOST_AUTO_TEST_SUITE(views_of_the_ledger)

BOOST_AUTO_TEST_CASE(each_state_is_shown_with_as_many_connections_as_the_figures_say) {
  ledger_fixture pool({.max_connections = 8});
  connection &a = pool.lease(), &b = pool.lease(), &c = pool.lease();
  pool.give_back(a);
  pool.drop(b);
  const pool_view before = pool.mind.view(pool.now);
  BOOST_TEST(before.stats.total() == 3u);
  BOOST_TEST(before.connections.size() == 3u);
  BOOST_TEST(count(before, connection_state::idle) == 1u);
  BOOST_TEST(count(before, connection_state::leased) == 1u);
  BOOST_TEST(count(before, connection_state::closing) == 1u);
  pool.acquire(10s); // takes the idle one
  pool.acquire(10s); // and this is dialed for
  const pool_view after = pool.mind.view(pool.now);
  BOOST_TEST(count(after, connection_state::leased) == 2u);
  BOOST_TEST(count(after, connection_state::dialing) == 1u);
  BOOST_TEST(count(after, connection_state::idle) == 0u);
  BOOST_TEST(c.uses == 1u);
}

BOOST_AUTO_TEST_CASE(a_connection_that_is_dialed_anew_is_shown_as_what_it_is_now) {
  ledger_fixture pool({.max_connections = 1});
  connection& c = pool.lease();
  pool.later(3s);
  pool.redial(c);
  pool.later(1s);
  const connection_view seen = only(pool);
  BOOST_TEST(seen.id == 0u);
  BOOST_TEST((seen.state == connection_state::dialing));
  BOOST_TEST((pool.now - seen.since == 1s));
}

BOOST_AUTO_TEST_CASE(a_retry_that_is_held_back_is_shown_as_long_as_it_has_been) {
  ledger_fixture pool;
  connection& c = pool.lease();
  pool.acquire();
  pool.later(3s);
  pool.dial_fails();
  pool.redial(c);
  BOOST_TEST_REQUIRE(pool.dials.empty());
  pool.later(20ms);
  const connection_view seen = only(pool);
  BOOST_TEST((seen.state == connection_state::dialing));
  BOOST_TEST((pool.now - seen.dialed_at == 20ms));
  BOOST_TEST((pool.now - seen.since == 20ms));
}

BOOST_AUTO_TEST_CASE(a_connection_that_has_a_name_before_its_dial_ends_is_not_shown_by_it) {
  ledger_fixture pool;
  pool.acquire();
  pool.mind.name(*pool.dials.front());
  BOOST_TEST(pool.dials.front()->id == 1u);
  BOOST_TEST(only(pool).id == 0u);
}

BOOST_AUTO_TEST_CASE(a_connection_is_shown_with_its_id_uses_age_and_time_in_its_state) {
  ledger_fixture pool({.max_connections = 1});
  pool.acquire(10s);
  pool.later(1s);
  connection_view seen = only(pool);
  BOOST_TEST(seen.id == 0u);
  BOOST_TEST((seen.state == connection_state::dialing));
  BOOST_TEST(seen.uses == 0u);
  BOOST_TEST((pool.now - seen.dialed_at == 1s));
  BOOST_TEST((pool.now - seen.since == 1s));

  connection& c = pool.dialed();
  pool.later(2s);
  seen = only(pool);
  BOOST_TEST(seen.id == 1u);
  BOOST_TEST((seen.state == connection_state::leased));
  BOOST_TEST(!seen.probed);
  BOOST_TEST(seen.uses == 1u);
  BOOST_TEST((pool.now - seen.dialed_at == 3s));
  BOOST_TEST((pool.now - seen.since == 2s));

  pool.give_back(c);
  pool.later(4s);
  seen = only(pool);
  BOOST_TEST((seen.state == connection_state::idle));
  BOOST_TEST((pool.now - seen.dialed_at == 7s));
  BOOST_TEST((pool.now - seen.since == 4s));

  BOOST_REQUIRE(pool.try_acquire() == &c);
  pool.later(8s);
  pool.drop(c);
  pool.later(1s);
  seen = only(pool);
  BOOST_TEST((seen.state == connection_state::closing));
  BOOST_TEST(seen.id == 1u);
  BOOST_TEST(seen.uses == 2u);
  BOOST_TEST((pool.now - seen.since == 9s));
}

BOOST_AUTO_TEST_CASE(a_connection_that_closes_unused_has_been_there_since_its_dial) {
  ledger_fixture pool({.min_idle = 1});
  pool.dialed();
  pool.later(1s);
  pool.mind.close(pool.now);
  pool.later(1s);
  BOOST_TEST((pool.now - only(pool).since == 2s));
}

BOOST_AUTO_TEST_CASE(a_probed_connection_is_shown_as_such) {
  pool_options options{.max_connections = 1};
  options.probe.ask = [](lease&) -> boost::asio::awaitable<bool> { co_return true; };
  options.probe.interval = 5s;
  ledger_fixture pool(options);
  pool.give_back(pool.lease());
  pool.pass(6s);
  BOOST_TEST_REQUIRE(pool.probes.size() == 1u);
  const connection_view seen = only(pool);
  BOOST_TEST((seen.state == connection_state::leased));
  BOOST_TEST(seen.probed);
}

BOOST_AUTO_TEST_CASE(a_back_off_is_shown_until_it_has_passed_or_a_dial_succeeds) {
  ledger_fixture pool({.dial_backoff = 100ms, .max_dial_backoff = 10s});
  BOOST_TEST(pool.mind.view(pool.now).dial_failures == 0u);
  BOOST_TEST((pool.mind.view(pool.now).backoff == 0s));
  pool.acquire(10s);
  pool.dial_fails();
  const pool_view after = pool.mind.view(pool.now);
  BOOST_TEST(after.dial_failures == 1u);
  BOOST_TEST((after.backoff >= 80ms && after.backoff <= 120ms));
  BOOST_TEST((pool.mind.view(pool.now + 10ms).backoff == after.backoff - 10ms));
  BOOST_TEST((pool.mind.view(pool.now + 1s).backoff == 0s));
  BOOST_TEST(pool.mind.view(pool.now + 1s).dial_failures == 1u);
  pool.later(1s);
  pool.acquire(10s);
  pool.dialed();
  BOOST_TEST(pool.mind.view(pool.now).dial_failures == 0u);
  BOOST_TEST((pool.mind.view(pool.now).backoff == 0s));
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace httpool::test
