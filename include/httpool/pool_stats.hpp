/// \file
/// What a pool has done and holds, in figures that add up.
#pragma once

#include <httpool/detail/export.hpp>

#include <boost/system/error_code.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <source_location>

namespace httpool {

/// Why a connection ended.
enum class close_reason : std::uint8_t {
  dropped,      ///< The lease ended without `keep_alive(true)`.
  unread_bytes, ///< The lease ended with `keep_alive(true)`, but bytes were left unread.
  peer_closed,  ///< The peer closed or reset the connection.
  peer_spoke,   ///< The peer sent bytes while the connection was idle.
  idle_timeout, ///< The connection was not used for `pool_options::idle_timeout` or its own limit.
  max_lifetime, ///< The connection had reached `pool_options::max_lifetime`.
  max_uses,     ///< The connection had served `pool_options::max_uses` leases, or its own limit.
  cut_off,      ///< The lease outlived its deadline, or the drain's.
  probe_failed, ///< The probe said no, threw, or did not answer in time.
  surplus,      ///< `connection_pool::set_limits` left no room for it.
  pool_closed,  ///< The pool was closed.
  detached,     ///< `lease::detach` took it out of the pool; it may still be open.
  evicted,      ///< It was idle, and another pool of its `connection_budget` needed its place.
};

/// The number of values of `close_reason`.
inline constexpr std::size_t close_reason_count = 13;

/// The name of a reason, such as "idle_timeout".
HTTPOOL_EXPORT const char* to_string(close_reason reason) noexcept;

/// What a pool holds at one moment.
struct pool_snapshot {
  std::size_t dialing = 0; ///< Connections being established.
  std::size_t idle = 0;    ///< Connections ready for the next caller.
  std::size_t leased = 0;  ///< Connections that a caller or a probe has.
  std::size_t closing = 0; ///< Connections being closed.
  std::size_t waiting = 0; ///< Callers that wait for a connection.

  /// Why the latest dial failed; no error when none has failed since the last success.
  boost::system::error_code last_dial_error = {};

  /// All connections that count against `max_connections`.
  std::size_t total() const noexcept { return dialing + idle + leased + closing; }
};

/// What a pool has done since it was made. At every moment
/// - `acquires == granted + timed_out + cancelled + failed + refused + waiting`,
/// - `dials == made + dials_failed + dialing`; a retry's dial counts while it waits for its turn,
/// - `made == idle + leased + closed()`; a connection counts as closed once its closing has begun.
struct pool_stats : pool_snapshot {
  std::uint64_t acquires = 0;  ///< Calls of `async_acquire` and `async_redial`, and those of
                               ///< `try_acquire` that gave a lease.
  std::uint64_t granted = 0;   ///< Those that got a connection.
  std::uint64_t timed_out = 0; ///< Those that failed with `error::acquire_timeout`.
  std::uint64_t cancelled = 0; ///< Those that were cancelled.
  std::uint64_t failed = 0;    ///< Those that failed with a dial's error or `error::pool_closed`.
  std::uint64_t refused = 0;   ///< Those that failed with `error::too_many_waiters`.
  std::uint64_t reused = 0;    ///< Grants of a connection that had served a lease before.

  std::uint64_t dials = 0;        ///< Dials begun.
  std::uint64_t made = 0;         ///< Dials that gave a connection.
  std::uint64_t dials_failed = 0; ///< Dials that failed or were given up.

  std::uint64_t probes = 0;        ///< Probes begun.
  std::uint64_t probes_failed = 0; ///< Probes that cost the connection.

  /// Connections ended, by reason: `closed_by[std::size_t(close_reason::dropped)]`.
  std::array<std::uint64_t, close_reason_count> closed_by = {};

  std::size_t overdue = 0; ///< Present leases that were found to outlast
                           ///< `pool_options::lease_warning`.

  std::size_t peak_total = 0;   ///< Most connections at once.
  std::size_t peak_leased = 0;  ///< Most leased connections at once.
  std::size_t peak_waiting = 0; ///< Most waiters at once.

  std::size_t max_connections = 0;           ///< The limit in force.
  std::chrono::nanoseconds age = {};         ///< Time since the pool was made.
  std::chrono::nanoseconds leased_time = {}; ///< Sum of the times that connections were leased.
  std::chrono::nanoseconds wait_time = {};   ///< Sum of the times that granted callers waited.
  std::chrono::nanoseconds max_wait = {};    ///< The longest time that a granted caller waited.

  /// Connections ended for any reason.
  std::uint64_t closed() const noexcept {
    return std::accumulate(closed_by.begin(), closed_by.end(), std::uint64_t{0});
  }

  /// Connections ended for one reason.
  std::uint64_t closed(close_reason reason) const noexcept {
    return closed_by[static_cast<std::size_t>(reason)];
  }

  /// The part of `max_connections` that is leased now: 0 to 1, or more for a while after
  /// `connection_pool::set_limits` has lowered that.
  double utilisation() const noexcept {
    return max_connections == 0
               ? 0.0
               : static_cast<double>(leased) / static_cast<double>(max_connections);
  }

  /// The part of `max_connections` that was leased on average since the pool was made: 0 to 1 while
  /// the limit has not been changed.
  double mean_utilisation() const noexcept {
    const double possible = static_cast<double>(age.count()) * static_cast<double>(max_connections);
    return possible > 0 ? static_cast<double>(leased_time.count()) / possible : 0.0;
  }

  /// The part of all grants that got a connection which had served before: 0 to 1.
  double reuse_ratio() const noexcept {
    return granted == 0 ? 0.0 : static_cast<double>(reused) / static_cast<double>(granted);
  }
};

/// A lease that has outlasted `pool_options::lease_warning`, and may have been forgotten.
struct overdue_lease {
  std::uint64_t id = 0;               ///< Of its connection.
  std::chrono::nanoseconds held = {}; ///< For how long, so far.
  std::source_location where = {}; ///< Where it was acquired; line 0 if a client's exchange has it.
};

} // namespace httpool
