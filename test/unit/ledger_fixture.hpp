// A ledger with all that stands round it in the pool reduced to the least: a clock that the test
// sets, nodes that the fixture owns, and a shell that asks for dials, notes down the decisions and
// checks the invariants after every event.
#pragma once

#include "pool/ledger.hpp"

#include <httpool/error.hpp>

#include <boost/asio/error.hpp>
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <deque>
#include <ostream>
#include <vector>

namespace httpool::test {

using namespace std::chrono_literals;
using boost::system::error_code;
using detail::duration;
using detail::ledger;
using detail::time_point;
using connection = ledger::connection;
using state = ledger::state;

inline constexpr duration for_ever = duration::max();
inline const error_code refused_by_peer = error::connection_refused;
inline const error_code out_of_memory = boost::asio::error::no_memory;
inline const error_code aborted = boost::asio::error::operation_aborted;

/// A waiter that knows how it ended.
struct caller : detail::waiter {
  connection* got = nullptr;
  error_code error = {};
  int ends = 0;

  bool waits() const { return ends == 0; }
  bool failed_with(error_code why) const { return ends == 1 && !got && error == why; }
};

class ledger_fixture {
  std::deque<caller> callers_; // These two outlive the ledger, which links them.
  std::deque<connection> connections_;

public:
  explicit ledger_fixture(const pool_options& options = {}, std::uint64_t seed = 1)
      : mind(options, now, seed) {
    after_event();
  }

  time_point now = time_point(1h);
  ledger mind;
  bool no_permits = false; ///< The budget is spent.
  bool no_memory = false;  ///< No dial can be made.

  std::vector<connection*> dials;   ///< In flight, the oldest first.
  std::vector<connection*> closing; ///< To be closed, the oldest first.
  std::vector<connection*> probes;  ///< Being probed, the oldest first.
  std::vector<connection*> watched; ///< Of the latest event, as are the next three.
  std::vector<connection*> cut_off;
  std::vector<connection*> forgotten;
  std::vector<connection*> aborting;
  std::vector<connection*> overdue; ///< All that were reported.

  // The clock ---------------------------------------------------------------------------------

  /// Moves the clock, and says so to nobody.
  void later(duration time) { now += time; }

  void tick() {
    mind.tick(now);
    after_event();
  }

  /// Time passes, and each wake that the ledger asks for comes to the nanosecond.
  void pass(duration time) {
    const time_point end = detail::saturating_add(now, time);
    for (time_point wake = mind.next_wake(now); wake <= end; wake = mind.next_wake(now)) {
      now = std::max(now, wake);
      tick();
    }
    now = end;
    tick();
  }

  // Callers -----------------------------------------------------------------------------------

  caller& acquire(duration timeout = 5s) {
    caller& w = callers_.emplace_back();
    mind.acquire(now, w, detail::saturating_add(now, timeout));
    after_event();
    return w;
  }

  /// One who would rather not have what was idle for `max_idle`, and waits for a dial so long.
  caller& acquire_fresh(duration max_idle, duration timeout = 5s,
                        duration dial_timeout = for_ever) {
    caller& w = callers_.emplace_back();
    mind.acquire(now, w, detail::saturating_add(now, timeout), max_idle,
                 detail::saturating_add(now, dial_timeout));
    after_event();
    return w;
  }

  connection* try_acquire(duration max_idle = for_ever) {
    connection* const c = mind.try_acquire(now, max_idle);
    after_event();
    return c;
  }

  void cancel(caller& w, error_code why = aborted) {
    mind.cancel(now, w, why);
    after_event();
  }

  void give_back(connection& c) {
    mind.returned(now, c);
    after_event();
  }

  void undelivered(connection& c) {
    mind.undelivered(now, c);
    after_event();
  }

  void drop(connection& c, close_reason reason = close_reason::dropped) {
    mind.dropped(now, c, reason);
    after_event();
  }

  /// The look at what `w` was granted failed.
  void stale(caller& w) {
    connection& c = *w.got;
    w.got = nullptr;
    --w.ends;
    mind.stale(now, c, &w, close_reason::peer_closed);
    after_event();
  }

  /// The look after `try_acquire` failed.
  void stale(connection& c) {
    mind.stale(now, c, nullptr, close_reason::peer_closed);
    after_event();
  }

  caller& redial(connection& c, duration timeout = 5s) {
    caller& w = callers_.emplace_back();
    mind.redial(now, c, close_reason::peer_closed, w, detail::saturating_add(now, timeout));
    after_event();
    return w;
  }

  void detach(connection& c) {
    mind.detached(now, c);
    after_event();
  }

  // Connections -------------------------------------------------------------------------------

