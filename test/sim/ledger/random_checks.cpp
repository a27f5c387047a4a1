// What is checked after every event of a random run, and at its end.

#include "sim/ledger/random_run.hpp"

#include <boost/asio/error.hpp>

#include <algorithm>
#include <chrono>
#include <utility>

namespace httpool::test {
namespace {

using namespace std::chrono_literals;

std::uint64_t& count_of(pool_stats& counted, const boost::system::error_code& why) {
  if (why == error::acquire_timeout)
    return counted.timed_out;
  if (why == error::too_many_waiters)
    return counted.refused;
  return why == boost::asio::error::operation_aborted ? counted.cancelled : counted.failed;
}

} // namespace

void random_run::after_event(bool one_failure) {
  std::vector<outcome>& expected = oracle_.expected;
  while (mind_.wants_dial(now_)) {
    const bool own = oracle_.wants_own_dial();
    require(own || oracle_.needs_dial(), "a dial starts only when it is needed");
    link& c = new_link();
    mind_.dial(now_, c);
    oracle_.dial();
    ++counted_.dials;
    begins_dial(c);
    if (own)
      oracle_.own_dial(now_, c);
  }
  const auto begun = std::count_if(
      mind_.decisions().begin(), mind_.decisions().end(),
      [](const ledger::decision& d) { return d.what == action::dial; }); // Retries' turns.
  while (oracle_.wants_own_dial()) {
    require(begun != 0 || !may_dial(), "whoever prefers a dial has one if it may start");
    oracle_.no_own_dial(now_);
  }
  std::vector<outcome> decided;
  for (const ledger::decision& d : mind_.decisions())
    carry_out(d, decided);
  if (one_failure)
    require(std::count_if(decided.begin(), decided.end(),
                          [](const outcome& o) { return o.what == action::fail; }) <= 1,
            "one failed dial fails at most one waiter");
  std::sort(expected.begin(), expected.end());
  std::sort(decided.begin(), decided.end());
  require(decided == expected, "grants, failures and closes are those of the oracle");
  expected.clear();
  mind_.check_invariants(now_);
  require(!oracle_.needs_dial() || !may_dial(), "a dial that is needed and may start has started");
  check_wake();
}

void random_run::carry_out(const ledger::decision& d, std::vector<outcome>& decided) {
  caller* const w = static_cast<caller*>(d.waiter);
  link* const c = static_cast<link*>(d.connection);
  switch (d.what) {
  case action::grant:
    granted(*w, *c);
    decided.push_back({d.what, w, c, 0});
    return;
  case action::fail:
    ended(*w);
    ++count_of(counted_, d.error);
    free_callers_.push_back(w);
    decided.push_back({d.what, w, nullptr, d.error.value()});
    return;
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
    closing_.push_back(c);
    decided.push_back({d.what, nullptr, c, static_cast<int>(c->reason)});
    return;
  case action::forget:
    decided.push_back({d.what, nullptr, c, 0});
    return gone(*c);
  case action::probe:
    require(options_.probe.ask && saturating_add(c->checked, options_.probe.interval) <= now_,
            "a probe is due");
    oracle_.probe(*c);
    probes_.push_back(c);
    return;
  case action::watch:
    return require(c->where == ledger::state::idle && c->idle_from + 500ms <= now_,
                   "what is watched has been idle for half a second");
  case action::cut_off:
    return require(c->where == ledger::state::leased, "only lessees are cut off");
  }
}

void random_run::granted(caller& w, link& c) {
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
  looks_.push_back(&c);
}

void random_run::begins_dial(link& c) {
  require(in_flight() < oracle_.limits.max_dials, "no more dials in flight than max_dials");
  require(now_ >= pause_.earliest, "dials come no faster than the back-off allows");
  if (pause_.failures > 0) {
    pause_.earliest = saturating_add(now_, pause(80));
    pause_.latest = saturating_add(now_, pause(120));
  }
  c.dial_ends_by = saturating_add(now_, options_.dial_timeout);
  dials_.push_back(&c);
}

/// That per cent of the pause that the failures so far call for.
duration random_run::pause(unsigned percent) const {
  const auto longest = static_cast<long double>(options_.max_dial_backoff.count());
  auto length = static_cast<long double>(options_.dial_backoff.count());
  for (unsigned i = 1; i < pause_.failures && length < longest; ++i)
    length *= 2;
  if (std::min(length, longest) >= static_cast<long double>(duration::max().count()))
    return duration::max();
  length = std::min(length, longest) * percent / 100;
  return length >= static_cast<long double>(duration::max().count())
             ? duration::max()
             : duration(static_cast<duration::rep>(length));
}

/// The ledger asks to be woken no later than any deadline there is.
void random_run::check_wake() const {
  const time_point wake = mind_.next_wake(now_);
  const auto by = [&](time_point deadline) { return wake <= std::max(deadline, now_); };
  for (const caller* w : waiting_)
    require(by(w->next_look()), "a wake for each waiter");
  for (const auto* some : {&looks_, &leases_}) {
    for (const link* c : *some)
      require(by(c->cut_off_at), "a wake for each lessee");
  }
  for (const link* c : dials_)
    require(by(c->dial_ends_by), "a wake for each dial");
  time_point longest_idle = time_point::max();
  for (const link* c : oracle_.idle) {
    require(by(c->ends), "a wake for each lifetime");
    require(by(c->idle_until()), "a wake for each limit of the peer's");
    require(c->watched || by(c->idle_from + 500ms), "a wake for each watch");
    longest_idle = std::min(longest_idle, c->idle_from);
    if (options_.probe.ask && oracle_.probing == 0)
      require(by(saturating_add(c->checked, options_.probe.interval)), "a wake for each probe");
  }
  if (oracle_.idle.size() > oracle_.limits.min_idle)
    require(by(saturating_add(longest_idle, options_.idle_timeout)), "a wake for the idle timeout");
  const bool dial_waits = oracle_.needs_dial() || oracle_.dialing > in_flight();
  if (dial_waits && in_flight() < oracle_.limits.max_dials && pause_.failures > 0)
    require(by(pause_.latest), "a wake for the dial that waits");
}

void random_run::check_figures() const {
  const pool_stats s = mind_.stats(now_);
  require(s.acquires == counted_.acquires && s.granted == counted_.granted &&
              s.timed_out == counted_.timed_out && s.refused == counted_.refused &&
              s.cancelled == counted_.cancelled && s.failed == counted_.failed,
          "acquires are counted by their ends");
  require(s.dials == counted_.dials && s.made == counted_.made, "dials are counted");
  require(s.waiting == waiting_.size() && s.idle == oracle_.idle.size() &&
              s.total() == oracle_.total(),
          "the snapshot tells what there is");
  require(s.peak_total >= s.total() && s.peak_waiting >= s.waiting, "peaks are peaks");
}

// Nodes -------------------------------------------------------------------------------------------

caller& random_run::new_caller() {
  if (free_callers_.empty())
    free_callers_.push_back(&all_callers_.emplace_back());
  caller& w = *free_callers_.back();
  free_callers_.pop_back();
  w.waits = true;
  w.cancelled = {};
  waiting_.push_back(&w);
  ++counted_.acquires;
  return w;
}

link& random_run::new_link() {
  if (free_links_.empty())
    free_links_.push_back(&all_links_.emplace_back());
  link& c = *free_links_.back();
  free_links_.pop_back();
  c.retry = nullptr;
  c.granted_to = nullptr;
  c.cut_off_at = time_point::max();
  return c;
}

void random_run::ended(caller& w) {
  require(w.waits, "a waiter ends once");
  require(w.where == detail::waiter::place::nowhere, "who has ended is nowhere");
  w.waits = false;
  std::erase(waiting_, &w);
}

void random_run::gone(link& c) {
  require(c.where == ledger::state::unknown, "what is gone is unknown to the ledger");
  free_links_.push_back(&c);
}

// The end -----------------------------------------------------------------------------------------

/// All that is under way ends, well, at this moment.
void random_run::finish_all() {
  while (!looks_.empty() || !leases_.empty() || !probes_.empty() || !dials_.empty() ||
         !closing_.empty()) {
    if (!looks_.empty()) {
      link& c = *random_.take(looks_);
      if (caller* w = std::exchange(c.granted_to, nullptr))
        free_callers_.push_back(w);
      leases_.push_back(&c);
    } else if (!leases_.empty()) {
      link& c = *random_.take(leases_);
      c.cut_off_at = time_point::max();
      returned(c);
    } else if (!probes_.empty()) {
      probed(*random_.take(probes_), true);
    } else if (!dials_.empty()) {
      dialed(*random_.take(dials_));
    } else {
      closed(*random_.take(closing_));
    }
  }
}

void random_run::time_passes() {
  const duration idle = options_.idle_timeout == for_ever ? 1h : options_.idle_timeout;
  const duration step = std::max<duration>(idle / 10, 1s);
  for (int i = 0; i < 20; ++i) {
    finish_all();
    now_ = std::max(now_ + step, std::min(mind_.next_wake(now_), now_ + 2h));
    tick();
  }
  finish_all();
}

void random_run::come_to_rest() {
  time_passes();
  const bool never_dials = pause_.failures > 0 && pause_.latest > now_;
  require(waiting_.empty() || never_dials, "nobody waits for ever");
  while (!waiting_.empty())
    cancel(*waiting_.back());
  const bool prewarming = oracle_.prewarm_to > 0; // And held up by the back-off.
  time_passes();
  check_figures();

  const pool_snapshot left = mind_.snapshot();
  require(left.dialing + left.leased + left.closing == 0, "nothing is under way");
  if (oracle_.closed)
    require(left.total() == 0, "nothing is left after the close");
  else if (options_.idle_timeout != for_ever && !prewarming)
    require(left.idle <= oracle_.limits.min_idle, "no more than min_idle connections are left");
  if (!oracle_.closed && !never_dials)
    require(left.idle >= std::min(oracle_.limits.min_idle, oracle_.limits.max_connections),
            "min_idle connections are there");
  if (left.idle == 0 && !oracle_.needs_dial())
    require(mind_.next_wake(now_) == time_point::max(), "an empty pool sleeps");
}

} // namespace httpool::test
