// Every order of events in pools of up to three connections and four waiters, breadth first, each
// step held against the oracle. The quick form goes as deep as a minute allows and knows how many
// states there are; --seeds N visits up to N states of each pool, as deep as they go.

#include "prove/report.hpp"
#include "sim/model/configurations.hpp"

#include <chrono>
#include <iostream>

namespace httpool::test {
namespace {

using clock = std::chrono::steady_clock;

constexpr std::uint64_t no_bound = std::uint64_t{1} << 32;
constexpr unsigned any_depth = 1'000;

bool prove(const configuration& what, std::uint64_t most_states, clock::time_point ends) {
  const bool is_quick = most_states == 0;
  const auto began = clock::now();
  const search_result found =
      search(what, is_quick ? what.depth : any_depth, is_quick ? no_bound : most_states, ends);
  const std::chrono::duration<double> took = clock::now() - began;
  std::cout << what.name << ": " << found.states << " states and " << found.transitions
            << " steps, all of " << found.depth << " events"
            << (found.is_complete ? " and there are no more" : "") << ", in " << took.count()
            << " s" << std::endl;
  if (!found.fault.empty()) {
    std::cout << "after " << found.events.size() << " events, in " << found.states
              << " states: " << found.fault << "\n"
              << to_test_case(what.options, 1, found.events, found.fault) << std::endl;
    return false;
  }
  if (is_quick && found.depth == what.depth && found.states != what.states) {
    std::cout << "expected " << what.states << " states\n";
    return false;
  }
  return true;
}

} // namespace
} // namespace httpool::test

int main(int argc, char** argv) {
  namespace test = httpool::test;
  const auto options = httpool_test::read_options(
      argc, argv, "all events of small pools; --seeds N: up to N states of each", 0);
  if (!options)
    return 0;
  auto ends = test::clock::time_point::max();
  if (options->minutes > 0)
    ends = test::clock::now() + std::chrono::duration_cast<test::clock::duration>(
                                    std::chrono::duration<double>(60 * options->minutes));
  std::uint64_t passed = 0, failed = 0;
  for (const test::configuration& what : test::configurations())
    ++(test::prove(what, options->seeds, ends) ? passed : failed);
  return httpool_test::conclude(passed, failed);
}
