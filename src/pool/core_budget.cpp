// What a pool has to do with the budget that it shares with others.

#include "pool/core.hpp"
#include "pool/core_run.hpp"

#include <algorithm>
#include <utility>

namespace httpool::detail {

/// Under the lock: the connections that are gone make room. A caller of this pool queues for it
/// before it is given back, or the spare connections of other pools would have it.
void pool_core::give_back_permits(todo& work) {
  const std::size_t total = ledger_.total();
  const std::size_t evicting = ledger_.evicting();
  if (total < permits_) {
    if (ledger_.dials_for(work.now) == need::urgent)
      ask_budget(need::urgent, work);
    budget_->give_back(seat_, permits_ - total, evicting_ - std::min(evicting_, evicting));
  }
  permits_ = total;
  evicting_ = evicting;
}

void pool_core::ask_budget(need what, todo& work) {
  if (what == asked_)
    return;
  asked_ = what;
  work.has_queued |= budget_->ask(seat_, what);
}

/// Under the lock: tells the budget what this pool lacks and since when something is idle.
void pool_core::settle_budget(todo& work) {
  if (needs_other_permits())
    give_back_permits(work);
  ask_budget(ledger_.lacks_permit(work.now), work);
  const time_point oldest = ledger_.oldest_idle();
  if (oldest != published_) {
    published_ = oldest;
    seat_.publish(oldest);
  }
  const bool may_serve = work.has_queued || oldest != time_point::max();
  work.has_errands |= budget_->has_news() || (may_serve && budget_->wants_idle());
}

/// Outside the lock. An errand's own event may make others necessary: whoever is first on a thread
/// sees to those too, so that any number of them needs no stack.
void pool_core::run_errands() {
  thread_local const budget* under_way = nullptr;
  if (under_way == budget_)
    return;
  const budget* const before = std::exchange(under_way, budget_);
  for (;;) {
    const budget::errand next = budget_->next_errand();
    if (!next.pool)
      break;
    static_cast<pool_core*>(next.pool.get())->run_errand(next.what);
  }
  under_way = before;
}

void pool_core::run_errand(budget::errand::action what) {
  if (what == budget::errand::action::go_on) {
    return run([&](todo& work) { ledger_.tick(work.now); });
  }
  bool found = false;
  run([&](todo& work) { found = ledger_.evict(work.now); });
  if (!found)
    budget_->not_evicted(seat_);
}

} // namespace httpool::detail
