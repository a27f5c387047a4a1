// From a run that fails to the shortest list of events, and the plainest events, that still do.
#pragma once

#include "sim/ledger/event.hpp"

#include <chrono>
#include <functional>
#include <string>
#include <vector>

namespace httpool::test {

/// What is wrong with a run of these events; empty if nothing is.
using fault_finder = std::function<std::string(const std::vector<event>& events)>;

/// What a `checked_ledger` finds, coming to rest at the end if it has got so far.
fault_finder faults_of(const pool_options& options, std::uint64_t seed, unsigned walk_every = 1);

/// A list that has the same fault as `events`, none of whose events can be left out and none of
/// whose figures can be left at its default; or, after `longest`, the shortest found so far.
std::vector<event> shrink(std::vector<event> events, const fault_finder& fault_of,
                          std::chrono::seconds longest = std::chrono::seconds(20));

} // namespace httpool::test