  /// The dial of `c`, or the oldest one in flight, gives a connection.
  connection& dialed(connection& c) {
    std::erase(dials, &c);
    mind.dialed(now, c);
    after_event();
    return c;
  }
  connection& dialed() { return dialed(oldest(dials)); }

  void dial_fails(connection& c, error_code why = refused_by_peer) {
    std::erase(dials, &c);
    mind.dial_failed(now, c, why);
    after_event();
  }
  void dial_fails() { dial_fails(oldest(dials)); }

  /// All that are closing are closed.
  void closed() {
    while (!closing.empty()) {
      connection& c = *closing.front();
      closing.erase(closing.begin());
      mind.closed(now, c);
      after_event();
    }
  }

  void spoke(connection& c, close_reason reason = close_reason::peer_closed) {
    mind.spoke(now, c, reason);
    after_event();
  }

  void probed(connection& c, bool good) {
    std::erase(probes, &c);
    mind.probed(now, c, good);
    after_event();
  }

  /// A leased connection, dialed for it where none is idle.
  connection& lease() {
    caller& w = acquire(for_ever);
    if (w.waits())
      dialed();
    BOOST_REQUIRE(w.got);
    return *w.got;
  }

  /// One that was idle and then taken without waiting.
  connection& taken() {
    connection& c = lease();
    give_back(c);
    BOOST_REQUIRE(try_acquire() == &c);
    return c;
  }

  /// `count` leased connections.
  std::vector<connection*> leases(std::size_t count) {
    std::vector<connection*> result(count);
    std::generate(result.begin(), result.end(), [this] { return &lease(); });
    return result;
  }

  /// `count` idle connections, the oldest first.
  std::vector<connection*> idles(std::size_t count) {
    std::vector<connection*> result = leases(count);
    for (connection* c : result)
      give_back(*c);
    return result;
  }

  // The pool ----------------------------------------------------------------------------------

  void prewarm(std::size_t count) {
    mind.prewarm(now, count);
    after_event();
  }

  void set_limits(const pool_limits& limits) {
    mind.set_limits(now, limits);
    after_event();
  }

  void close() {
    mind.close(now);
    after_event();
  }

  void cut_off_all() {
    mind.cut_off_all(now);
    after_event();
  }

  pool_stats stats() const { return mind.stats(now); }

  /// When the ledger wants to be woken, from now on; `for_ever` for never.
  duration next_wake() const {
    const time_point wake = mind.next_wake(now);
    return wake == time_point::max() ? for_ever : wake - now;
  }

private:
  static connection& oldest(const std::vector<connection*>& some) {
    BOOST_REQUIRE(!some.empty());
    return *some.front();
  }

  void after_event() {
    mind.allow_dials();
    while (mind.wants_dial(now)) {
      if (no_permits) {
        mind.hold_dials(now);
        break;
      }
      if (no_memory) {
        mind.dial_not_made(now, out_of_memory, now + 10ms);
        break;
      }
      connection& c = connections_.emplace_back();
      mind.dial(now, c);
      dials.push_back(&c);
    }
    for (std::vector<connection*>* of_event : {&watched, &cut_off, &forgotten, &aborting})
      of_event->clear();
    for (const ledger::decision& d : mind.decisions())
      carry_out(d);
    mind.check_invariants(now);
    mind.find_next_wake(detail::saturating_add(now, 1h));
  }

  void carry_out(const ledger::decision& d) {
    using action = ledger::decision::action;
    if (d.waiter) {
      caller& w = static_cast<caller&>(*d.waiter);
      ++w.ends;
      w.got = d.connection;
      w.error = d.error;
      BOOST_TEST(w.ends == 1, "a waiter ends once");
    }
    switch (d.what) {
    case action::grant:
    case action::fail:
      break;
    case action::dial:
      return dials.push_back(d.connection);
    case action::abort_dial:
      return aborting.push_back(d.connection);
    case action::close:
      return closing.push_back(d.connection);
    case action::forget:
      return forgotten.push_back(d.connection);
    case action::probe:
      return probes.push_back(d.connection);
    case action::watch:
      return watched.push_back(d.connection);
    case action::overdue:
      return overdue.push_back(d.connection);
    case action::cut_off:
      return cut_off.push_back(d.connection);
    }
  }
};

} // namespace httpool::test

namespace httpool::detail {

inline std::ostream& operator<<(std::ostream& out, ledger::state where) {
  return out << static_cast<int>(where);
}

} // namespace httpool::detail

namespace httpool {

inline std::ostream& operator<<(std::ostream& out, close_reason reason) {
  return out << static_cast<int>(reason);
}

} // namespace httpool
