// The last minute of a pool's connections, on a clock of the test's own.

#include "inspect/track.hpp"

#include <boost/test/unit_test.hpp>

#include <chrono>
#include <string>
#include <vector>

namespace {

using namespace std::chrono_literals;
using httpool::connection_state;
using httpool::connection_view;
using httpool::pool_view;
using httpool::detail::columns;
using httpool::detail::lane;
using httpool::detail::track;

constexpr track::time_point start(1h);

connection_view connection(std::uint64_t id, connection_state state, std::uint64_t uses = 0) {
  connection_view made;
  made.id = state == connection_state::dialing ? 0 : id;
  made.state = state;
  made.uses = uses;
  made.dialed_at = start + std::chrono::microseconds(id);
  return made;
}

struct pool {
  track seen{"orders"};
  std::uint64_t column = columns;
  std::size_t max_lanes = 8;

  void look(std::vector<connection_view> connections, std::uint64_t later = 1) {
    column += later;
    pool_view view;
    view.connections = std::move(connections);
    seen.update(std::move(view), column, start + column * 200ms, max_lanes);
  }

  /// The latest columns of a lane.
  std::string history(std::size_t index, std::size_t size) const {
    std::string marks;
    for (std::size_t i = size; i != 0; --i)
      marks += seen.lanes().at(index).marks.at(column - i + 1);
    return marks;
  }
};

} // namespace

BOOST_AUTO_TEST_CASE(a_connection_keeps_its_lane_from_its_dial_to_its_end) {
  pool p;
  p.look({connection(1, connection_state::dialing)});
  p.look({connection(1, connection_state::leased, 1)});
  p.look({connection(1, connection_state::leased, 1)});
  p.look({connection(1, connection_state::leased, 2)});
  p.look({connection(1, connection_state::idle, 2)});
  p.look({connection(1, connection_state::idle, 5)});
  p.look({connection(1, connection_state::closing, 5)});
  BOOST_TEST(p.seen.lanes().size() == 1u);
  BOOST_TEST(p.history(0, 9) == "..dnlniuc");
  p.look({});
  BOOST_TEST(p.seen.lanes().size() == 1u);
  BOOST_TEST(p.seen.lanes().front().is_gone);
  BOOST_TEST(p.history(0, 3) == "uc.");
}

BOOST_AUTO_TEST_CASE(dials_of_the_same_time_and_other_connections_are_not_confused) {
  pool p;
  const auto twin = [](std::uint64_t id, connection_state state) {
    connection_view made = connection(id, state);
    made.dialed_at = start;
    return made;
  };
  p.look({twin(1, connection_state::dialing), twin(2, connection_state::dialing)});
  BOOST_TEST(p.seen.lanes().size() == 2u);
  p.look({twin(2, connection_state::dialing), twin(1, connection_state::idle)});
  p.look({twin(2, connection_state::idle), twin(1, connection_state::idle)});
  p.look({twin(2, connection_state::leased), twin(1, connection_state::idle)});
  BOOST_TEST(p.seen.lanes().size() == 2u);
  for (std::size_t i = 0; i != 2; ++i) {
    const bool is_second = p.seen.lanes()[i].seen.id == 2;
    BOOST_TEST(p.history(i, 1) == (is_second ? "l" : "i"));
  }
}

BOOST_AUTO_TEST_CASE(columns_in_which_nobody_looked_are_like_the_last) {
  pool p;
  p.look({connection(1, connection_state::idle)});
  p.look({connection(1, connection_state::leased, 1)}, 4);
  BOOST_TEST(p.history(0, 6) == ".iiiin");
  p.look({connection(1, connection_state::leased, 1)}, 10 * columns);
  BOOST_TEST(p.history(0, 2) == "nl");
  BOOST_TEST(p.history(0, columns).find('i') == std::string::npos);
}

BOOST_AUTO_TEST_CASE(two_looks_in_a_column_are_one) {
  pool p;
  p.look({connection(1, connection_state::idle)});
  p.look({connection(1, connection_state::leased, 1)});
  p.look({connection(1, connection_state::idle, 1)}, 0);
  BOOST_TEST(p.history(0, 3) == ".iu");
  p.look({connection(1, connection_state::leased, 2)});
  p.look({connection(1, connection_state::leased, 2)}, 0);
  BOOST_TEST(p.history(0, 3) == "iun");
}

BOOST_AUTO_TEST_CASE(what_has_gone_is_forgotten_after_a_minute_and_the_connections_stay) {
  pool p;
  p.look({connection(1, connection_state::idle), connection(2, connection_state::idle)});
  p.look({connection(2, connection_state::idle)});
  BOOST_TEST(p.seen.lanes().size() == 2u);
  BOOST_TEST(p.seen.lanes().front().seen.id == 2u);
  p.look({connection(2, connection_state::idle)}, columns - 2);
  BOOST_TEST(p.seen.lanes().size() == 2u);
  p.look({connection(2, connection_state::idle)});
  BOOST_TEST(p.seen.lanes().size() == 1u);
}

BOOST_AUTO_TEST_CASE(there_are_no_more_lanes_than_there_may_be) {
  pool p;
  p.max_lanes = 3;
  std::vector<connection_view> many;
  for (std::uint64_t id = 1; id <= 5; ++id)
    many.push_back(connection(id, connection_state::idle));
  p.look(many);
  BOOST_TEST(p.seen.lanes().size() == 3u);
  BOOST_TEST(p.seen.hidden() == 2u);
  p.look({many[3], many[4]});
  BOOST_TEST(p.seen.lanes().size() == 3u);
  BOOST_TEST(p.seen.hidden() == 2u, "the lanes of those that were there a moment ago are kept");
  p.look({many[3], many[4]});
  BOOST_TEST(p.seen.hidden() == 0u);
}

BOOST_AUTO_TEST_CASE(however_many_connections_come_and_go_few_lanes_are_kept_of_them) {
  pool p;
  p.max_lanes = 1000;
  for (std::uint64_t id = 1; id != 200; ++id)
    p.look({connection(id, connection_state::leased, 1)});
  BOOST_TEST(p.seen.lanes().size() == 17u);
  BOOST_TEST(p.seen.lanes().front().seen.id == 199u);
}

BOOST_AUTO_TEST_CASE(the_rate_is_that_of_the_last_second) {
  track seen("orders");
  pool_view view;
  for (std::uint64_t i = 1; i != 20; ++i) {
    view.stats.granted = i * 100;
    seen.update(view, columns + i, start + i * 200ms, 8);
  }
  BOOST_TEST(seen.rate() == 500.0);
  seen.miss(columns + 20);
  BOOST_TEST(seen.rate() == 0.0);
  BOOST_TEST(seen.is_gone());
}
