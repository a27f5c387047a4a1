// That a run which fails is cut down to what matters in it: with a fault that is planted, since the
// ledger has none that is known.

#include "sim/ledger/random_events.hpp"
#include "sim/ledger/shrink.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>

namespace httpool::test {
namespace {

using kind = event::kind;

/// Holds that no connection is returned once the limits have changed.
fault_finder planted(const pool_options& options) {
  return [=](const std::vector<event>& events) -> std::string {
    checked_ledger pool(options, 1);
    bool has_changed = false;
    for (const event& e : events) {
      const bool happened = pool.apply(e);
      has_changed |= e.what == kind::set_limits;
      if (has_changed && happened && e.what == kind::returned)
        return "planted";
    }
    return {};
  };
}

} // namespace

BOOST_AUTO_TEST_CASE(a_run_that_fails_is_cut_down_to_the_shortest_that_does) {
  const pool_options options;
  const auto fault_of = planted(options);
  std::vector<event> events;
  for (std::uint64_t seed = 1; seed < 100 && fault_of(events).empty(); ++seed) {
    random_events source(seed);
    checked_ledger pool(options, 1);
    events.clear();
    while (events.size() < 3000) {
      events.push_back(source.next(pool));
      pool.apply(events.back());
    }
  }
  BOOST_TEST_REQUIRE(fault_of(events) == "planted");

  const std::vector<event> shortest = shrink(events, fault_of);
  std::vector<kind> kinds;
  for (const event& e : shortest)
    kinds.push_back(e.what);
  // Nothing returns unless it was dialed for somebody, granted and accepted.
  BOOST_TEST_REQUIRE(kinds.size() == 5);
  for (const kind what :
       {kind::acquire, kind::dialed, kind::accept, kind::set_limits, kind::returned})
    BOOST_TEST(std::count(kinds.begin(), kinds.end(), what) == 1);
  BOOST_TEST((kinds.back() == kind::returned));
  BOOST_TEST(fault_of(shortest) == "planted");
}

BOOST_AUTO_TEST_CASE(what_does_not_fail_is_left_as_it_is) {
  const std::vector<event> events(3);
  BOOST_TEST(shrink(events, planted({})).size() == 3);
}

BOOST_AUTO_TEST_CASE(a_run_is_written_as_a_test_case_that_repeats_it) {
  const std::string text = to_test_case(
      {.max_connections = 1}, 7,
      {{.what = kind::acquire, .after = duration(5), .timeout = std::chrono::seconds(2)}}, "why");
  BOOST_TEST(text == "BOOST_AUTO_TEST_CASE(seed_7) { // why\n"
                     "  checked_ledger mind({.max_connections = 1}, 7);\n"
                     "  mind.apply({.what = event::kind::acquire, .after = 5ns, .timeout = 2s});\n"
                     "  mind.come_to_rest();\n"
                     "}\n");
}

} // namespace httpool::test
