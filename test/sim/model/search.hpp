// Every order of events in a small pool, breadth first.
#pragma once

#include "sim/ledger/event.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace httpool::test {

/// One small pool, and what may happen to it.
struct configuration {
  const char* name;
  pool_options options;
  std::size_t callers; ///< At most so many at once, those on the way to a connection included.
  std::vector<event> events; ///< All that may happen, besides the passing of time.
  unsigned depth;            ///< Events in a row.
  std::uint64_t states;      ///< How many there are; 0 if that has not been counted.
};

struct search_result {
  std::uint64_t states = 0;
  std::uint64_t transitions = 0;
  unsigned depth = 0;        ///< Up to which all have been seen.
  bool is_complete = false;  ///< No deeper state would be new.
  std::vector<event> events; ///< Of the shortest run that fails,
  std::string fault;         ///< and what is wrong.
};

/// Visits each state within the depth once, up to about `most_states`.
search_result search(const configuration& what, unsigned depth, std::uint64_t most_states,
                     std::chrono::steady_clock::time_point ends);

} // namespace httpool::test
