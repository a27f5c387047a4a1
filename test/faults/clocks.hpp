// A wall clock that leaps. That of the machine is left alone: the program defines clock_gettime,
// gettimeofday and time itself, for all that is linked to it, libraries included.
#pragma once

#include <atomic>
#include <cstdint>

namespace httpool_test::faults {

/// From now on the wall clock of this process, and of those it forks, is off by `seconds`.
void leap_with(const std::atomic<std::int64_t>& seconds);

/// Timers of the kernel that this process has made of any clock but the monotonic one.
std::uint64_t timers_of_wall_clock();

} // namespace httpool_test::faults
