// The templates of `pool_core`, for its own sources.
#pragma once

#include "pool/core.hpp"

#include <algorithm>
#include <cassert>
#include <new>
#include <utility>

namespace httpool::detail {

/// After what time something is tried again for which there was no memory.
constexpr duration without_memory = std::chrono::milliseconds(10);

/// Once the lock is free there may be no pool any more, unless it has something to do.
template <class Change>
void pool_core::run(const Change& change, time_point roughly) {
  todo work;
  decide(work, change, roughly);
  assert(work.pool || work.is_nothing());
  if (work.pool)
    perform(work);
}

template <class Change>
void pool_core::decide(todo& work, const Change& change, time_point roughly) {
  const std::lock_guard lock(mutex_);
  if (roughly != time_point::max() && !ledger_.has_waiters())
    latest_ = std::max(latest_, roughly);
  else
    look_at_clock();
  work.now = latest_;
  ledger_.allow_dials();
  change(work);
  settle(work);
}

/// Completes an operation, perhaps within somebody else's event. If the memory of its own allocator
/// does not suffice its handler is lost, as it would be with its context, and nothing else.
template <class Operation, class... Results>
void pool_core::complete(Operation& operation, boost::system::error_code ec,
                         Results... results) noexcept {
  try {
    operation.complete(ec, std::move(results)...);
  } catch (const std::bad_alloc&) {
  }
}

template <class Event>
void pool_core::tell(Event event) noexcept {
  if (!observer_)
    return;
  try {
    event(*observer_);
  } catch (...) {
    // The observer is told not to throw; the pool goes on as if it had not.
  }
}

} // namespace httpool::detail
