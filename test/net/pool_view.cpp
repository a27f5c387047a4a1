// A pool with all its connections at one moment.

#include "net/net_fixture.hpp"

#include <httpool/pool_view.hpp>

#include <algorithm>
#include <set>
#include <string>

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
