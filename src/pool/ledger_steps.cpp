// The steps that events share: what becomes of waiters and connections.

#include "pool/ledger.hpp"

#include <httpool/error.hpp>

#include <algorithm>
#include <new>

namespace httpool::detail {
namespace {

/// Decisions that one event may take beyond two for each waiter and connection.
constexpr std::size_t spare_decisions = 16;

} // namespace

using action = ledger::decision::action;

// Waiters -----------------------------------------------------------------------------------------

void ledger::serve_queue(time_point now) {
  while (!queue_.empty()) {
    connection* const c = take_idle(now);
    if (!c || prefers_dial(now, queue_.front(), *c))
      break;
    grant(now, queue_.front(), *c);
  }
}

/// Room for all that the events of the connections and waiters there are may decide, so that no
/// later event needs memory.
void ledger::reserve_decisions() {
  const std::size_t needed = most_decisions();
  if (decisions_.capacity() < needed)
    decisions_.reserve(2 * needed);
}

/// Gives back, between events, what a crowd long gone has made us reserve.
void ledger::shrink_decisions() noexcept try {
  const std::size_t needed = most_decisions();
  if (decisions_.capacity() / 16 <= needed)
    return;
  std::vector<decision> smaller;
  smaller.reserve(2 * needed);
  decisions_.swap(smaller);
} catch (const std::bad_alloc&) { // The large one will do.
}

std::size_t ledger::most_decisions() const noexcept {
  return 2 * (queue_.size() + own_dials_ + total() + 1) + spare_decisions;
}

void ledger::decide(action what, waiter* w, connection* c, boost::system::error_code why) {
  decisions_.push_back(decision{what, w, c, why});
}

void ledger::begin_wait(waiter& w, time_point now, time_point deadline, duration max_idle,
                        time_point dial_deadline) noexcept {
  w.since = now;
  w.deadline = std::min(deadline, dial_deadline);
  w.ends_by = deadline;
  w.max_idle = max_idle;
}

/// A waiter's time has come: either it has waited for long enough, or it waits for no dial any
/// more. Whoever has declined an idle connection takes one rather than fail.
void ledger::look_at(time_point now, waiter& w, bool has_shared_dial) {
  const bool is_over = w.ends_by <= now;
  const bool own = has_own_dial(w);
  if (!is_over && !(own ? own_dial_of(w).dial_started : has_shared_dial)) {
    waiting_until_.erase(waiting_until_.iterator_to(w));
    w.deadline = w.ends_by;
    waiting_until_.insert(waiting_until_.end(), w);
    return;
  }
  const bool is_choosy = w.where == waiter::place::choosy;
  if (own)
    give_up_own_dial(w);
  if (connection* const c = is_choosy ? take_idle(now) : nullptr)
    grant(now, w, *c);
  else if (is_over)
    fail(w, error::acquire_timeout, counts_.timed_out);
  else
    fail(w, error::dial_timeout, counts_.failed);
}

void ledger::park(waiter& w, waiter::place where) {
  w.where = where;
  waiting_until_.insert(waiting_until_.end(), w);
  note_due(w.deadline);
  counts_.peak_waiting = std::max(counts_.peak_waiting, queue_.size() + own_dials_ + 1);
}

void ledger::park_in_queue(waiter& w, waiters::iterator next) {
  park(w, waiter::place::queued);
  queue_.insert(next, w);
}

void ledger::unpark(waiter& w) noexcept {
  if (w.where == waiter::place::nowhere)
    return;
  waiting_until_.erase(waiting_until_.iterator_to(w));
  if (w.where == waiter::place::queued)
    queue_.erase(queue_.iterator_to(w));
  else
    --own_dials_;
  if (w.where == waiter::place::choosy)
    choosy_.erase(choosy_.iterator_to(w));
  w.where = waiter::place::nowhere;
}

void ledger::fail(waiter& w, boost::system::error_code why, std::uint64_t& counter) {
  unpark(w);
  ++counter;
  decide(action::fail, &w, nullptr, why);
}

void ledger::grant(time_point now, waiter& w, connection& c) {
  unpark(w);
  ++counts_.granted;
  counts_.reused += c.uses > 0;
  ++c.uses;
  const duration wait = now - w.since;
  counts_.wait_time = saturating_sum(counts_.wait_time, wait, 1);
  counts_.max_wait = std::max<std::chrono::nanoseconds>(counts_.max_wait, wait);
  if (histograms_)
    histograms_->acquire_wait.record(wait);
  begin_lease(now, c);
  decide(action::grant, &w, &c);
}

/// Grants a connection to a waiter who may have a dial of its own: others have that then.
void ledger::serve(time_point now, waiter& w, connection& c) {
  if (has_own_dial(w))
    give_up_own_dial(w);
  grant(now, w, c);
}

/// Who has waited longest of those who will have this connection, if anybody: it is not idle yet,
/// and one that has not been since its last use, or its dial, is good enough for everybody.
waiter* ledger::next_for(time_point now, const connection& c) noexcept {
  const auto suits = [&](const waiter& w) { return !c.waited || is_fresh(c, w, now); };
  waiter* const next = queue_.empty() || !suits(queue_.front()) ? nullptr : &queue_.front();
  for (waiter& w : choosy_) {
    if (next && next->turn < w.turn)
      break;
    if (suits(w))
      return &w;
  }
  return next;
}

/// Whether one waiter more would be more than `max_waiters` beyond those whom dials in flight,
/// probed connections, connections about to be gone and free room will serve.
bool ledger::too_many_waiters() const noexcept {
  const std::size_t taken = idle_.size() + leased_.size() - probing_ + own_dials_;
  const std::size_t room = limits_.max_connections - std::min(limits_.max_connections, taken);
  return queue_.size() >= limits_.max_waiters && queue_.size() - limits_.max_waiters >= room;
}

// Connections -------------------------------------------------------------------------------------

void ledger::set_deadline(connection& c, time_point deadline) noexcept {
  if (c.deadline != time_point::max())
    ending_by_.erase(ending_by_.iterator_to(c));
  c.deadline = deadline;
  if (deadline != time_point::max())
    ending_by_.insert(ending_by_.end(), c);
  note_due(deadline);
}

void ledger::move(connection& c, state to) noexcept {
  list_of(c.where).erase(connections::s_iterator_to(c));
  c.where = to;
  list_of(to).push_back(c);
}

void ledger::remove(connection& c) noexcept {
  list_of(c.where).erase(connections::s_iterator_to(c));
  c.where = state::unknown;
  --total_;
  overhang_ = std::min(overhang_, total());
}

void ledger::begin_lease(time_point now, connection& c) noexcept {
  c.leased_at = now;
  c.overdue = false;
  if (lease_warning_ != duration::max())
    warn_at_ = std::min(warn_at_, saturating_add(now, lease_warning_));
  note_due(warn_at_);
  c.watched = false;
  move(c, state::leased);
  counts_.peak_leased = std::max(counts_.peak_leased, leased_.size());
}

void ledger::end_lease(time_point now, connection& c) noexcept {
  if (histograms_ && !c.probing)
    histograms_->lease.record(now - c.leased_at);
  undo_lease(now, c);
}

/// The same of a lease that counts for nothing.
void ledger::undo_lease(time_point now, connection& c) noexcept {
  counts_.leased_time = saturating_sum(counts_.leased_time, now - c.leased_at, 1);
  set_deadline(c, time_point::max());
  if (c.probing) {
    c.probing = false;
    --probing_;
    if (probe_due_) {
      probe_due_ = false;
      sweep_at_ = time_point::min();
      note_due(sweep_at_);
    }
  }
}

/// Reports each lease that has become overdue, and finds out when the next will.
void ledger::report_overdue(time_point now) {
  warn_at_ = time_point::max();
  for (connection& c : leased_) {
    if (c.overdue || c.probing)
      continue;
    const time_point due_at = saturating_add(c.leased_at, lease_warning_);
    if (due_at > now) {
      warn_at_ = std::min(warn_at_, due_at);
      continue;
    }
    c.overdue = true;
    decide(action::overdue, nullptr, &c);
  }
}

/// Gives a good connection, whose lease or dial has ended, to the next waiter or to the idle ones,
/// unless it must not serve again.
void ledger::hand_on(time_point now, connection& c) {
  if (closed_)
    begin_close(now, c, close_reason::pool_closed);
  else if (open() > limits_.max_connections)
    begin_close(now, c, close_reason::surplus);
  else if (c.expires_at <= now)
    begin_close(now, c, close_reason::max_lifetime);
  else if (c.uses >= c.max_uses)
    begin_close(now, c, close_reason::max_uses);
  else if (is_over(c, now))
    begin_close(now, c, close_reason::idle_timeout);
  else if (waiter* const w = has_waiters() ? next_for(now, c) : nullptr)
    serve(now, *w, c);
  else
    put_idle(c);
}

void ledger::begin_close(time_point now, connection& c, close_reason reason) {
  c.reason = reason;
  count_closed(now, c, reason);
  move(c, state::closing);
  decide(action::close, nullptr, &c);
}

void ledger::count_closed(time_point now, const connection& c, close_reason reason) noexcept {
  if (histograms_)
    histograms_->lifetime.record(now - c.made_at);
  ++counts_.closed_by[static_cast<std::size_t>(reason)];
}

} // namespace httpool::detail
