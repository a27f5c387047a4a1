// A steady clock that is read in a fraction of the time.
#pragma once

#include <httpool/detail/waiter.hpp>

#include <chrono>

#include <time.h>

namespace httpool::detail {

/// What the steady clock said at the system's latest tick, which was a few milliseconds ago at
/// most.
inline time_point coarse_now() noexcept {
#ifdef CLOCK_MONOTONIC_COARSE
  timespec now = {};
  ::clock_gettime(CLOCK_MONOTONIC_COARSE, &now); // fails for no clock that the system knows
  return time_point(std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec));
#else
  return std::chrono::steady_clock::now();
#endif
}

} // namespace httpool::detail
