// The templates of `pool_core`, for its own sources.
#pragma once

#include "pool/core.hpp"

namespace httpool::detail {

template <class Change>
void pool_core::run(Change change) {
  todo work;
  decide(work, change);
  perform(work);
}

template <class Change>
void pool_core::decide(todo& work, Change change) {
  const std::lock_guard lock(mutex_);
  work.now = std::chrono::steady_clock::now();
  ledger_.allow_dials();
  change(work);
  settle(work);
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
