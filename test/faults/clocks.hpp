// A wall clock that leaps. That of the machine is left alone: the program defines clock_gettime,
// gettimeofday and time itself, for all that is linked to it, libraries included.
#pragma once

#include <atomic>
#include <cstdint>

namespace httpool_test::faults {

/// From now on the wall clock of this process, and of those it forks, is off by `seconds`, and
/// `timers` counts the timers of the kernel that they make of any clock but the monotonic one.
void leap_with(const std::atomic<std::int64_t>& seconds, std::atomic<std::uint64_t>& timers);

} // namespace httpool_test::faults
