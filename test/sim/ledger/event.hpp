// Something that happens to a pool, told in numbers alone, so that a run can be kept, repeated, cut
// down and written out.
#pragma once

#include <httpool/detail/waiter.hpp>
#include <httpool/pool_options.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace httpool::test {

using detail::duration;

inline constexpr duration for_ever = duration::max();

struct event {
  enum class kind : std::uint8_t {
    pass, ///< Time passes and the ledger is not told.
    tick,
    acquire,
    cancelled_acquire, ///< Was cancelled before it began.
    try_acquire,
    accept, ///< The look at what was granted is good, and its caller is there.
    stale,
    undelivered,
    returned,
    dropped,
    redial,
    detached,
    dialed,
    dial_failed,
    closed,
    spoke,
    answered, ///< A probe, well.
    unanswered,
    cancel,         ///< One who waits.
    cancel_granted, ///< One who is on the way to his connection.
    lease_deadline,
    limit_idle,
    limit_uses,
    end_again,
    watch_again,
    prewarm,
    set_limits,
    evict,
    no_permits, ///< The budget is spent from now on,
    permits,    ///< or has some again.
    no_memory,  ///< A tick whose first dial cannot be made.
    cut_off_all,
    close,
    count
  };

  kind what = kind::tick;
  std::uint32_t which = 0;          ///< Of those to whom it may happen, modulo their number.
  duration after = {};              ///< Time since the event before.
  duration timeout = for_ever;      ///< Of whatever gets a deadline.
  duration max_idle = for_ever;     ///< Of an acquire or `limit_idle`.
  duration dial_timeout = for_ever; ///< Of an acquire or a redial.
  std::uint64_t count = 0;          ///< Of `prewarm` and `limit_uses`.
  pool_limits limits = {};          ///< Of `set_limits`.
};

/// As C++: an initializer that names what differs from the default.
std::string to_code(const event& e);
std::string to_code(const pool_options& options);

/// A test case for test/unit that repeats a run.
std::string to_test_case(const pool_options& options, std::uint64_t seed,
                         const std::vector<event>& events, const std::string& fault);

} // namespace httpool::test
