// Random events against the ledger, from a number of seeds: three in four make small pools, in
// which everything is checked after each event, the others pools of up to thousands of connections
// and waiters. A run that fails is cut down to the shortest that does, and printed as a test case.

#include "prove/report.hpp"
#include "sim/ledger/random_events.hpp"
#include "sim/ledger/shrink.hpp"

#include <algorithm>
#include <chrono>
#include <iostream>
#include <vector>

namespace {

constexpr std::uint64_t quick_seeds = 2'000;

} // namespace

namespace httpool::test {
namespace {

constexpr std::size_t small_run = 2'000;
constexpr std::size_t large_run = 10'000;

struct figures {
  std::uint64_t events = 0;
  std::uint64_t most_connections = 0;
  std::uint64_t most_waiters = 0;
};

/// True if no fault was found.
bool run(std::uint64_t seed, figures& all) {
  const scale size = seed % 16 == 0 ? scale::large : scale::small;
  random_events source(seed, size);
  const bool is_large = source.options().max_connections > 16;
  const unsigned walk_every = is_large ? 64 : 1;
  std::vector<event> events;
  try {
    checked_ledger pool(source.options(), seed, walk_every);
    const std::size_t length = size == scale::large ? large_run : small_run;
    events.reserve(length);
    while (events.size() < length) {
      events.push_back(source.next(pool));
      pool.apply(events.back());
    }
    const pool_stats s = pool.mind().stats(pool.now());
    all.events += events.size();
    all.most_connections = std::max<std::uint64_t>(all.most_connections, s.peak_total);
    all.most_waiters = std::max<std::uint64_t>(all.most_waiters, s.peak_waiting);
    pool.come_to_rest();
    return true;
  } catch (const std::exception& e) {
    std::cout << "seed " << seed << ", event " << events.size() << ": " << e.what()
              << "\nto repeat: prove_random --first " << seed << " --seeds 1" << std::endl;
    auto fault_of = faults_of(source.options(), seed); // Which may see it earlier.
    if (fault_of(events) != e.what())
      fault_of = faults_of(source.options(), seed, walk_every);
    events = shrink(std::move(events), fault_of);
    std::cout << to_test_case(source.options(), seed, events, e.what()) << std::endl;
    return false;
  }
}

int prove(const httpool_test::prove_options& options) {
  using clock = std::chrono::steady_clock;
  const auto began = clock::now();
  const auto is_over = [&] {
    const std::chrono::duration<double, std::ratio<60>> took = clock::now() - began;
    return options.minutes > 0 && took.count() >= options.minutes;
  };
  figures all;
  std::uint64_t passed = 0, failed = 0;
  for (std::uint64_t i = 0; i < options.seeds && failed < 10 && !is_over(); ++i)
    ++(run(options.first + i, all) ? passed : failed);
  const std::chrono::duration<double> took = clock::now() - began;
  std::cout << all.events << " events of " << passed + failed << " seeds in " << took.count()
            << " s; up to " << all.most_connections << " connections and " << all.most_waiters
            << " waiters\n";
  return httpool_test::conclude(passed, failed);
}

} // namespace
} // namespace httpool::test

int main(int argc, char** argv) {
  const auto options =
      httpool_test::read_options(argc, argv, "random events against the ledger", quick_seeds);
  return options ? httpool::test::prove(*options) : 0;
}
