// Dials: how many there should be, and how fast they may follow each other.

#include "pool/ledger.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

namespace httpool::detail {

using action = ledger::decision::action;

/// Whether waiters, spare connections and room call for one shared dial more.
bool ledger::lacks_dial() const noexcept {
  if (closed_ || total() >= limits_.max_connections)
    return false;
  const std::size_t shared = dialing_.size() - own_dials_;
  if (shared < queue_.size())
    return true;
  const std::size_t spare = shared - queue_.size();
  return idle_.size() + probing_ + spare < limits_.min_idle || open() < prewarm_;
}

/// Whether the first of the queue, whom `settle` has left there beside idle connections, would
/// rather have a dial of its own.
bool ledger::lacks_own_dial() const noexcept {
  return !queue_.empty() && !idle_.empty() && total() < limits_.max_connections;
}

/// Whether a caller would rather have a dial of its own than this idle connection, and one may
/// start now. Without a permit it is asked again.
bool ledger::prefers_dial(time_point now, const waiter& w, const connection& c) const noexcept {
  return !is_fresh(c, w, now) && !dials_are_held_ && w.ends_by > now &&
         total() < limits_.max_connections && may_start_dial(now);
}

/// The first of the queue has a dial of its own from now on.
void ledger::reserve_for_first(connection& c) noexcept {
  waiter& w = queue_.front();
  queue_.pop_front();
  w.where = waiter::place::choosy;
  const auto came_earlier = [&](const waiter& other) { return other.turn <= w.turn; };
  choosy_.insert(std::find_if(choosy_.rbegin(), choosy_.rend(), came_earlier).base(), w);
  c.reserved_for = &w;
  ++own_dials_;
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
  c.dial_aborted = false;
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

/// Dials that were in flight together when the peer went count as one failure.
void ledger::count_dial_failure(time_point now, time_point began, boost::system::error_code why) {
  counts_.last_dial_error = why;
  prewarm_ = 0;
  if (failures_ == 0 || began > last_failure_) {
    failures_ += failures_ < 64;
    last_failure_ = now;
  }
  next_dial_ = std::max(next_dial_, saturating_add(now, backoff()));
}

void ledger::abort_dial(connection& c) {
  set_deadline(c, time_point::max());
  if (!std::exchange(c.dial_aborted, true))
    decide(action::abort_dial, nullptr, &c);
}

/// The dials of retries whose turn has come start, before any that `wants_dial` may ask for.
void ledger::start_held_back_dials(time_point now) {
  for (connection& c : dialing_) {
    if (!may_start_dial(now))
      return;
    if (c.dial_started)
      continue;
    --held_back_;
    begin_dial(now, c);
    decide(action::dial, nullptr, &c);
  }
}

ledger::connection& ledger::own_dial_of(const waiter& w) noexcept {
  const auto found = std::find_if(dialing_.begin(), dialing_.end(),
                                  [&w](const connection& c) { return c.reserved_for == &w; });
  assert(found != dialing_.end());
  return *found;
}

/// Its waiter goes: the dial is shared from now on or, when it has not started, forgotten.
void ledger::give_up_own_dial(waiter& w) {
  connection& c = own_dial_of(w);
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
