// The events of a random run.

#include "sim/ledger/random_run.hpp"

#include <boost/asio/error.hpp>

#include <limits>
#include <utility>

namespace httpool::test {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t endless = std::numeric_limits<std::size_t>::max();
const boost::system::error_code aborted = boost::asio::error::operation_aborted;
const boost::system::error_code refused = error::connection_refused;

} // namespace

// The run -----------------------------------------------------------------------------------------

random_run::random_run(std::uint64_t seed)
    : random_(seed),
      options_(random_options(random_)),
      pace_(random_pace(random_)),
      mind_(options_, now_, seed),
      oracle_(options_) {
  after_event();
}

pool_options random_run::random_options(dice& random) {
  pool_options o;
  o.max_connections = random.one_of<std::size_t>({1, 2, 3, 8, 30, endless});
  o.max_waiters = random.one_of<std::size_t>({0, 1, 3, 50, 1024, 1024, endless});
  o.min_idle = std::min(o.max_connections, random.one_of<std::size_t>({0, 0, 1, 2, 5}));
  o.max_dials = random.one_of<std::size_t>({1, 2, 8, 8, endless});
  o.dial_backoff = random.one_of<duration>({0ns, 1ns, 1ms, 1ms, 100ms, 100ms, 1h});
  o.max_dial_backoff =
      std::max<duration>(o.dial_backoff, random.one_of<duration>({0s, 20ms, 10s, for_ever}));
  if (random.chance(2))
    o.dial_backoff = o.max_dial_backoff = for_ever;
  o.dial_timeout = random.one_of<duration>({1ns, 50ms, 10s, 10s, for_ever});
  o.idle_timeout = random.one_of<duration>({1ns, 1ms, 1s, 1s, 30s, 30s, 30s, for_ever});
  o.max_lifetime = random.one_of<duration>({1ns, 50ms, 10s, 10min, 10min, 10min, for_ever});
  o.max_uses = random.one_of<std::uint64_t>({0, 0, 0, 0, 1, 3, 100});
  if (random.chance(60))
    o.probe.ask = [](lease&) -> boost::asio::awaitable<bool> { co_return true; };
  o.probe.interval = random.one_of<duration>({1ns, 10ms, 100ms, 1s, 10s, for_ever});
  return o;
}

pace random_run::random_pace(dice& random) {
  return {.acquires = random.one_of<std::size_t>({1, 5, 20, 40}),
          .wakes = random.one_of<std::size_t>({2, 2, 10, 50}),
          .longest_step = random.one_of<duration>({1ns, 1us, 1ms, 1ms, 20ms, 300ms}),
          .good_dials = random.one_of({0u, 50u, 90u, 90u, 100u}),
          .good_looks = random.one_of({50u, 90u, 100u})};
}

duration random_run::random_timeout() {
  return random_.one_of<duration>({random_.one_of<duration>({duration::min(), 0ns, 1ns}), 1ms,
                                   100ms, random_.up_to(2s), 5s, 5s, 5s, 5s, 5s, for_ever,
                                   for_ever});
}

duration random_run::random_max_idle() {
  return random_.one_of<duration>({for_ever, for_ever, for_ever, for_ever, 0ns, 1ms, 1s, -1ns});
}

/// What the caller says that it will have.
void random_run::expects(caller& w, time_point deadline, duration max_idle) {
  w.ends_by = deadline;
  w.max_idle = max_idle;
  w.dial_by = random_.chance(70) ? time_point::max() : saturating_add(now_, random_timeout());
}

/// Often not at all, at times to a wake or next to it, seldom by hours or years.
void random_run::time_moves() {
  if (random_.chance(30))
    return;
  const time_point wake = mind_.next_wake(now_);
  if (random_.below(100) < pace_.wakes && wake < now_ + 24h)
    now_ = std::max(now_, wake + random_.one_of<duration>({-1ns, 0ns, 1ns}));
  else if (random_.below(1000) > 2)
    now_ += random_.up_to(pace_.longest_step);
  else if (now_ < time_point(24h * 365 * 100))
    now_ += random_.up_to(random_.one_of<duration>({1min, 1h, 24h * 365 * 5}));
}

void random_run::one_event() {
  time_moves();
  if (random_.below(100) < pace_.acquires)
    return acquire();
  const std::size_t kind = random_.below(1000);
  if (kind < 40)
    try_acquire();
  else if (kind < 300)
    look();
  else if (kind < 500)
    end_lease();
  else if (kind < 680)
    dial_ends();
  else if (kind < 800 && !closing_.empty())
    closed(*random_.take(closing_));
  else if (kind < 820)
    spoke();
  else if (kind < 870)
    probe_ends();
  else if (kind < 890)
    some_cancel();
  else if (kind < 900)
    lease_deadline();
  else if (kind < 910)
    peer_hints();
  else if (kind < 913)
    prewarm();
  else if (kind < 915)
    set_limits();
  else if (kind < 916)
    cut_off_all();
  else if (kind < 918)
    pace_ = random_pace(random_);
  else if (kind == 918 && random_.chance(5))
    close();
  else
    tick();
}

