// The events: what each means for the waiters and connections it names.

#include "pool/ledger.hpp"

#include <httpool/error.hpp>

#include <algorithm>
#include <limits>

namespace httpool::detail {

using action = ledger::decision::action;

ledger::ledger(const pool_options& options, time_point now, std::uint64_t seed)
    : limits_{options.max_connections, options.max_waiters, options.min_idle, options.max_dials},
      max_uses_(options.max_uses == 0 ? std::numeric_limits<std::uint64_t>::max()
                                      : options.max_uses),
      dial_timeout_(options.dial_timeout),
      idle_timeout_(options.idle_timeout),
      max_lifetime_(options.max_lifetime),
      min_backoff_(options.dial_backoff),
      max_backoff_(options.max_dial_backoff),
      lease_warning_(options.lease_warning),
      probe_interval_(options.probe.ask ? options.probe.interval : duration::max()),
      random_(seed),
      made_at_(now),
      histograms_(options.metrics ? std::make_unique<pool_histograms>() : nullptr) {
  reserve_decisions();
}

// Callers -----------------------------------------------------------------------------------------

void ledger::acquire(time_point now, waiter& caller, time_point deadline, duration max_idle,
                     time_point dial_deadline) {
  begin_event();
  reserve_decisions();
  start_retries(now);
  ++counts_.acquires;
  caller.turn = ++turns_;
  begin_wait(caller, now, deadline, max_idle, dial_deadline);
  if (closed_)
    return fail(caller, error::pool_closed, counts_.failed);
  if (caller.cancelled)
    return fail(caller, caller.cancelled, counts_.cancelled);
  if (queue_.empty()) {
    connection* const c = take_idle(now);
    if (c && !prefers_dial(now, caller, *c))
      return grant(now, caller, *c);
  }
  if (deadline <= now)
    return fail(caller, error::acquire_timeout, counts_.timed_out);
  if (too_many_waiters())
    return fail(caller, error::too_many_waiters, counts_.refused);
  park_in_queue(caller, queue_.end());
}

ledger::connection* ledger::try_acquire(time_point now, duration max_idle) {
  begin_event();
  start_retries(now);
  if (closed_ || !queue_.empty())
    return nullptr;
  connection* c = take_idle(now);
  if (c && now - c->idle_since >= max_idle && max_idle != duration::max())
    c = nullptr;
  if (c) {
    ++counts_.acquires;
    ++counts_.granted;
    counts_.reused += c->uses > 0;
    ++c->uses;
    begin_lease(now, *c);
  }
  return c;
}

void ledger::cancel(time_point now, waiter& caller, boost::system::error_code reason) {
  begin_event();
  if (has_own_dial(caller))
    give_up_own_dial(caller);
  if (caller.where == waiter::place::nowhere)
    caller.cancelled = reason;
  else
    fail(caller, reason, counts_.cancelled);
  settle(now);
}

void ledger::returned(time_point now, connection& c) {
  begin_event();
  c.idle_since = now;
  c.checked_at = now;
  c.waited = false;
  end_lease(now, c);
  hand_on(now, c);
  settle(now);
}

void ledger::undelivered(time_point now, connection& c) {
  begin_event();
  --c.uses;
  c.waited = true;
  end_lease(now, c);
  hand_on(now, c);
  settle(now);
}

void ledger::dropped(time_point now, connection& c, close_reason reason) {
  begin_event();
  end_lease(now, c);
  begin_close(now, c, closed_ ? close_reason::pool_closed : reason);
  settle(now);
}

void ledger::stale(time_point now, connection& c, waiter* caller, close_reason reason) {
  begin_event();
  --counts_.granted;
  counts_.reused -= c.uses > 1;
  if (caller) {
    const duration wait = c.leased_at - caller->since;
    counts_.wait_time -= std::min(counts_.wait_time, wait); // which a sum that has its end may lack
    if (histograms_)
      histograms_->acquire_wait.take_back(wait);
  }
  --c.uses;
  undo_lease(now, c);
  begin_close(now, c, reason);
  if (!caller) {
    --counts_.acquires;
  } else if (closed_) {
    fail(*caller, error::pool_closed, counts_.failed);
  } else if (caller->cancelled) {
    fail(*caller, caller->cancelled, counts_.cancelled);
  } else {
    const auto came_later = [&](const waiter& w) { return w.turn > caller->turn; };
    park_in_queue(*caller, std::find_if(queue_.begin(), queue_.end(), came_later));
  }
  settle(now);
  if (caller && caller->where == waiter::place::queued && caller->ends_by <= now)
    fail(*caller, error::acquire_timeout, counts_.timed_out); // no dial for one who cannot wait
}

void ledger::redial(time_point now, connection& c, close_reason reason, waiter& caller,
                    time_point deadline, time_point dial_deadline) {
  begin_event();
  reserve_decisions();
  ++counts_.acquires;
  caller.turn = 0; // Whoever queues came after it had been granted.
  begin_wait(caller, now, deadline, duration::max(), dial_deadline);
  end_lease(now, c);
  count_closed(now, c, reason);
  if (closed_ || caller.cancelled || deadline <= now) {
    remove(c);
    decide(action::forget, nullptr, &c);
    if (closed_)
      fail(caller, error::pool_closed, counts_.failed);
    else if (caller.cancelled)
      fail(caller, caller.cancelled, counts_.cancelled);
    else
      fail(caller, error::acquire_timeout, counts_.timed_out);
  } else {
    move(c, state::dialing);
    c.id = 0;
    c.reserved_for = &caller;
    c.dial_started = false;
    ++held_back_;
    ++counts_.dials;
    park(caller, waiter::place::retrying);
    ++own_dials_;
  }
  settle(now);
}

void ledger::detached(time_point now, connection& c, close_reason why) {
  begin_event();
  end_lease(now, c);
  count_closed(now, c, why);
  remove(c);
  settle(now);
}

void ledger::limit_uses(connection& c, std::uint64_t more) const noexcept {
  c.max_uses = c.uses > max_uses_ || more > max_uses_ - c.uses ? max_uses_ : c.uses + more;
}

// Connections -------------------------------------------------------------------------------------

bool ledger::lacks_startable_dial(time_point now) const noexcept {
  return !dials_are_held_ && (lacks_dial() || lacks_own_dial()) && may_start_dial(now);
}

void ledger::hold_dials(time_point now) {
  dials_are_held_ = true;
  settle(now);
}

need ledger::dials_for(time_point now) const noexcept {
  if (!lacks_dial() || !may_start_dial(now))
    return need::none;
  return dialing_.size() - own_dials_ < queue_.size() ? need::urgent : need::spare;
}

void ledger::dial(time_point now, connection& c) {
  reserve_decisions();
  const bool is_own = lacks_own_dial(); // Before the dial takes the room that it needs.
  c = connection();
  c.where = state::dialing;
  dialing_.push_back(c);
  ++total_;
  ++counts_.dials;
  counts_.peak_total = std::max(counts_.peak_total, total());
  end_prewarm();
  begin_dial(now, c);
  if (is_own) {
    reserve_for_first(c);
    settle(now);
  }
}

void ledger::dialed(time_point now, connection& c) {
  begin_event();
  waiter* const reserved_for = c.reserved_for;
  end_dial(c);
  failures_ = 0;
  next_dial_ = time_point::min();
  counts_.last_dial_error = {};
  ++counts_.made;
  if (histograms_)
    histograms_->dial.record(now - c.dialed_at);
  if (c.id == 0)
    name(c);
  c.uses = 0;
  c.max_uses = max_uses_;
  c.max_idle = duration::max();
  c.waited = false;
  c.made_at = now;
  c.idle_since = now;
  c.checked_at = now;
  c.expires_at = saturating_add(now, spread(max_lifetime_, 10));
  if (reserved_for)
    grant(now, *reserved_for, c);
  else
    hand_on(now, c);
  settle(now);
}

void ledger::dial_failed(time_point now, connection& c, boost::system::error_code why,
                         time_point then) {
  begin_event();
  waiter* const reserved_for = c.reserved_for;
  end_dial(c);
  remove(c);
  ++counts_.dials_failed;
  if (histograms_)
    histograms_->failed_dial.record(now - c.dialed_at);
  if (closed_)
    return;
  count_dial_failure(now, c.dialed_at, why);
  next_dial_ = std::max(next_dial_, then);
  if (reserved_for) {
    connection* const idle =
        reserved_for->where == waiter::place::choosy ? take_idle(now) : nullptr;
    if (idle)
      grant(now, *reserved_for, *idle);
    else
      fail(*reserved_for, why, counts_.failed);
  } else if (dialing_.size() - own_dials_ < queue_.size()) {
    fail(queue_.front(), why, counts_.failed);
  }
  settle(now);
}

void ledger::dial_not_made(time_point now, boost::system::error_code why, time_point then) {
  ++counts_.dials;
  ++counts_.dials_failed;
  const bool is_for_first = dialing_.size() - own_dials_ < queue_.size();
  count_dial_failure(now, now, why);
  next_dial_ = std::max(next_dial_, then);
  if (is_for_first && idle_.empty())
    fail(queue_.front(), why, counts_.failed);
  settle(now);
}

void ledger::end_again(connection& c, time_point then) noexcept {
  c.dial_aborted = false;
  set_deadline(c, then);
}

void ledger::watch_again(connection& c, time_point then) noexcept {
  c.watched = false;
  c.watch_at = then;
  sweep_at_ = std::min(sweep_at_, then);
  note_due(then);
}

void ledger::closed(time_point now, connection& c) {
  begin_event();
  evicting_ -= c.reason == close_reason::evicted;
  remove(c);
  settle(now);
}

ledger::connection* ledger::find_idle(std::uint64_t id) noexcept {
  for (connection& c : idle_) {
    if (c.id == id)
      return &c;
  }
  return nullptr;
}

void ledger::spoke(time_point now, connection& c, close_reason reason) {
  begin_event();
  if (c.where == state::idle)
    begin_close(now, c, reason);
  settle(now);
}

void ledger::probed(time_point now, connection& c, bool good) {
  begin_event();
  end_lease(now, c);
  c.checked_at = now;
  counts_.probes_failed += !good;
  if (good)
    hand_on(now, c);
  else
    begin_close(now, c, closed_ ? close_reason::pool_closed : close_reason::probe_failed);
  settle(now);
}

// The pool ----------------------------------------------------------------------------------------

void ledger::tick(time_point now) {
  begin_event();
  shrink_decisions();
  const bool has_shared_dial = dialing_.size() > own_dials_;
  while (!waiting_until_.empty() && waiting_until_.begin()->deadline <= now)
    look_at(now, *waiting_until_.begin(), has_shared_dial);
  while (!ending_by_.empty() && ending_by_.begin()->deadline <= now) {
    connection& c = *ending_by_.begin();
    if (c.where == state::dialing) {
      abort_dial(c);
    } else {
      set_deadline(c, time_point::max());
      decide(action::cut_off, nullptr, &c);
    }
  }
  close_expired_idle(now);
  if (sweep_at_ <= now)
    sweep(now);
  if (warn_at_ <= now)
    report_overdue(now);
  settle(now);
}

void ledger::prewarm(time_point now, std::size_t count) {
  begin_event();
  if (!closed_)
    prewarm_ = std::max(prewarm_, std::min(count, limits_.max_connections));
  end_prewarm();
  settle(now);
}

void ledger::set_limits(time_point now, const pool_limits& limits) {
  begin_event();
  limits_ = limits;
  prewarm_ = std::min(prewarm_, limits.max_connections);
  end_prewarm();
  while (open() > limits_.max_connections && !idle_.empty())
    begin_close(now, idle_.front(), close_reason::surplus);
  overhang_ = total();
  note_due(idle_deadline());
  settle(now);
}

void ledger::close(time_point now) {
  begin_event();
  closed_ = true;
  prewarm_ = 0;
  while (!waiting_until_.empty()) {
    waiter& w = *waiting_until_.begin();
    if (has_own_dial(w))
      give_up_own_dial(w);
    fail(w, error::pool_closed, counts_.failed);
  }
  while (!idle_.empty())
    begin_close(now, idle_.front(), close_reason::pool_closed);
  for (connection& c : dialing_)
    abort_dial(c);
  for (connection& c : leased_) {
    if (!c.probing)
      continue;
    set_deadline(c, time_point::max());
    decide(action::cut_off, nullptr, &c);
  }
  settle(now);
}

bool ledger::evict(time_point now) {
  begin_event();
  const bool found = !idle_.empty();
  if (found) {
    begin_close(now, idle_.front(), close_reason::evicted);
    ++evicting_;
  }
  settle(now);
  return found;
}

void ledger::cut_off_all(time_point now) {
  begin_event();
  for (connection& c : leased_) {
    set_deadline(c, time_point::max());
    decide(action::cut_off, nullptr, &c);
  }
  settle(now);
}

} // namespace httpool::detail
