// The steps that events share: waiters, connections, idle ones and dials.

#include "pool/ledger.hpp"

#include <algorithm>
#include <cassert>
#include <new>

namespace httpool::detail {
namespace {

/// Time after which a connection that stays idle is watched: a hot one is only looked at when it is
/// handed out, which costs less.
constexpr duration watch_after = std::chrono::milliseconds(500);

/// Decisions that one event may take beyond two for each waiter and connection.
constexpr std::size_t spare_decisions = 16;

} // namespace

using action = ledger::decision::action;

// Waiters -----------------------------------------------------------------------------------------

/// What a change may have made possible: an idle connection meets a waiter, a retry has its turn.
void ledger::settle(time_point now) {
  while (!queue_.empty()) {
    connection* c = take_idle(now);
    if (!c)
      break;
    grant(now, queue_.front(), *c);
  }
  start_retries(now);
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
  return 2 * (queue_.size() + retrying_ + total() + 1) + spare_decisions;
}

void ledger::decide(action what, waiter* w, connection* c, boost::system::error_code why) {
  decisions_.push_back(decision{what, w, c, why});
}

void ledger::park(waiter& w, waiter::place where) {
  w.where = where;
  waiting_until_.insert(waiting_until_.end(), w);
  counts_.peak_waiting = std::max(counts_.peak_waiting, queue_.size() + retrying_ + 1);
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
    --retrying_;
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
  begin_lease(now, c);
  decide(action::grant, &w, &c);
}

/// Whether one waiter more would be more than `max_waiters` beyond those whom dials in flight,
/// probed connections, connections about to be gone and free room will serve.
bool ledger::too_many_waiters() const noexcept {
  const std::size_t taken = idle_.size() + leased_.size() - probing_ + retrying_;
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
}

ledger::connections& ledger::list_of(state where) noexcept {
  switch (where) {
  case state::dialing:
    return dialing_;
  case state::idle:
    return idle_;
  case state::leased:
    return leased_;
  default:
    return closing_;
  }
}

void ledger::move(connection& c, state to) noexcept {
  list_of(c.where).erase(connections::s_iterator_to(c));
  c.where = to;
  list_of(to).push_back(c);
}

void ledger::remove(connection& c) noexcept {
  list_of(c.where).erase(connections::s_iterator_to(c));
  c.where = state::unknown;
  overhang_ = std::min(overhang_, total());
}

void ledger::begin_lease(time_point now, connection& c) noexcept {
  account_leases(now);
  c.leased_at = now;
  c.watched = false;
  move(c, state::leased);
  counts_.peak_leased = std::max(counts_.peak_leased, leased_.size());
}

void ledger::end_lease(time_point now, connection& c) noexcept {
  account_leases(now);
  set_deadline(c, time_point::max());
  if (c.probing) {
    c.probing = false;
    --probing_;
    if (probe_due_) {
      probe_due_ = false;
      sweep_at_ = time_point::min();
    }
  }
}

/// Gives a good connection, whose lease or dial has ended, to the next waiter or to the idle ones,
/// unless it must not serve again.
void ledger::hand_on(time_point now, connection& c) {
  if (closed_)
    begin_close(c, close_reason::pool_closed);
  else if (open() > limits_.max_connections)
    begin_close(c, close_reason::surplus);
  else if (c.expires_at <= now)
    begin_close(c, close_reason::max_lifetime);
  else if (max_uses_ != 0 && c.uses >= max_uses_)
    begin_close(c, close_reason::max_uses);
  else if (!queue_.empty())
    grant(now, queue_.front(), c);
  else
    put_idle(c);
}

void ledger::begin_close(connection& c, close_reason reason) {
  c.reason = reason;
  count_closed(reason);
  move(c, state::closing);
  decide(action::close, nullptr, &c);
}

void ledger::count_closed(close_reason reason) noexcept {
  ++counts_.closed_by[static_cast<std::size_t>(reason)];
}

// Idle connections --------------------------------------------------------------------------------

/// The newest idle connection that may serve, if any; those that may not are closed.
ledger::connection* ledger::take_idle(time_point now) {
  close_expired_idle(now);
  while (!idle_.empty()) {
    connection& c = idle_.back();
    if (c.expires_at > now) {
      c.waited = true;
      return &c;
    }
    begin_close(c, close_reason::max_lifetime);
  }
  return nullptr;
}

/// Keeps the idle list in the order of `idle_since`, which a probed connection keeps.
void ledger::put_idle(connection& c) noexcept {
  list_of(c.where).erase(connections::s_iterator_to(c));
  c.where = state::idle;
  auto place = idle_.end();
  while (place != idle_.begin() && std::prev(place)->idle_since > c.idle_since)
    --place;
  idle_.insert(place, c);
  sweep_at_ = std::min(sweep_at_, due(c));
}

time_point ledger::idle_deadline() const noexcept {
  return idle_.size() > limits_.min_idle ? saturating_add(idle_.front().idle_since, idle_timeout_)
                                         : time_point::max();
}

void ledger::close_expired_idle(time_point now) {
  while (idle_deadline() <= now)
    begin_close(idle_.front(), close_reason::idle_timeout);
}

/// Attends to each idle connection that is due, and finds out when the next one will be.
void ledger::sweep(time_point now) {
  for (auto i = idle_.begin(); i != idle_.end();)
    attend(now, *i++);
  sweep_at_ = time_point::max();
  for (const connection& c : idle_)
    sweep_at_ = std::min(sweep_at_, due(c));
}

void ledger::attend(time_point now, connection& c) {
  if (c.expires_at <= now)
    return begin_close(c, close_reason::max_lifetime);
  const bool wants_probe = saturating_add(c.checked_at, probe_interval_) <= now;
  if (wants_probe && may_probe()) {
    c.waited = true;
    c.probing = true;
    ++probing_;
    ++counts_.probes;
    begin_lease(now, c);
    return decide(action::probe, nullptr, &c);
  }
  probe_due_ |= wants_probe;
  if (!c.watched && saturating_add(c.idle_since, watch_after) <= now) {
    c.watched = true;
    decide(action::watch, nullptr, &c);
  }
}

/// Probes leave at least as many connections idle as they take, unless there is but one.
bool ledger::may_probe() const noexcept {
  return probing_ == 0 || idle_.size() >= probing_ + 2;
}

/// When an idle connection needs attention for any reason but the idle timeout.
time_point ledger::due(const connection& c) const noexcept {
  time_point first = c.expires_at;
  if (!probe_due_)
    first = std::min(first, saturating_add(c.checked_at, probe_interval_));
  if (!c.watched)
    first = std::min(first, saturating_add(c.idle_since, watch_after));
  return first;
}

// Dials -------------------------------------------------------------------------------------------

/// Whether waiters, spare connections and room call for one shared dial more.
bool ledger::lacks_dial() const noexcept {
  if (closed_ || total() >= limits_.max_connections)
    return false;
  const std::size_t shared = dialing_.size() - retrying_;
  if (shared < queue_.size())
    return true;
  const std::size_t spare = shared - queue_.size();
  return idle_.size() + probing_ + spare < limits_.min_idle || open() < prewarm_;
}

bool ledger::may_start_dial(time_point now) const noexcept {
  return dials_in_flight() < limits_.max_dials && (failures_ == 0 || next_dial_ <= now);
}

/// `prewarm` has had what it wanted.
void ledger::end_prewarm() noexcept {
  if (open() >= prewarm_)
    prewarm_ = 0;
}

/// While dials fail, they start no faster than the back-off allows, however long each takes.
void ledger::begin_dial(time_point now, connection& c) {
  c.dial_started = true;
  c.dialed_at = now;
  set_deadline(c, saturating_add(now, dial_timeout_));
  if (failures_ > 0)
    next_dial_ = saturating_add(now, backoff());
}

void ledger::end_dial(connection& c) noexcept {
  set_deadline(c, time_point::max());
  c.reserved_for = nullptr;
  held_back_ -= !c.dial_started;
}

/// The dials of retries whose turn has come start, before any that `wants_dial` may ask for.
void ledger::start_retries(time_point now) {
  if (held_back_ == 0)
    return;
  for (connection& c : dialing_) {
    if (held_back_ == 0 || !may_start_dial(now))
      return;
    if (c.dial_started)
      continue;
    --held_back_;
    begin_dial(now, c);
    decide(action::dial, nullptr, &c);
  }
}

/// A retry's waiter goes: its dial is shared from now on or, when it has not started, forgotten.
void ledger::give_up_retry(waiter& w) {
  const auto found = std::find_if(dialing_.begin(), dialing_.end(),
                                  [&w](const connection& c) { return c.reserved_for == &w; });
  assert(found != dialing_.end());
  connection& c = *found;
  c.reserved_for = nullptr;
  if (c.dial_started)
    return;
  end_dial(c);
  remove(c);
  ++counts_.dials_failed;
  decide(action::forget, nullptr, &c);
}

duration ledger::backoff() noexcept {
  duration pause = min_backoff_;
  for (std::uint32_t i = 1; i < failures_ && pause < max_backoff_; ++i)
    pause = pause > max_backoff_ / 2 ? max_backoff_ : pause * 2;
  return spread(std::min(pause, max_backoff_), 20);
}

/// `base` changed at random by up to `percent` per cent either way.
duration ledger::spread(duration base, unsigned percent) noexcept {
  random_ += 0x9e3779b97f4a7c15; // splitmix64
  std::uint64_t z = random_;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  z ^= z >> 31;
  if (base == duration::max())
    return base;
  const duration width = base / 100 * percent;
  const double part = static_cast<double>(z >> 11) * 0x1.0p-53; // 0 to 1
  const auto shift =
      duration(static_cast<duration::rep>(static_cast<double>(width.count()) * part * 2));
  const duration low = base - width;
  return shift > duration::max() - low ? duration::max() : low + shift;
}

} // namespace httpool::detail
