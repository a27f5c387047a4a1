// Four million random events, from two thousand seeds, or under sanitizers a tenth, against the
// ledger. To run more, or to see one seed again:
//
//   test_unit_ledger_random -- --seeds 100000 --events 2000 --first 1
//
// A seed that fails is printed with the number of the event.

#include "sim/ledger/random_events.hpp"

#include <boost/test/unit_test.hpp>

#include <string_view>

namespace httpool::test {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr std::uint64_t usual_seeds = 200;
#else
constexpr std::uint64_t usual_seeds = 2000;
#endif

std::uint64_t argument(std::string_view name, std::uint64_t otherwise) {
  const auto& arguments = boost::unit_test::framework::master_test_suite();
  for (int i = 1; i + 1 < arguments.argc; ++i) {
    if (arguments.argv[i] == name)
      return std::stoull(arguments.argv[i + 1]);
  }
  return otherwise;
}

} // namespace

BOOST_AUTO_TEST_CASE(random_events_break_no_invariant_and_agree_with_the_oracle) {
  const std::uint64_t first = argument("--first", 1);
  const std::uint64_t seeds = argument("--seeds", usual_seeds);
  const std::uint64_t events = argument("--events", 2000);
  int failures = 0;
  for (std::uint64_t seed = first; seed < first + seeds && failures < 10; ++seed) {
    std::uint64_t event = 0;
    try {
      random_events source(seed);
      checked_ledger pool(source.options(), seed);
      while (event < events) {
        ++event;
        pool.apply(source.next(pool));
      }
      ++event;
      pool.come_to_rest();
    } catch (const std::exception& e) {
      ++failures;
      BOOST_ERROR("seed " << seed << ", event " << event << ": " << e.what());
    }
  }
}

} // namespace httpool::test