// Events ------------------------------------------------------------------------------------------

void random_run::acquire() {
  caller& w = new_caller();
  w.order = ++order_;
  if (random_.chance(2)) { // Before it begins.
    w.ends_by = w.dial_by = time_point::max();
    mind_.cancel(now_, w, aborted);
    after_event();
  }
  const time_point deadline = saturating_add(now_, random_timeout());
  expects(w, deadline, random_max_idle());
  oracle_.acquire(now_, w, deadline);
  mind_.acquire(now_, w, deadline, w.max_idle, w.dial_by);
  after_event();
}

void random_run::try_acquire() {
  const duration max_idle = random_max_idle();
  link* const expected = oracle_.try_acquire(now_, max_idle);
  ledger::connection* const c = mind_.try_acquire(now_, max_idle);
  require(c == expected, "try_acquire gives the newest idle connection or nothing");
  if (expected) {
    ++counted_.acquires;
    ++counted_.granted;
    expected->granted_to = nullptr;
    looks_.push_back(expected);
  }
  after_event();
}

/// What was granted is looked at: mostly it is good, and its caller is there. Where there is
/// nothing to look at, something else happens; so it is with the next two.
void random_run::look() {
  if (looks_.empty())
    return end_lease();
  link& c = *random_.take(looks_);
  caller* const w = std::exchange(c.granted_to, nullptr);
  const std::size_t kind = random_.below(100);
  if (kind < pace_.good_looks) {
    if (w)
      free_callers_.push_back(w);
    leases_.push_back(&c);
  } else if (random_.chance(50)) {
    --counted_.granted;
    counted_.acquires -= !w;
    --c.leases;
    if (w) {
      waiting_.push_back(w);
      w->waits = true;
    }
    c.cut_off_at = time_point::max();
    oracle_.stale(now_, c, w, close_reason::peer_closed);
    mind_.stale(now_, c, w, close_reason::peer_closed);
    after_event();
  } else {
    if (w)
      free_callers_.push_back(w);
    --c.leases;
    c.waited = true;
    oracle_.hand_on(now_, c, oracle_.leased);
    mind_.undelivered(now_, c);
    after_event();
  }
}

void random_run::end_lease() {
  if (leases_.empty())
    return dial_ends();
  link& c = *random_.take(leases_);
  c.cut_off_at = time_point::max();
  const std::size_t kind = random_.below(100);
  if (kind < 85)
    return returned(c);
  if (kind < 90) {
    oracle_.drop(now_, c, oracle_.closed ? close_reason::pool_closed : close_reason::dropped);
    mind_.dropped(now_, c, close_reason::dropped);
  } else if (kind < 98) {
    caller& w = new_caller();
    const time_point deadline = saturating_add(now_, random_timeout());
    w.order = 0;
    expects(w, deadline, for_ever);
    oracle_.redial(now_, c, w, deadline);
    mind_.redial(now_, c, close_reason::peer_closed, w, deadline, w.dial_by);
    counted_.dials += c.where == ledger::state::dialing;
  } else {
    --oracle_.leased;
    mind_.detached(now_, c);
    gone(c);
  }
  after_event();
}

void random_run::dial_ends() {
  if (dials_.empty())
    return closing_.empty() ? tick() : closed(*random_.take(closing_));
  link& c = *random_.take(dials_);
  if (random_.chance(pace_.good_dials))
    return dialed(c);
  if (!oracle_.closed) {
    if (pause_.failures == 0 || c.dialed_at > pause_.failed_at) {
      ++pause_.failures;
      pause_.failed_at = now_;
    }
    pause_.earliest = std::max(pause_.earliest, saturating_add(now_, pause(80)));
    pause_.latest = std::max(pause_.latest, saturating_add(now_, pause(120)));
  }
  oracle_.dial_failed(now_, c, refused.value());
  mind_.dial_failed(now_, c, refused);
  ++counted_.dials_failed;
  gone(c);
  after_event(true);
}

/// Mostly that of an idle connection; a late word of another is ignored.
void random_run::spoke() {
  const bool idle = !oracle_.idle.empty() && !random_.chance(20);
  if (!idle && leases_.empty())
    return;
  link& c = idle ? *oracle_.idle[random_.below(oracle_.idle.size())]
                 : *leases_[random_.below(leases_.size())];
  oracle_.spoke(now_, c, close_reason::peer_spoke);
  mind_.spoke(now_, c, close_reason::peer_spoke);
  after_event();
}

void random_run::probe_ends() {
  if (!probes_.empty())
    probed(*random_.take(probes_), random_.chance(90));
}

