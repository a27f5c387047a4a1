// Idle connections: in which order they serve, and what they need meanwhile.

#include "pool/ledger.hpp"

#include <algorithm>

namespace httpool::detail {
namespace {

/// Time after which a connection that stays idle is watched: a hot one is only looked at when it is
/// handed out, which costs less.
constexpr duration watch_after = std::chrono::milliseconds(500);

} // namespace

using action = ledger::decision::action;

/// Closes what was idle for too long, and then the newest as long as they may not serve.
void ledger::close_unfit_idle(time_point now) {
  close_expired_idle(now);
  while (!idle_.empty()) {
    connection& c = idle_.back();
    if (c.expires_at <= now)
      begin_close(now, c, close_reason::max_lifetime);
    else if (is_over(c, now))
      begin_close(now, c, close_reason::idle_timeout);
    else
      return;
  }
}

/// Keeps the idle list in the order of `idle_since`, which a probed connection keeps.
void ledger::put_idle(connection& c) noexcept {
  list_of(c.where).erase(connections::s_iterator_to(c));
  c.where = state::idle;
  const auto is_older = [&](const connection& other) { return other.idle_since <= c.idle_since; };
  idle_.insert(std::find_if(idle_.rbegin(), idle_.rend(), is_older).base(), c);
  c.watch_at = saturating_add(c.idle_since, watch_after);
  sweep_at_ = std::min(sweep_at_, due(c));
  note_due(std::min(sweep_at_, idle_deadline()));
}

time_point ledger::idle_deadline() const noexcept {
  return idle_.size() > limits_.min_idle ? saturating_add(idle_.front().idle_since, idle_timeout_)
                                         : time_point::max();
}

void ledger::close_expired_idle(time_point now) {
  while (idle_deadline() <= now)
    begin_close(now, idle_.front(), close_reason::idle_timeout);
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
    return begin_close(now, c, close_reason::max_lifetime);
  if (is_over(c, now))
    return begin_close(now, c, close_reason::idle_timeout);
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
  if (!c.watched && c.watch_at <= now) {
    c.watched = true;
    decide(action::watch, nullptr, &c);
  }
}

/// Probes leave at least as many connections idle as they take, unless there is but one.
bool ledger::may_probe() const noexcept {
  return probing_ == 0 || idle_.size() >= probing_ + 2;
}

} // namespace httpool::detail
