// Pools that share a budget, each reduced to its ledger, with a clock that the test sets. What a
// pool does with its budget is done here as the real one does it, on one thread.
#pragma once

#include "unit/ledger_fixture.hpp"

#include <memory>
#include <numeric>
#include <stdexcept>

namespace httpool::test {

using detail::budget;
using detail::need;

class budget_fixture;

/// One of the pools.
struct tenant {
  explicit tenant(budget_fixture& all_of_them, const pool_options& options, std::uint64_t seed);
  ~tenant();

  tenant(const tenant&) = delete;
  tenant& operator=(const tenant&) = delete;

  /// An event, and all that follows from it, in other pools too.
  template <class Change>
  void event(Change change);

  caller& acquire(duration timeout = 5s);
  void cancel(caller& w);
  connection& dialed();
  void dial_fails();
  void give_back(connection& c);
  void drop(connection& c);
  void closed();
  void tick();

  /// A leased connection, dialed for it.
  connection& lease();

  budget_fixture& all;
  std::deque<caller> callers;
  std::deque<connection> connections;
  std::vector<connection*> dials, leases, closing;
  std::size_t evictions = 0;
  ledger mind;
  budget::seat seat;
  need asked = need::none;

private:
  void after_event();
  void take_decisions();
  void ask(need what);

  std::size_t permits_ = 0;
  std::size_t evicting_ = 0;
};

class budget_fixture {
public:
  explicit budget_fixture(std::size_t max_connections) : shared(max_connections) {}

  tenant& pool(const pool_options& options = {.min_idle = 0}) {
    pools.push_back(std::make_shared<tenant>(*this, options, pools.size() + 1));
    tenant& t = *pools.back();
    shared.join(t.seat, pools.back());
    t.tick();
    return t;
  }

  void destroy(tenant& t) {
    const auto found = std::find_if(pools.begin(), pools.end(),
                                    [&](const auto& each) { return each.get() == &t; });
    auto last = std::move(*found);
    pools.erase(found);
    last.reset();
    run_errands();
  }

  std::size_t total() const {
    return std::accumulate(pools.begin(), pools.end(), std::size_t{0},
                           [](std::size_t sum, const auto& p) { return sum + p->mind.total(); });
  }

  void run_errands() {
    if (std::exchange(is_busy, true))
      return;
    for (budget::errand next = shared.next_errand(); next.pool; next = shared.next_errand())
      run(next.what, *static_cast<tenant*>(next.pool.get()));
    is_busy = false;
    check();
  }

  void check() const {
    shared.check_invariants();
    if (shared.in_use() != total())
      throw std::logic_error("connections of all pools are those in use");
    for (const auto& p : pools) {
      if (p->mind.lacks_permit(now) != p->asked)
        throw std::logic_error("each pool queues for what it lacks");
    }
  }

  time_point now = time_point(1h);
  budget shared;
  std::vector<const tenant*> turns; ///< Pools with callers, in the order in which they queued.
  std::vector<std::shared_ptr<tenant>> pools;
  bool is_busy = false;

private:
  void run(budget::errand::action what, tenant& t) {
    if (what == budget::errand::action::go_on) {
      if (t.asked == need::urgent) {
        if (turns.empty() || turns.front() != &t)
          throw std::logic_error("first come, first served");
        turns.erase(turns.begin());
      } else if (!turns.empty()) {
        throw std::logic_error("callers come before spare connections");
      }
      return t.tick();
    }
    for (const auto& p : pools) {
      if (p->mind.oldest_idle() < t.mind.oldest_idle())
        throw std::logic_error("the longest idle connection of all is evicted");
    }
    bool found = false;
    t.event([&] { found = t.mind.evict(now); });
    if (!found)
      throw std::logic_error("the pool that is to evict has something idle");
    ++t.evictions;
  }
};

inline tenant::tenant(budget_fixture& all_of_them, const pool_options& options, std::uint64_t seed)
    : all(all_of_them), mind(options, all.now, seed) {}

inline tenant::~tenant() {
  std::erase(all.turns, this);
  all.shared.leave(seat);
}

template <class Change>
void tenant::event(Change change) {
  mind.allow_dials();
  change();
  after_event();
  all.run_errands();
}

inline void tenant::after_event() {
  const auto give_back_permits = [this] {
    const std::size_t total = mind.total();
    if (total < permits_ && mind.dials_for(all.now) == need::urgent)
      ask(need::urgent);
    if (total < permits_)
      all.shared.give_back(seat, permits_ - total,
                           evicting_ - std::min(evicting_, mind.evicting()));
    permits_ = total;
    evicting_ = mind.evicting();
  };
  give_back_permits();
  while (mind.wants_dial(all.now)) {
    if (!all.shared.take(seat)) {
      mind.hold_dials(all.now);
      break;
    }
    std::erase(all.turns, this);
    asked = need::none;
    ++permits_;
    dials.push_back(&connections.emplace_back());
    mind.dial(all.now, *dials.back());
  }
  take_decisions();
  give_back_permits();
  ask(mind.lacks_permit(all.now));
  seat.publish(mind.oldest_idle());
  mind.check_invariants(all.now);
}

inline void tenant::ask(need what) {
  if (what == asked)
    return;
  asked = what;
  std::erase(all.turns, this);
  if (all.shared.ask(seat, what))
    all.turns.push_back(this);
}

inline void tenant::take_decisions() {
  using action = ledger::decision::action;
  for (const ledger::decision& d : mind.decisions()) {
    if (d.waiter) {
      caller& w = static_cast<caller&>(*d.waiter);
      ++w.ends;
      w.got = d.connection;
      w.error = d.error;
      if (w.got)
        leases.push_back(w.got);
    }
    if (d.what == action::dial)
      dials.push_back(d.connection);
    if (d.what == action::close)
      closing.push_back(d.connection);
  }
}

inline caller& tenant::acquire(duration timeout) {
  caller& w = callers.emplace_back();
  event([&] { mind.acquire(all.now, w, detail::saturating_add(all.now, timeout)); });
  return w;
}

inline void tenant::cancel(caller& w) {
  event([&] { mind.cancel(all.now, w, aborted); });
}

inline connection& tenant::dialed() {
  connection& c = *dials.front();
  dials.erase(dials.begin());
  event([&] { mind.dialed(all.now, c); });
  return c;
}

inline void tenant::dial_fails() {
  connection& c = *dials.front();
  dials.erase(dials.begin());
  event([&] { mind.dial_failed(all.now, c, refused_by_peer); });
}

inline void tenant::give_back(connection& c) {
  std::erase(leases, &c);
  event([&] { mind.returned(all.now, c); });
}

inline void tenant::drop(connection& c) {
  std::erase(leases, &c);
  event([&] { mind.dropped(all.now, c, close_reason::dropped); });
}

inline void tenant::closed() {
  while (!closing.empty()) {
    connection& c = *closing.front();
    closing.erase(closing.begin());
    event([&] { mind.closed(all.now, c); });
  }
}

inline void tenant::tick() {
  event([&] { mind.tick(all.now); });
}

inline connection& tenant::lease() {
  caller& w = acquire(for_ever);
  if (w.waits())
    dialed();
  BOOST_REQUIRE(w.got);
  return *w.got;
}

} // namespace httpool::test
