// A pool with all its connections at one moment.

#include "net/net_fixture.hpp"

#include <httpool/pool_view.hpp>

#include <algorithm>
#include <set>
#include <string>
#include <thread>
#include <utility>

using namespace net_test;
using httpool::connection_state;
using httpool::connection_view;
using httpool::pool_view;

BOOST_AUTO_TEST_CASE(each_state_has_a_name_of_its_own) {
  BOOST_TEST(to_string(connection_state::dialing) == "dialing");
  BOOST_TEST(to_string(connection_state::idle) == "idle");
  BOOST_TEST(to_string(connection_state::leased) == "leased");
  BOOST_TEST(to_string(connection_state::closing) == "closing");
  BOOST_TEST(to_string(static_cast<connection_state>(4)) == "unknown");
}

BOOST_AUTO_TEST_CASE(a_pool_shows_where_its_connections_lead) {
  loop run;
  server peer(run.context);
  httpool::connection_pool pool(run.context, peer.endpoint());
  fill(run, pool, 2);
  const httpool::lease held = leased(run, pool);
  const pool_view view = pool.view();
  BOOST_TEST(view.connections.size() == 2u);
  BOOST_TEST(view.stats.total() == 2u);
  for (const connection_view& each : view.connections) {
    BOOST_TEST(each.endpoint == peer.endpoint());
    BOOST_TEST((each.state == connection_state::leased) == (each.id == held.id()));
    BOOST_TEST((each.since <= now() && each.dialed_at <= each.since));
  }
}

BOOST_AUTO_TEST_CASE(a_pool_shows_what_its_connections_are_used_for) {
  loop run;
  server peer(run.context);
  httpool::connection_pool pool(run.context, peer.endpoint());
  const auto use = [&] {
    const pool_view view = pool.view();
    BOOST_TEST_REQUIRE(view.connections.size() == 1u);
    return view.connections.front().description;
  };
  httpool::lease first = leased(run, pool);
  BOOST_TEST(use() == "");
  first.describe("SELECT 1");
  BOOST_TEST(use() == "SELECT 1");
  first.describe(std::string(47, 'x') + "yz");
  BOOST_TEST(use() == std::string(47, 'x') + "y");
  give_back(std::move(first));
  BOOST_TEST(pool.stats().idle == 1u);
  BOOST_TEST(use() == std::string(47, 'x') + "y");
  httpool::lease second = leased(run, pool);
  BOOST_TEST(use() == std::string(47, 'x') + "y", "until something else is said");
  second.describe("SELECT 2");
  BOOST_TEST(use() == "SELECT 2");
  httpool::lease third = leased(run, pool);
  third.describe("\n<\xff>");
  std::set<std::string> uses;
  for (const connection_view& each : pool.view().connections)
    uses.insert(each.description);
  BOOST_TEST((uses == std::set<std::string>{"SELECT 2", "\n<\xff>"}));
}

BOOST_AUTO_TEST_CASE(a_pool_can_be_looked_at_while_its_connections_are_described) {
  loop run;
  server peer(run.context);
  httpool::connection_pool pool(run.context, peer.endpoint());
  httpool::lease held = leased(run, pool);
  const std::string one = "SELECT 1", other = std::string(48, 'x');
  held.describe(one);
  std::thread owner([&] {
    for (int i = 0; i != 2000; ++i)
      held.describe(i % 2 == 0 ? other : one);
  });
  for (int i = 0; i != 2000; ++i) {
    const std::string seen = pool.view().connections.at(0).description;
    BOOST_TEST((seen == one || seen == other), seen);
  }
  owner.join();
  BOOST_TEST(pool.view().connections.at(0).description == one);
}

BOOST_AUTO_TEST_CASE(a_connection_that_is_being_dialed_leads_nowhere_yet) {
  loop run;
  server peer(run.context);
  gate held_back(run.context, 1);
  httpool::connection_pool pool(run.context, peer.endpoint(), {.prepare = held_back.hook()});
  const httpool::lease held = leased(run, pool);
  const auto waiting = acquire(pool);
  BOOST_TEST(run.until([&] { return held_back.arrived() == 2; }));
  const pool_view view = pool.view();
  BOOST_TEST_REQUIRE(view.connections.size() == 2u);
  for (const connection_view& each : view.connections) {
    const bool is_dialing = each.state == connection_state::dialing;
    BOOST_TEST(is_dialing == (each.id == 0));
    BOOST_TEST(is_dialing == (each.endpoint.port() == 0));
  }
  held_back.open();
  BOOST_TEST(run.until([&] { return waiting->is_done; }));
}
