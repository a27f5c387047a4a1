#include "sim/ledger/random_events.hpp"

#include <algorithm>
#include <limits>

namespace httpool::test {
namespace {

using namespace std::chrono_literals;
using kind = event::kind;

constexpr std::size_t endless = std::numeric_limits<std::size_t>::max();

} // namespace

random_events::random_events(std::uint64_t seed, scale size)
    : random_(seed), size_(size), options_(random_options()), pace_(random_pace()) {}

pool_options random_events::random_options() {
  pool_options o;
  if (size_ == scale::small) {
    o.max_connections = random_.one_of<std::size_t>({1, 2, 3, 8, 16, 30, endless});
    o.max_waiters = random_.one_of<std::size_t>({0, 1, 3, 50, 1024, 1024, endless});
    o.min_idle = random_.one_of<std::size_t>({0, 0, 1, 2, 5});
    o.max_dials = random_.one_of<std::size_t>({1, 2, 8, 8, endless});
  } else {
    o.max_connections = random_.one_of<std::size_t>({100, 1000, 3000, 5000});
    o.max_waiters = random_.one_of<std::size_t>({0, 100, 4000, endless});
    o.min_idle = random_.one_of<std::size_t>({0, 0, 10, 1000});
    o.max_dials = random_.one_of<std::size_t>({8, 100, 2000, endless});
  }
  o.min_idle = std::min(o.max_connections, o.min_idle);
  o.dial_backoff = random_.one_of<duration>({0ns, 1ns, 1ms, 1ms, 100ms, 100ms, 1h});
  o.max_dial_backoff =
      std::max<duration>(o.dial_backoff, random_.one_of<duration>({0s, 20ms, 10s, for_ever}));
  if (random_.chance(2))
    o.dial_backoff = o.max_dial_backoff = for_ever;
  o.dial_timeout = random_.one_of<duration>({1ns, 50ms, 10s, 10s, for_ever});
  o.idle_timeout = random_.one_of<duration>({1ns, 1ms, 1s, 1s, 30s, 30s, 30s, for_ever});
  o.max_lifetime = random_.one_of<duration>({1ns, 50ms, 10s, 10min, 10min, 10min, for_ever});
  o.max_uses = random_.one_of<std::uint64_t>({0, 0, 0, 0, 1, 3, 100, endless});
  if (random_.chance(60))
    o.probe.ask = answers_well;
  o.probe.interval = random_.one_of<duration>({1ns, 10ms, 100ms, 1s, 10s, for_ever});
  o.lease_warning = random_.one_of<duration>({1ns, 10ms, 1s, for_ever, for_ever, for_ever});
  o.probe.timeout = random_.one_of<duration>({1ns, 10ms, 1s, 1s, for_ever});
  return o;
}

random_events::pace random_events::random_pace() {
  const bool is_large = size_ == scale::large; // And gets a crowd of waiters.
  return {.acquires = is_large ? random_.one_of<std::size_t>({5, 40, 70, 95})
                               : random_.one_of<std::size_t>({1, 5, 20, 40}),
          .wakes = random_.one_of<std::size_t>({2, 2, 10, 50}),
          .longest_step = random_.one_of<duration>({1ns, 1us, 1ms, 1ms, 20ms, 300ms}),
          .good_dials = random_.one_of({0u, 50u, 90u, 90u, 100u}),
          .good_looks = random_.one_of({50u, 90u, 100u})};
}

duration random_events::timeout() {
  return random_.one_of<duration>({random_.one_of<duration>({duration::min(), 0ns, 1ns}), 1ms,
                                   100ms, random_.up_to(2s), 5s, 5s, 5s, 5s, 5s, for_ever,
                                   for_ever});
}

duration random_events::max_idle() {
  return random_.one_of<duration>({for_ever, for_ever, for_ever, for_ever, 0ns, 1ms, 1s, -1ns});
}

/// Often none, at times to a wake or next to it, seldom hours or years.
duration random_events::step(const checked_ledger& pool) {
  if (random_.chance(30))
    return 0ns;
  const time_point wake = pool.mind().next_wake(pool.now());
  if (random_.below(100) < pace_.wakes && wake < saturating_add(pool.now(), 24h))
    return std::max<duration>(0ns, wake - pool.now() + random_.one_of<duration>({-1ns, 0ns, 1ns}));
  if (random_.below(1000) > 2)
    return random_.up_to(pace_.longest_step);
  const duration leap = random_.one_of<duration>({1min, 1h, 24h * 365 * 5, 24h * 365 * 100});
  return random_.up_to(leap > 24h && !random_.chance(10) ? 1h : leap);
}

event random_events::next(const checked_ledger& pool) {
  event e;
  e.after = step(pool);
  e.what = kind_of(pool);
  e.which = static_cast<std::uint32_t>(random_.roll());
  switch (e.what) {
  case kind::acquire:
  case kind::cancelled_acquire:
    e.max_idle = max_idle();
    [[fallthrough]];
  case kind::redial:
    e.timeout = timeout();
    e.dial_timeout = random_.chance(70) ? for_ever : timeout();
    break;
  case kind::try_acquire:
    e.max_idle = max_idle();
    break;
  case kind::limit_idle:
    e.max_idle = random_.one_of<duration>({duration::min(), 0ns, 1ns, 1ms, 4s, for_ever});
    break;
  case kind::limit_uses:
    e.count = random_.one_of<std::uint64_t>({0, 1, 3, endless - 1, endless});
    break;
  case kind::prewarm:
    e.count = random_.one_of<std::uint64_t>({0, 1, 3, 10, endless});
    break;
  case kind::lease_deadline:
    e.timeout = random_.chance(30) ? for_ever : random_.up_to(1s);
    break;
  case kind::end_again:
  case kind::watch_again:
    e.timeout = random_.up_to(1s);
    break;
  case kind::set_limits: {
    const pool_options o = random_options();
    e.limits = {o.max_connections, o.max_waiters, o.min_idle, o.max_dials};
    break;
  }
  default:
    break;
  }
  return e;
}

event::kind random_events::kind_of(const checked_ledger& pool) {
  if (storm_ > 0 && !pool.waiting().empty())
    return --storm_, kind::cancel;
  if (random_.below(100) < pace_.acquires)
    return random_.chance(2) ? kind::cancelled_acquire : kind::acquire;
  const std::size_t roll = random_.below(1000);
  if (roll < 40)
    return kind::try_acquire;
  if (roll < 300 && !pool.looks().empty()) {
    if (random_.below(100) < pace_.good_looks)
      return kind::accept;
    return random_.chance(50) ? kind::stale : kind::undelivered;
  }
  if (roll < 500 && !pool.leases().empty())
    return lease_ends(pool);
  if (roll < 680)
    return dial_ends(pool);
  if (roll < 800)
    return kind::closed;
  if (roll < 820)
    return kind::spoke;
  if (roll < 870)
    return random_.chance(90) ? kind::answered : kind::unanswered;
  if (roll < 890) {
    storm_ = random_.chance(10) ? 50 : 0;
    return random_.chance(20) ? kind::cancel_granted : kind::cancel;
  }
  return rare(roll);
}

event::kind random_events::lease_ends(const checked_ledger&) {
  const std::size_t roll = random_.below(100);
  if (roll < 85)
    return kind::returned;
  if (roll < 90)
    return kind::dropped;
  return roll < 98 ? kind::redial : kind::detached;
}

event::kind random_events::dial_ends(const checked_ledger& pool) {
  if (pool.dials().empty())
    return pool.closing().empty() ? kind::tick : kind::closed;
  return random_.chance(pace_.good_dials) ? kind::dialed : kind::dial_failed;
}

event::kind random_events::rare(std::size_t roll) {
  if (roll < 900)
    return kind::lease_deadline;
  if (roll < 910)
    return random_.chance(50) ? kind::limit_idle : kind::limit_uses;
  if (roll < 913)
    return kind::prewarm;
  if (roll < 915)
    return kind::set_limits;
  if (roll < 916)
    return kind::cut_off_all;
  if (roll < 918) {
    pace_ = random_pace();
    return kind::tick;
  }
  if (roll < 920)
    return random_.chance(3) ? kind::close : kind::tick;
  if (roll < 925)
    return kind::evict;
  if (roll < 928)
    return kind::no_permits;
  if (roll < 940)
    return kind::permits;
  if (roll < 943)
    return kind::no_memory;
  if (roll < 950)
    return random_.chance(50) ? kind::end_again : kind::watch_again;
  return kind::tick;
}

} // namespace httpool::test