void random_run::cancel(caller& w) {
  oracle_.cancel(now_, w, aborted.value());
  mind_.cancel(now_, w, aborted);
  after_event();
}

/// One waiter leaves, or at times a storm of them; whoever does not wait is not touched.
void random_run::some_cancel() {
  const std::size_t storm = random_.chance(10) ? 50 : 1;
  for (std::size_t i = 0; i < storm && !waiting_.empty(); ++i)
    cancel(*waiting_[random_.below(waiting_.size())]);
  if (!looks_.empty() && looks_.front()->granted_to)
    cancel(*looks_.front()->granted_to);
}

void random_run::lease_deadline() {
  if (leases_.empty())
    return;
  link& c = *leases_[random_.below(leases_.size())];
  c.cut_off_at = random_.chance(30) ? time_point::max() : now_ + random_.up_to(1s);
  mind_.set_lease_deadline(c, c.cut_off_at);
  check_wake();
}

/// The peer of a leased connection says for how long, or for how many leases, it keeps it.
void random_run::peer_hints() {
  if (leases_.empty())
    return;
  link& c = *leases_[random_.below(leases_.size())];
  if (random_.chance(50)) {
    c.longest_idle = random_.one_of<duration>({duration::min(), 0ns, 1ns, 1ms, 4s, for_ever});
    ledger::limit_idle(c, c.longest_idle);
  } else {
    const std::uint64_t more = random_.one_of<std::uint64_t>({0, 1, 3, endless - 1, endless});
    c.most_leases =
        std::min(oracle_.max_uses, more > endless - c.leases ? endless : c.leases + more);
    mind_.limit_uses(c, more);
  }
}

/// Not where there is no limit: that would be as many connections as memory has room for.
void random_run::prewarm() {
  if (oracle_.limits.max_connections == endless)
    return;
  const std::size_t count = random_.one_of<std::size_t>({0, 1, 3, 10, endless});
  oracle_.prewarm(count);
  mind_.prewarm(now_, count);
  after_event();
}

void random_run::set_limits() {
  const pool_options o = random_options(random_);
  const pool_limits limits{o.max_connections, o.max_waiters, o.min_idle, o.max_dials};
  oracle_.set_limits(now_, limits);
  mind_.set_limits(now_, limits);
  after_event();
}

void random_run::cut_off_all() {
  for (const auto* some : {&looks_, &leases_}) {
    for (link* c : *some)
      c->cut_off_at = time_point::max();
  }
  mind_.cut_off_all(now_);
  after_event();
}

void random_run::close() {
  oracle_.close();
  mind_.close(now_);
  after_event();
}

void random_run::tick() {
  std::vector<const ledger::connection*> late;
  for (const auto* some : {&looks_, &leases_}) {
    for (link* c : *some) {
      if (c->cut_off_at <= now_) {
        c->cut_off_at = time_point::max();
        late.push_back(c);
      }
    }
  }
  oracle_.tick(now_);
  mind_.tick(now_);
  for (const ledger::decision& d : mind_.decisions()) {
    if (d.what == action::cut_off)
      require(std::erase(late, d.connection) == 1, "whoever is late is cut off, once");
  }
  require(late.empty(), "all who are late are cut off");
  after_event();
  for (const link* c : dials_)
    require(c->dial_ends_by > now_, "all dials that are late are aborted");
  require(mind_.next_wake(now_) > now_, "a tick leaves nothing to be done at its time");
}

void random_run::closed(link& c) {
  --oracle_.closing;
  mind_.closed(now_, c);
  gone(c);
  after_event();
}

void random_run::dialed(link& c) {
  pause_ = {};
  c.leases = 0;
  c.most_leases = oracle_.max_uses;
  c.longest_idle = for_ever;
  c.idle_from = now_;
  c.checked = now_;
  c.ends = time_point::max();
  ++counted_.made;
  c.waited = false;
  oracle_.dialed(now_, c);
  mind_.dialed(now_, c);
  const duration life = options_.max_lifetime;
  c.ends = c.expires_at;
  require(c.ends >= saturating_add(now_, life - life / 10), "no lifetime is shorter by a tenth");
  require(life == for_ever || c.ends <= saturating_add(now_, life) + life / 10,
          "no lifetime is longer by a tenth");
  after_event();
}

void random_run::returned(link& c) {
  c.idle_from = now_;
  c.checked = now_;
  c.waited = false;
  oracle_.hand_on(now_, c, oracle_.leased);
  mind_.returned(now_, c);
  after_event();
}

void random_run::probed(link& c, bool good) {
  c.checked = now_;
  --oracle_.probing;
  if (good)
    oracle_.hand_on(now_, c, oracle_.leased);
  else
    oracle_.drop(now_, c, oracle_.closed ? close_reason::pool_closed : close_reason::probe_failed);
  mind_.probed(now_, c, good);
  after_event();
}

} // namespace httpool::test
