// What each event means for those whom it happens to.

#include "sim/ledger/checked_ledger.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/error.hpp>

#include <limits>
#include <utility>

namespace httpool::test {
namespace {

using kind = event::kind;

constexpr std::uint64_t endless = std::numeric_limits<std::uint64_t>::max();
const boost::system::error_code aborted = boost::asio::error::operation_aborted;
const boost::system::error_code refused = error::connection_refused;

/// Beyond this many connections `prewarm` would take more memory than there is.
constexpr std::size_t crowd = 5'000;

template <class T>
T* pick(const std::vector<T*>& some, std::uint32_t which) {
  return some.empty() ? nullptr : some[which % some.size()];
}

template <class T>
T* take(std::vector<T*>& some, std::uint32_t which) {
  if (some.empty())
    return nullptr;
  std::swap(some[which % some.size()], some.back());
  T* const taken = some.back();
  some.pop_back();
  return taken;
}

} // namespace

boost::asio::awaitable<bool> answers_well(lease&) {
  co_return true;
}

checked_ledger::checked_ledger(const pool_options& options, std::uint64_t seed, unsigned walk_every)
    : options_(options), walk_every_(walk_every), mind_(options_, now_, seed), oracle_(options_) {
  after_event();
}

bool checked_ledger::apply(const event& e) {
  moves(e.after);
  if (e.what == kind::pass)
    return true;
  return happen(e);
}

/// As the pool does: a permit may have come. What becomes due by the event has to be noted, also if
/// whoever looked for the next wake has read the clock after it.
void checked_ledger::begin_event() {
  mind_.find_next_wake(saturating_add(now_, std::chrono::hours(1)));
  mind_.allow_dials();
  is_held_ = false;
}

void checked_ledger::moves(duration length) {
  now_ = std::min(saturating_add(now_, length), std::max(now_, end_of_clock));
}

bool checked_ledger::happen(const event& e) {
  switch (e.what) {
  case kind::acquire:
  case kind::cancelled_acquire:
    acquire(e);
    return true;
  case kind::try_acquire:
    return try_acquire(e.max_idle);
  case kind::cancel:
    if (caller* const w = pick(waiting_, e.which))
      return cancel(*w), true;
    return false;
  case kind::cancel_granted:
    if (link* const c = pick(looks_, e.which); c && c->granted_to)
      return cancel(*c->granted_to), true;
    return false;
  case kind::accept:
  case kind::stale:
  case kind::undelivered:
  case kind::returned:
  case kind::dropped:
  case kind::redial:
  case kind::detached:
  case kind::lease_deadline:
  case kind::limit_idle:
  case kind::limit_uses:
    return lease_event(e);
  case kind::dialed:
  case kind::dial_failed:
  case kind::closed:
  case kind::spoke:
  case kind::answered:
  case kind::unanswered:
  case kind::end_again:
  case kind::watch_again:
    return connection_event(e);
  default:
    return pool_event(e);
  }
}

bool checked_ledger::lease_event(const event& e) {
  const bool is_look =
      e.what == kind::accept || e.what == kind::stale || e.what == kind::undelivered;
  const bool ends = is_look || e.what == kind::returned || e.what == kind::dropped ||
                    e.what == kind::redial || e.what == kind::detached;
  std::vector<link*>& some = is_look ? looks_ : leases_;
  link* const c = ends ? take(some, e.which) : pick(some, e.which);
  if (!c)
    return false;
  switch (e.what) {
  case kind::accept:
    if (caller* const w = std::exchange(c->granted_to, nullptr))
      free_callers_.push_back(w);
    c->accepted = true;
    leases_.push_back(c);
    break;
  case kind::stale:
    stale(*c);
    break;
  case kind::undelivered:
    undelivered(*c);
    break;
  case kind::returned:
    returned(*c);
    break;
  case kind::dropped:
    dropped(*c);
    break;
  case kind::redial:
    redial(*c, e);
    break;
  case kind::detached:
    detached(*c);
    break;
  case kind::lease_deadline:
    c->cut_off_at = saturating_add(now_, e.timeout);
    mind_.set_lease_deadline(*c, c->cut_off_at);
    check_wake();
    break;
  case kind::limit_idle:
    c->longest_idle = e.max_idle;
    ledger::limit_idle(*c, e.max_idle);
    break;
  default:
    limit_uses(*c, e.count);
  }
  return true;
}

bool checked_ledger::connection_event(const event& e) {
  const auto happens = [&](std::vector<link*>& some, auto what) {
    link* const c = take(some, e.which);
    if (c)
      what(*c);
    return c != nullptr;
  };
  switch (e.what) {
  case kind::dialed:
    return happens(dials_, [this](link& c) { dialed(c); });
  case kind::dial_failed:
    return happens(dials_, [this](link& c) { dial_failed(c); });
  case kind::closed:
    return happens(closing_, [this](link& c) { closed(c); });
  case kind::answered:
    return happens(probes_, [this](link& c) { probed(c, true); });
  case kind::unanswered:
    return happens(probes_, [this](link& c) { probed(c, false); });
  case kind::end_again:
    return end_again(e.which, saturating_add(now_, e.timeout));
  case kind::watch_again:
    return watch_again(e.which, saturating_add(now_, e.timeout));
  default:
    return spoke(e.which);
  }
}

bool checked_ledger::pool_event(const event& e) {
  begin_event();
  switch (e.what) {
  case kind::no_permits:
  case kind::permits:
    has_permits_ = e.what == kind::permits;
    tick();
    return true;
  case kind::no_memory:
    lacks_memory_ = true;
    tick();
    lacks_memory_ = false;
    return true;
  case kind::prewarm: {
    const std::size_t count = oracle_.limits.max_connections > crowd
                                  ? std::min<std::size_t>(e.count, crowd)
                                  : static_cast<std::size_t>(e.count);
    oracle_.prewarm(count);
    mind_.prewarm(now_, count);
    break;
  }
  case kind::set_limits:
    oracle_.set_limits(now_, e.limits);
    mind_.set_limits(now_, e.limits);
    break;
  case kind::evict: {
    const bool expected = oracle_.evict(now_);
    require(mind_.evict(now_) == expected, "an eviction takes an idle connection if there is one");
    break;
  }
  case kind::cut_off_all:
    cut_off_all();
    break;
  case kind::close:
    close();
    break;
  default:
    tick();
    return true;
  }
  after_event();
  return true;
}

// Callers -----------------------------------------------------------------------------------------

void checked_ledger::acquire(const event& e) {
  caller& w = new_caller();
  if (e.what == kind::cancelled_acquire)
    cancel(w);
  begin_event();
  comes(w);
  w.order = ++order_;
  w.ends_by = saturating_add(now_, e.timeout);
  w.max_idle = e.max_idle;
  w.dial_by = saturating_add(now_, e.dial_timeout);
  const time_point deadline = w.ends_by;
  oracle_.acquire(now_, w, deadline);
  mind_.acquire(now_, w, deadline, w.max_idle, w.dial_by);
  after_event();
}

bool checked_ledger::try_acquire(duration max_idle) {
  begin_event();
  link* const expected = oracle_.try_acquire(now_, max_idle);
  ledger::connection* const c = mind_.try_acquire(now_, max_idle);
  require(c == expected, "try_acquire gives the newest idle connection or nothing");
  if (expected) {
    ++counted_.acquires;
    ++counted_.granted;
    expected->granted_to = nullptr;
    expected->accepted = false;
    looks_.push_back(expected);
  }
  after_event();
  return expected != nullptr;
}

void checked_ledger::cancel(caller& w) {
  begin_event();
  oracle_.cancel(now_, w, aborted.value());
  mind_.cancel(now_, w, aborted);
  after_event();
}

// Leases ------------------------------------------------------------------------------------------

void checked_ledger::stale(link& c) {
  begin_event();
  caller* const w = std::exchange(c.granted_to, nullptr);
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
}

void checked_ledger::undelivered(link& c) {
  begin_event();
  if (caller* const w = std::exchange(c.granted_to, nullptr))
    free_callers_.push_back(w);
  --c.leases;
  c.waited = true;
  oracle_.hand_on(now_, c, oracle_.leased);
  mind_.undelivered(now_, c);
  after_event();
}

void checked_ledger::returned(link& c) {
  begin_event();
  c.cut_off_at = time_point::max();
  c.idle_from = now_;
  c.checked = now_;
  c.waited = false;
  oracle_.hand_on(now_, c, oracle_.leased);
  mind_.returned(now_, c);
  after_event();
}

void checked_ledger::dropped(link& c) {
  begin_event();
  c.cut_off_at = time_point::max();
  oracle_.drop(now_, c, oracle_.closed ? close_reason::pool_closed : close_reason::dropped);
  mind_.dropped(now_, c, close_reason::dropped);
  after_event();
}

void checked_ledger::redial(link& c, const event& e) {
  begin_event();
  c.cut_off_at = time_point::max();
  caller& w = new_caller();
  comes(w);
  const time_point deadline = saturating_add(now_, e.timeout);
  w.order = 0;
  w.ends_by = deadline;
  w.max_idle = for_ever;
  w.dial_by = saturating_add(now_, e.dial_timeout);
  oracle_.redial(now_, c, w, deadline);
  mind_.redial(now_, c, close_reason::peer_closed, w, deadline, w.dial_by);
  counted_.dials += c.where == ledger::state::dialing;
  after_event();
}

void checked_ledger::detached(link& c) {
  begin_event();
  c.cut_off_at = time_point::max();
  --oracle_.leased;
  mind_.detached(now_, c);
  gone(c);
  after_event();
}

/// The peer of a leased connection says for how many leases it keeps it.
void checked_ledger::limit_uses(link& c, std::uint64_t more) {
  c.most_leases = std::min(oracle_.max_uses, more > endless - c.leases ? endless : c.leases + more);
  mind_.limit_uses(c, more);
}

// Connections -------------------------------------------------------------------------------------

void checked_ledger::dialed(link& c) {
  begin_event();
  pause_ = {};
  c.leases = 0;
  c.most_leases = oracle_.max_uses;
  c.longest_idle = for_ever;
  c.idle_from = now_;
  c.checked = now_;
  c.watch_by = {};
  c.ends = time_point::max();
  ++counted_.made;
  c.waited = false;
  oracle_.dialed(now_, c);
  mind_.dialed(now_, c);
  const duration life = options_.max_lifetime;
  const duration width = life / 100 * 10;
  c.ends = c.expires_at;
  require(c.ends >= saturating_add(now_, life - width), "no lifetime is shorter by a tenth");
  require(life == for_ever || c.ends <= saturating_add(saturating_add(now_, life), width),
          "no lifetime is longer by a tenth");
  after_event();
}

void checked_ledger::dial_failed(link& c) {
  begin_event();
  if (!oracle_.closed)
    count_failure(c.dialed_at);
  oracle_.dial_failed(now_, c, refused.value());
  mind_.dial_failed(now_, c, refused);
  gone(c);
  after_event(true);
}

void checked_ledger::closed(link& c) {
  begin_event();
  oracle_.closed_now(c);
  mind_.closed(now_, c);
  gone(c);
  after_event();
}

void checked_ledger::probed(link& c, bool good) {
  begin_event();
  c.cut_off_at = time_point::max();
  c.checked = now_;
  --oracle_.probing;
  if (good)
    oracle_.hand_on(now_, c, oracle_.leased);
  else
    oracle_.drop(now_, c, oracle_.closed ? close_reason::pool_closed : close_reason::probe_failed);
  mind_.probed(now_, c, good);
  after_event();
}

/// Of an idle connection, or a late word of another, which is ignored.
bool checked_ledger::spoke(std::uint32_t which) {
  const bool is_idle = !oracle_.idle.empty();
  link* const c = is_idle ? pick(oracle_.idle, which) : pick(leases_, which);
  if (!c)
    return false;
  begin_event();
  require(mind_.find_idle(c->id) == (is_idle ? c : nullptr), "idle connections are found by id");
  oracle_.spoke(now_, *c, close_reason::peer_spoke);
  mind_.spoke(now_, *c, close_reason::peer_spoke);
  after_event();
  return true;
}

/// What was to end a dial or a probe did not get through.
bool checked_ledger::end_again(std::uint32_t which, time_point then) {
  std::vector<link*> late;
  for (link* c : dials_) {
    if (c->dial_aborted)
      late.push_back(c);
  }
  for (link* c : probes_) {
    if (c->cut_off_at == time_point::max())
      late.push_back(c);
  }
  link* const c = pick(late, which);
  if (!c)
    return false;
  (c->where == ledger::state::dialing ? c->dial_ends_by : c->cut_off_at) = then;
  mind_.end_again(*c, then);
  check_wake();
  return true;
}

bool checked_ledger::watch_again(std::uint32_t which, time_point then) {
  std::vector<link*> watched;
  for (link* c : oracle_.idle) {
    if (c->watched)
      watched.push_back(c);
  }
  link* const c = pick(watched, which);
  if (!c)
    return false;
  c->watch_by = then;
  mind_.watch_again(*c, then);
  check_wake();
  return true;
}

// The pool ----------------------------------------------------------------------------------------

void checked_ledger::tick() {
  begin_event();
  expect_cut_offs(now_);
  oracle_.tick(now_);
  mind_.tick(now_);
  after_event();
  for (const link* c : dials_)
    require(c->dial_ends_by > now_, "all dials that are late are aborted");
  require(mind_.next_wake(now_) > now_, "a tick leaves nothing to be done at its time");
}

void checked_ledger::cut_off_all() {
  expect_cut_offs(time_point::max());
  mind_.cut_off_all(now_);
}

void checked_ledger::close() {
  for (link* c : probes_) {
    c->cut_off_at = time_point::max();
    expected_cut_offs_.push_back({action::cut_off, nullptr, c, 0});
  }
  oracle_.close();
  mind_.close(now_);
}

/// All leased connections whose deadline has come.
void checked_ledger::expect_cut_offs(time_point now) {
  for (const auto* some : {&looks_, &leases_, &probes_}) {
    for (link* c : *some) {
      if (c->cut_off_at > now)
        continue;
      c->cut_off_at = time_point::max();
      expected_cut_offs_.push_back({action::cut_off, nullptr, c, 0});
    }
  }
}

} // namespace httpool::test
