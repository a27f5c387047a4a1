#include "faults/clocks.hpp"

#include <ctime>

#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <unistd.h>

namespace httpool_test::faults {
namespace {

std::atomic<const std::atomic<std::int64_t>*> leap = nullptr;
std::atomic<std::atomic<std::uint64_t>*> wall_timers = nullptr;

bool is_wall(clockid_t clock) {
  return clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE || clock == CLOCK_TAI;
}

} // namespace

void leap_with(const std::atomic<std::int64_t>& seconds, std::atomic<std::uint64_t>& timers) {
  leap = &seconds;
  wall_timers = &timers;
}

} // namespace httpool_test::faults

extern "C" {

int clock_gettime(clockid_t clock, timespec* to) noexcept {
  using namespace httpool_test::faults;
  const int failed = static_cast<int>(::syscall(SYS_clock_gettime, clock, to));
  const std::atomic<std::int64_t>* const off = leap;
  if (failed == 0 && off && is_wall(clock))
    to->tv_sec += *off;
  return failed;
}

time_t time(time_t* to) noexcept {
  timespec now = {};
  clock_gettime(CLOCK_REALTIME, &now);
  if (to)
    *to = now.tv_sec;
  return now.tv_sec;
}

int gettimeofday(timeval* to, void*) noexcept {
  timespec now = {};
  clock_gettime(CLOCK_REALTIME, &now);
  to->tv_sec = now.tv_sec;
  to->tv_usec = now.tv_nsec / 1000;
  return 0;
}

int timerfd_create(clockid_t clock, int flags) noexcept {
  using httpool_test::faults::wall_timers;
  if (clock != CLOCK_MONOTONIC && wall_timers)
    ++*wall_timers.load();
  return static_cast<int>(::syscall(SYS_timerfd_create, clock, flags));
}

} // extern "C"
