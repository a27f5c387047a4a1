/// \file
/// The part of a parked acquire that the ledger links into its queues.
#pragma once

#include <boost/intrusive/list_hook.hpp>
#include <boost/intrusive/set_hook.hpp>
#include <boost/system/error_code.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace httpool::detail {

using time_point = std::chrono::steady_clock::time_point;
using duration = std::chrono::steady_clock::duration;

/// The time `length` after `start`; durations of zero or less give `start`, and what would overflow
/// gives the end of time.
constexpr time_point saturating_add(time_point start, duration length) noexcept {
  duration::rep end = 0;
  if (length <= duration::zero())
    return start;
  if (__builtin_add_overflow(start.time_since_epoch().count(), length.count(), &end))
    return time_point::max();
  return time_point(duration(end));
}

/// `sum` and `count` times `length` more, or the longest duration there is; no `length` below zero
/// counts.
constexpr duration saturating_sum(duration sum, duration length, std::size_t count) noexcept {
  duration::rep more = 0;
  if (length <= duration::zero())
    return sum;
  if (__builtin_mul_overflow(length.count(), count, &more) ||
      more > (duration::max() - sum).count())
    return duration::max();
  return sum + duration(more);
}

struct fifo_tag;
struct deadline_tag;

/// A caller for whom no connection is ready yet. The operation that holds the completion handler
/// derives from it; only the ledger changes it between its acquire and its grant or failure.
struct waiter : boost::intrusive::list_base_hook<boost::intrusive::tag<fifo_tag>>,
                boost::intrusive::set_base_hook<boost::intrusive::tag<deadline_tag>,
                                                boost::intrusive::optimize_size<true>> {
  enum class place : std::uint8_t {
    nowhere,  ///< Not known to the ledger: not yet acquired for, granted or failed.
    queued,   ///< In the first-come-first-served queue.
    retrying, ///< Waiting for a dial of its own that replaces a connection that died.
    choosy    ///< Waiting for a dial of its own, though older idle connections may exist.
  };

  std::uint64_t turn = 0; ///< Its place in the order of first come, first served.
  time_point since = {};  ///< When the acquire began.
  time_point deadline =
      {}; ///< When it is looked at next: when it ends, or when it waits for no dial.
  time_point ends_by = {}; ///< When it fails with `error::acquire_timeout`.
  duration max_idle = {};  ///< It would rather have a connection that was idle for less.
  place where = place::nowhere;
  boost::system::error_code cancelled = {}; ///< Was cancelled while it did not wait.
};

} // namespace httpool::detail
