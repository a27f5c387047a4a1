// What is checked after every event, and at the end.

#include "sim/ledger/checked_ledger.hpp"

#include <boost/asio/error.hpp>

#include <algorithm>
#include <chrono>
#include <utility>

namespace httpool::test {
namespace {

using namespace std::chrono_literals;
using detail::need;

const boost::system::error_code no_memory = boost::asio::error::no_memory;

std::uint64_t& count_of(pool_stats& counted, const boost::system::error_code& why) {
  if (why == error::acquire_timeout)
    return counted.timed_out;
  if (why == error::too_many_waiters)
    return counted.refused;
  return why == boost::asio::error::operation_aborted ? counted.cancelled : counted.failed;
}

/// Whether they are the same, in whatever order; leaves both empty.
bool agree(std::vector<outcome>& decided, std::vector<outcome>& expected) {
  std::sort(decided.begin(), decided.end());
  std::sort(expected.begin(), expected.end());
  const bool result = decided == expected;
  decided.clear();
  expected.clear();
  return result;
}

} // namespace

void checked_ledger::after_event(bool one_failure) {
  start_dials();
  const auto begun = std::count_if(
      mind_.decisions().begin(), mind_.decisions().end(),
      [](const ledger::decision& d) { return d.what == action::dial; }); // Retries' turns.
  while (oracle_.wants_own_dial()) {
    require(begun != 0 || !may_dial(), "whoever prefers a dial has one if it may start");
    oracle_.no_own_dial(now_);
  }
  for (const ledger::decision& d : mind_.decisions())
    carry_out(d);
  if (one_failure)
    require(std::count_if(decided_.begin(), decided_.end(),
                          [](const outcome& o) { return o.what == action::fail; }) <= 1,
            "one failed dial fails at most one waiter");
  require(agree(decided_, oracle_.expected), "grants, failures and closes are those of the oracle");
  require(agree(cut_offs_, expected_cut_offs_), "all who are late are cut off, once");
  require(!oracle_.needs_dial() || !may_dial(), "a dial that is needed and may start has started");
  check_answers();
  if (++events_ % walk_every_ == 0)
    walk();
}

/// Whatever takes time for each waiter and connection.
void checked_ledger::walk() const {
  mind_.check_invariants(now_);
  check_wake();
  check_figures();
}

// Dials -------------------------------------------------------------------------------------------

void checked_ledger::start_dials() {
  while (mind_.wants_dial(now_)) {
    const bool is_own = oracle_.wants_own_dial();
    require(is_own || oracle_.needs_dial(), "a dial starts only when it is needed");
    if (std::exchange(lacks_memory_, false)) {
      make_no_dial();
    } else if (has_permits_) {
      start_dial();
    } else {
      is_held_ = true;
      return mind_.hold_dials(now_);
    }
  }
}

void checked_ledger::start_dial() {
  const bool is_own = oracle_.wants_own_dial();
  link& c = new_link();
  mind_.dial(now_, c);
  oracle_.dial();
  ++counted_.dials;
  begins_dial(c);
  if (is_own)
    oracle_.own_dial(now_, c);
}

/// The ledger is told before it may ask again, which it does at once if there is no back-off.
void checked_ledger::make_no_dial() {
  count_failure(now_);
  ++counted_.dials;
  oracle_.dial_not_made(now_, no_memory.value());
  mind_.dial_not_made(now_, no_memory, now_);
}

void checked_ledger::begins_dial(link& c) {
  require(in_flight() < oracle_.limits.max_dials, "no more dials in flight than max_dials");
  require(now_ >= pause_.earliest, "dials come no faster than the back-off allows");
  if (pause_.failures > 0) {
    pause_.earliest = pause_from_now(-1);
    pause_.latest = pause_from_now(1);
  }
  c.dial_ends_by = saturating_add(now_, options_.dial_timeout);
  dials_.push_back(&c);
}

/// Dials that were in flight together count once.
void checked_ledger::count_failure(time_point began) {
  if (pause_.failures == 0 || began > pause_.failed_at) {
    ++pause_.failures;
    pause_.failed_at = now_;
  }
  pause_.earliest = std::max(pause_.earliest, pause_from_now(-1));
  pause_.latest = std::max(pause_.latest, pause_from_now(1));
}

/// The end of the pause that the failures so far call for, spread to the one side or the other.
time_point checked_ledger::pause_from_now(int direction) const {
  duration length = options_.dial_backoff;
  for (unsigned i = 1; i < pause_.failures && length < options_.max_dial_backoff; ++i)
    length = length > for_ever / 2 ? for_ever : length * 2;
  length = std::min<duration>(length, options_.max_dial_backoff);
  if (length == for_ever)
    return time_point::max();
  const duration width = length / 100 * 20;
  return direction < 0 ? saturating_add(now_, length - width)
                       : saturating_add(saturating_add(now_, length), width);
}

// Decisions ---------------------------------------------------------------------------------------

void checked_ledger::carry_out(const ledger::decision& d) {
  caller* const w = static_cast<caller*>(d.waiter);
  link* const c = static_cast<link*>(d.connection);
  switch (d.what) {
  case action::grant:
    decided_.push_back({d.what, w, c, 0});
    return granted(*w, *c);
  case action::fail:
    decided_.push_back({d.what, w, nullptr, d.error.value()});
    ended(*w);
    ++count_of(counted_, d.error);
    return free_callers_.push_back(w);
  case action::dial:
    require(c->retry && !c->choosy && c->where == ledger::state::dialing,
            "only a retry's dial has to wait");
    return begins_dial(*c);
  case action::abort_dial:
    require(oracle_.closed || c->dial_ends_by <= now_, "what is aborted is late or unwanted");
    c->dial_ends_by = time_point::max();
    return;
  case action::close:
    require(c->where == ledger::state::closing, "what closes is closing");
    decided_.push_back({d.what, nullptr, c, static_cast<int>(c->reason)});
    return closing_.push_back(c);
  case action::forget:
    decided_.push_back({d.what, nullptr, c, 0});
    return gone(*c);
  case action::probe:
    require(options_.probe.ask && saturating_add(c->checked, options_.probe.interval) <= now_,
            "a probe is due");
    oracle_.probe(*c);
    probes_.push_back(c);
    c->cut_off_at = saturating_add(now_, options_.probe.timeout);
    return mind_.set_lease_deadline(*c, c->cut_off_at);
  case action::watch:
    return require(c->where == ledger::state::idle && c->watch_by <= now_ &&
                       saturating_add(c->idle_from, 500ms) <= now_,
                   "what is watched has been idle for half a second");
  case action::overdue:
    return require(c->where == ledger::state::leased && !c->probing &&
                       saturating_add(c->leased_at, options_.lease_warning) <= now_,
                   "only a lease that has lasted is overdue");
  case action::cut_off:
    cut_offs_.push_back({d.what, nullptr, c, 0});
    return require(c->where == ledger::state::leased, "only lessees are cut off");
  }
}

void checked_ledger::granted(caller& w, link& c) {
  ended(w);
  ++counted_.granted;
  require(!oracle_.closed, "nothing is granted after the close");
  require(c.where == ledger::state::leased, "what is granted is leased");
  require(c.ends > now_, "what is granted is within its lifetime");
  require(c.uses <= c.most_leases && c.most_leases <= oracle_.max_uses, "and within its uses");
  require(!c.waited || c.idle_until() > now_, "and its peer keeps it");
  require(c.uses == c.leases, "uses are counted");
  require(c.deadline == time_point::max(), "a new lease has no deadline");
  c.granted_to = &w;
  c.accepted = false;
  looks_.push_back(&c);
}

// Answers -----------------------------------------------------------------------------------------

void checked_ledger::check_answers() const {
  require(mind_.has_waiters() == !waiting_.empty(), "the ledger knows whether anybody waits");
  require(mind_.total() == oracle_.total(), "the ledger knows how many connections there are");
  require(mind_.evicting() == oracle_.evicting, "evictions are counted");
  require(mind_.is_closed() == oracle_.closed, "the ledger knows whether it is closed");
  const bool is_bare = mind_.total() == 0 && waiting_.empty() && !oracle_.closed;
  require(is_bare || (!mind_.is_empty(now_) && mind_.empty_at(now_) == time_point::max()),
          "a pool that has or had something to do is not empty");
  const bool may_now = pause_.failures == 0 || now_ >= pause_.latest;
  if (is_held_ && may_now && in_flight() < oracle_.limits.max_dials)
    require(mind_.lacks_permit(now_) == oracle_.dial_is_for(), "what a permit is for is known");
  else if (!is_held_)
    require(mind_.lacks_permit(now_) == need::none, "nothing but a held dial lacks a permit");
}

/// The ledger asks to be woken no later than any deadline there is.
void checked_ledger::check_wake() const {
  const time_point wake = mind_.next_wake(now_);
  require(mind_.quiet_until() <= wake, "no wake that was not noted");
  const auto by = [&](time_point deadline) { return wake <= std::max(deadline, now_); };
  for (const caller* w : waiting_)
    require(by(w->next_look()), "a wake for each waiter");
  for (const auto* some : {&looks_, &leases_, &probes_}) {
    for (const link* c : *some)
      require(by(c->cut_off_at), "a wake for each lessee");
  }
  for (const link* c : dials_)
    require(by(c->dial_ends_by), "a wake for each dial");
  time_point longest_idle = time_point::max();
  for (const link* c : oracle_.idle) {
    require(by(c->ends), "a wake for each lifetime");
    require(by(c->idle_until()), "a wake for each limit of the peer's");
    require(c->watched || by(std::max(saturating_add(c->idle_from, 500ms), c->watch_by)),
            "a wake for each watch");
    longest_idle = std::min(longest_idle, c->idle_from);
    if (options_.probe.ask && oracle_.probing == 0)
      require(by(saturating_add(c->checked, options_.probe.interval)), "a wake for each probe");
  }
  require(mind_.oldest_idle() == longest_idle, "the ledger knows the longest idle connection");
  if (oracle_.idle.size() > oracle_.limits.min_idle)
    require(by(saturating_add(longest_idle, options_.idle_timeout)), "a wake for the idle timeout");
  const bool has_retries = oracle_.dialing > in_flight();
  const bool waits_for_permit = is_held_ && !has_retries && pause_.earliest <= now_;
  if ((oracle_.needs_dial() || has_retries) && in_flight() < oracle_.limits.max_dials &&
      pause_.failures > 0 && !waits_for_permit)
    require(by(pause_.latest), "a wake for the dial that waits");
}

void checked_ledger::check_figures() const {
  const pool_stats s = mind_.stats(now_);
  require(s.acquires == counted_.acquires && s.granted == counted_.granted &&
              s.timed_out == counted_.timed_out && s.refused == counted_.refused &&
              s.cancelled == counted_.cancelled && s.failed == counted_.failed,
          "acquires are counted by their ends");
  require(s.dials == counted_.dials && s.made == counted_.made, "dials are counted");
  require(s.waiting == waiting_.size() && s.idle == oracle_.idle.size() &&
              s.dialing == oracle_.dialing && s.leased == oracle_.leased &&
              s.closing == oracle_.closing,
          "the snapshot tells what there is");
  require(s.peak_total >= s.total() && s.peak_waiting >= s.waiting, "peaks are peaks");
}

// Nodes -------------------------------------------------------------------------------------------

caller& checked_ledger::new_caller() {
  if (free_callers_.empty())
    free_callers_.push_back(&all_callers_.emplace_back());
  caller& w = *free_callers_.back();
  free_callers_.pop_back();
  w.cancelled = {};
  return w;
}

void checked_ledger::comes(caller& w) {
  w.waits = true;
  waiting_.push_back(&w);
  ++counted_.acquires;
}

link& checked_ledger::new_link() {
  if (free_links_.empty())
    free_links_.push_back(&all_links_.emplace_back());
  link& c = *free_links_.back();
  free_links_.pop_back();
  c.retry = nullptr;
  c.granted_to = nullptr;
  c.cut_off_at = time_point::max();
  return c;
}

void checked_ledger::ended(caller& w) {
  require(w.waits, "a waiter ends once");
  require(w.where == detail::waiter::place::nowhere, "who has ended is nowhere");
  w.waits = false;
  std::erase(waiting_, &w);
}

void checked_ledger::gone(link& c) {
  require(c.where == ledger::state::unknown, "what is gone is unknown to the ledger");
  free_links_.push_back(&c);
}

// The end -----------------------------------------------------------------------------------------

/// All that is under way ends, well, at this moment.
void checked_ledger::finish_all() {
  using kind = event::kind;
  bool any = true;
  while (any) {
    any = false;
    for (const kind what :
         {kind::accept, kind::returned, kind::answered, kind::dialed, kind::closed}) {
      while (apply({.what = what}))
        any = true;
    }
  }
}

void checked_ledger::time_passes() {
  const duration idle = options_.idle_timeout == for_ever ? 1h : options_.idle_timeout;
  const duration step = std::clamp<duration>(idle / 10, 1s, 1h);
  apply({.what = event::kind::permits});
  for (int i = 0; i < 20; ++i) {
    finish_all();
    const time_point wake = std::min(mind_.next_wake(now_), saturating_add(now_, 2h));
    now_ = saturating_add(now_, std::max(step, wake - now_)); // beyond what events can reach
    apply({});
  }
  finish_all();
}

void checked_ledger::come_to_rest() {
  time_passes();
  const bool never_dials = pause_.failures > 0 && pause_.latest > now_;
  require(waiting_.empty() || never_dials, "nobody waits for ever");
  while (!waiting_.empty())
    cancel(*waiting_.back());
  const bool prewarming = oracle_.prewarm_to > 0; // And held up by the back-off.
  time_passes();
  walk();

  const pool_snapshot left = mind_.snapshot();
  require(left.dialing + left.leased + left.closing == 0, "nothing is under way");
  if (oracle_.closed)
    require(left.total() == 0, "nothing is left after the close");
  else if (options_.idle_timeout <= 10h && !prewarming)
    require(left.idle <= oracle_.limits.min_idle, "no more than min_idle connections are left");
  if (!oracle_.closed && !never_dials)
    require(left.idle >= std::min(oracle_.limits.min_idle, oracle_.limits.max_connections),
            "min_idle connections are there");
  if (left.idle == 0 && !oracle_.needs_dial())
    require(mind_.next_wake(now_) == time_point::max(), "an empty pool sleeps");
}

} // namespace httpool::test
