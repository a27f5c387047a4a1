// What the ledger tells about itself: its next wake, its figures, and whether its invariants hold.

#include "pool/ledger.hpp"

#include <algorithm>
#include <stdexcept>
#include <string>

namespace httpool::detail {
namespace {

connection_state visible(ledger::state where) noexcept {
  switch (where) {
  case ledger::state::dialing:
    return connection_state::dialing;
  case ledger::state::idle:
    return connection_state::idle;
  case ledger::state::leased:
    return connection_state::leased;
  default:
    return connection_state::closing;
  }
}

/// When its dial began or, if it is held back, the wait for that.
time_point dialed_at(const ledger::connection& c) noexcept {
  return c.dial_started ? c.dialed_at : c.reserved_for->since;
}

/// Since when a connection is in its state, as far as that is known.
time_point since(const ledger::connection& c) noexcept {
  const bool was_leased = c.leased_at != time_point();
  if (c.where == ledger::state::idle)
    return c.idle_since;
  return was_leased && c.where != ledger::state::dialing ? c.leased_at : dialed_at(c);
}

} // namespace

time_point ledger::first_due(time_point now) const noexcept {
  time_point first = time_point::max();
  if (!waiting_until_.empty())
    first = waiting_until_.begin()->deadline;
  if (!ending_by_.empty())
    first = std::min(first, ending_by_.begin()->deadline);
  if (!idle_.empty())
    first = std::min({first, sweep_at_, idle_deadline()});
  if (warn_at_ < first && !leased_.empty() && !closed_)
    first = warn_at_;
  const bool dial_waits = failures_ > 0 && (lacks_dial() || held_back_ > 0);
  const bool waits_for_permit = dials_are_held_ && held_back_ == 0 && next_dial_ <= now;
  if (dial_waits && !waits_for_permit && dials_in_flight() < limits_.max_dials)
    first = std::min(first, next_dial_);
  return first;
}

pool_snapshot ledger::snapshot() const noexcept {
  pool_snapshot result;
  result.dialing = dialing_.size();
  result.idle = idle_.size();
  result.leased = leased_.size();
  result.closing = closing_.size();
  result.waiting = queue_.size() + own_dials_;
  result.last_dial_error = counts_.last_dial_error;
  return result;
}

pool_stats ledger::stats(time_point now) const noexcept {
  pool_stats result = counts_;
  static_cast<pool_snapshot&>(result) = snapshot();
  result.max_connections = limits_.max_connections;
  result.age = now - made_at_;
  for (const connection& c : leased_) {
    result.leased_time = saturating_sum(result.leased_time, now - c.leased_at, 1);
    result.overdue += c.overdue;
  }
  return result;
}

pool_histograms ledger::histograms() const noexcept {
  if (!histograms_)
    return pool_histograms();
  pool_histograms result = *histograms_;
  // Grants of what was idle already are many and took no time: they were counted once.
  result.acquire_wait.record(duration::zero(), counts_.granted - result.acquire_wait.count());
  return result;
}

pool_view ledger::view(time_point now) const {
  pool_view result;
  result.stats = stats(now);
  result.dial_failures = failures_;
  result.backoff = failures_ == 0 ? duration() : std::max(next_dial_ - now, duration());
  result.connections.reserve(total());
  for_each([&](const connection& c) {
    connection_view& seen = result.connections.emplace_back();
    seen.id = c.where == state::dialing ? 0 : c.id;
    seen.state = visible(c.where);
    seen.probed = c.probing;
    seen.uses = c.uses;
    seen.dialed_at = dialed_at(c);
    seen.since = since(c);
  });
  return result;
}

void ledger::check_invariants(time_point now) const {
  const auto require = [](bool holds, const char* invariant) {
    if (!holds)
      throw std::logic_error(std::string("ledger invariant broken: ") + invariant);
  };
  require(total_ == open() + closing_.size(), "1: connections add up");
  require(total() <= std::max(limits_.max_connections, overhang_),
          "1: no more connections than max_connections");

  std::size_t held_back = 0, reserved = 0, probing = 0, evicting = 0, with_deadline = 0;
  const auto check_list = [&](const connections& list, state where) {
    for (const connection& c : list) {
      require(c.where == where, "2: a connection is in the list that its state says");
      require(c.reserved_for == nullptr || where == state::dialing, "2: only dials are reserved");
      require(!c.probing || where == state::leased, "2: a probed connection is leased");
      require(c.deadline == time_point::max() || where == state::leased || c.dial_started,
              "7: only a dial and a leased connection have a deadline");
      require(!c.watched || where != state::leased, "7: a leased connection is not watched");
      require(where != state::leased || c.probing || c.overdue ||
                  lease_warning_ == duration::max() ||
                  warn_at_ <= saturating_add(c.leased_at, lease_warning_),
              "11: no lease is forgotten");
      held_back += where == state::dialing && !c.dial_started;
      reserved += c.reserved_for != nullptr;
      probing += c.probing;
      evicting += where == state::closing && c.reason == close_reason::evicted;
      with_deadline += c.deadline != time_point::max();
    }
  };
  check_list(dialing_, state::dialing);
  check_list(idle_, state::idle);
  check_list(leased_, state::leased);
  check_list(closing_, state::closing);
  require(held_back == held_back_, "1: retries held back are counted");
  require(reserved == own_dials_,
          "3: each waiter without a place in the queue has one dial of its own");
  require(probing == probing_, "1: probes are counted");
  require(evicting == evicting_, "1: evictions are counted");
  require(with_deadline == ending_by_.size(), "13: each deadline is kept once");
  require(quiet_until() <= first_due(now), "13: nothing is due before it is noted to be");

  std::size_t queued = 0, choosy = 0;
  time_point previous = time_point::min();
  std::uint64_t turn = 0;
  for (const waiter& w : queue_) {
    require(w.where == waiter::place::queued, "3: a queued waiter knows that it is");
    require(turn <= w.turn, "6: waiters queue in the order of their acquires");
    turn = w.turn;
    ++queued;
  }
  turn = 0;
  for (const waiter& w : choosy_) {
    require(w.where == waiter::place::choosy, "3: a choosy waiter knows that it is");
    require(turn <= w.turn, "6: choosy waiters are in the order of their acquires");
    turn = w.turn;
    ++choosy;
  }
  for (const waiter& w : waiting_until_) {
    require(w.where != waiter::place::nowhere, "3: whoever has a deadline waits");
    require(previous <= w.deadline, "13: deadlines are in order");
    previous = w.deadline;
  }
  require(queued + own_dials_ == waiting_until_.size(), "3: each waiter has one deadline");

  // Who waits for a dial of its own, in flight, has declined what is idle: the one exception.
  require(choosy + held_back_ <= own_dials_ && choosy <= dials_in_flight(),
          "4: whoever declines idle connections has a dial in flight");
  require(queue_.empty() || idle_.empty(), "4: nobody waits while a connection is idle");
  require(!lacks_startable_dial(now), "4: nobody waits while there is room and a dial may start");
  require(held_back_ == 0 || !may_start_dial(now), "4: no retry is held back without need");

  require(dials_in_flight() <= std::max(limits_.max_dials, overhang_),
          "9: no more dials in flight than max_dials");
  previous = time_point::min();
  for (const connection& c : idle_) {
    require(previous <= c.idle_since, "11: idle connections are in the order of their age");
    require(sweep_at_ <= due(c), "11: no idle connection is forgotten");
    previous = c.idle_since;
  }
  require(idle_.empty() || quiet_until_ <= std::min(sweep_at_, idle_deadline()),
          "7: no idle connection is thought fit too long");
  require(!closed_ || (queue_.empty() && idle_.empty() && own_dials_ == 0 && held_back_ == 0),
          "15: nothing waits or is idle after close");

  const pool_stats s = stats(now);
  require(s.acquires == s.granted + s.timed_out + s.cancelled + s.failed + s.refused + s.waiting,
          "3: acquires add up");
  require(s.dials == s.made + s.dials_failed + s.dialing, "9: dials add up");
  require(s.made == s.idle + s.leased + s.closed(), "2: connections made add up");
  if (!histograms_)
    return;
  const pool_histograms& lengths = *histograms_;
  require(lengths.acquire_wait.count() <= s.granted && lengths.acquire_wait.sum() == s.wait_time,
          "3: waits add up");
  require(lengths.dial.count() == s.made && lengths.failed_dial.count() <= s.dials_failed,
          "9: dials that ended add up");
  require(lengths.lease.count() + s.leased - probing_ == s.granted, "2: leases add up");
  require(lengths.lifetime.count() == s.closed(), "2: lifetimes add up");
}

} // namespace httpool::detail
