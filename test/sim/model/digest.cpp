#include "sim/model/digest.hpp"

#include <algorithm>
#include <limits>

namespace httpool::detail {
namespace {

using test::link;

class mixer {
public:
  template <class T>
  mixer& add(T value) {
    state_ = (state_ ^ static_cast<std::uint64_t>(value)) * 0x9e3779b97f4a7c15;
    state_ ^= state_ >> 29;
    state_ *= 0xbf58476d1ce4e5b9;
    state_ ^= state_ >> 32;
    return *this;
  }
  std::uint64_t value() const { return state_; }

private:
  std::uint64_t state_ = 0x243f6a8885a308d3;
};

} // namespace

struct ledger_digest {
  const test::checked_ledger& pool;
  const ledger& mind = pool.mind();
  std::vector<std::uint64_t> turns = {}; ///< Of all callers there are, in order.

  std::uint64_t value() {
    for (const test::caller* w : pool.waiting())
      turns.push_back(w->turn);
    for (const link* c : pool.looks()) {
      if (c->granted_to)
        turns.push_back(c->granted_to->turn);
    }
    std::sort(turns.begin(), turns.end());
    mixer all;
    add_waiters(all);
    add_connections(all);
    add_pool(all);
    return all.value();
  }

  /// A time to come, as it is from now; all that are over are alike.
  std::int64_t ahead(time_point t) const {
    if (t == time_point::max())
      return std::numeric_limits<std::int64_t>::max();
    return std::max<std::int64_t>(0, (t - pool.now()).count());
  }
  std::int64_t ago(time_point t) const { return (pool.now() - t).count(); }

  /// What makes one caller behave otherwise than another.
  std::uint64_t of(const waiter& w) const {
    const auto place = std::lower_bound(turns.begin(), turns.end(), w.turn) - turns.begin();
    return mixer()
        .add(w.where)
        .add(w.turn == 0 ? 0 : 1 + place)
        .add(ahead(w.deadline))
        .add(ahead(w.ends_by))
        .add(w.max_idle.count())
        .add(w.cancelled.value())
        .value();
  }

  void add_waiters(mixer& all) const {
    for (const auto* list : {&mind.queue_, &mind.choosy_}) {
      all.add(list->size());
      for (const waiter& w : *list)
        all.add(of(w));
    }
    for (const waiter& w : mind.waiting_until_)
      all.add(of(w));
    for (const test::caller* w : pool.expectation().queue)
      all.add(of(*w));
  }

  std::uint64_t of(const link& c) const {
    mixer m;
    m.add(c.where).add(ahead(c.deadline));
    switch (c.where) {
    case ledger::state::dialing:
      return m.add(c.dial_started)
          .add(c.dial_aborted)
          .add(c.reserved_for ? of(*c.reserved_for) : 0)
          .add(mind.failures_ > 0 && c.dialed_at > mind.last_failure_)
          .value();
    case ledger::state::closing:
      return m.add(c.reason == close_reason::evicted).value();
    default:
      m.add(c.max_uses == std::numeric_limits<std::uint64_t>::max() ? 0 : 1 + c.max_uses - c.uses)
          .add(c.max_idle.count())
          .add(c.accepted)
          .add(c.probing);
      if (c.where == ledger::state::leased && c.accepted && !c.probing)
        return m.value(); // Its return sets all that follows.
      return m.add(c.waited)
          .add(c.watched)
          .add(ago(c.idle_since))
          .add(mind.probe_interval_ == duration::max() ? 0 : ago(c.checked_at))
          .add(c.where == ledger::state::idle ? ahead(c.watch_at) : 0)
          .add(c.granted_to ? of(*c.granted_to) : 0)
          .value();
    }
  }

  static const link& known(const ledger::connection& c) { return static_cast<const link&>(c); }

  /// The order counts among idle connections and among retries that wait for their turn.
  void add_connections(mixer& all) const {
    std::uint64_t started = 0, others = 0;
    for (const ledger::connection& c : mind.dialing_) {
      if (c.dial_started)
        started += of(known(c));
      else
        all.add(of(known(c)));
    }
    for (const auto* list : {&mind.leased_, &mind.closing_}) {
      for (const ledger::connection& c : *list)
        others += of(known(c));
    }
    all.add(started).add(others).add(mind.idle_.size());
    for (const ledger::connection& c : mind.idle_)
      all.add(of(known(c)));
    for (const link* c : pool.expectation().idle)
      all.add(of(*c));
  }

  void add_pool(mixer& all) const {
    all.add(mind.closed_).add(pool.has_permits()).add(mind.dials_are_held_).add(mind.probe_due_);
    all.add(mind.prewarm_).add(mind.overhang_).add(ahead(mind.sweep_at_));
    const pool_limits& limits = mind.limits_;
    all.add(limits.max_connections).add(limits.max_waiters).add(limits.min_idle);
    all.add(limits.max_dials);
    if (mind.failures_ == 0)
      return;
    unsigned doublings = 0; // Those beyond the longest pause make no difference.
    for (duration pause = mind.min_backoff_;
         doublings < mind.failures_ && pause > duration::zero() && pause < mind.max_backoff_;
         pause *= 2)
      ++doublings;
    all.add(1 + doublings).add(ahead(mind.next_dial_)).add(ahead(pool.pause().earliest));
    all.add(ahead(pool.pause().latest));
  }
};

} // namespace httpool::detail

namespace httpool::test {

std::uint64_t digest_of(const checked_ledger& pool) {
  return detail::ledger_digest{pool}.value();
}

} // namespace httpool::test
