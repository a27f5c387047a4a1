// What the ledger has to decide, worked out the slow and obvious way: plain vectors, searched from
// end to end. Told of each event before the ledger is, it says whom that event must grant, fail,
// close and forget, and whether a dial is needed.
#pragma once

#include "pool/ledger.hpp"

#include <httpool/error.hpp>

#include <algorithm>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

namespace httpool::test {

using detail::duration;
using detail::ledger;
using detail::saturating_add;
using detail::time_point;
using action = ledger::decision::action;

/// A waiter as the oracle knows it.
struct caller : detail::waiter {
  std::uint64_t order = 0; ///< Of the acquires; a retry comes before whoever queues.
  bool waits = false;
  time_point dial_by = {};  ///< Until when it waits for dials.
  std::uint64_t parked = 0; ///< In the order in which waits begin.

  time_point next_look() const { return std::min(ends_by, dial_by); }
};

/// A connection as the oracle knows it.
struct link : ledger::connection {
  std::uint64_t leases = 0;
  std::uint64_t most_leases = 0;
  time_point idle_from = {};
  duration longest_idle = {};
  time_point checked = {};
  time_point ends = {};         ///< Of its lifetime; copied from the ledger, who draws it.
  caller* retry = nullptr;      ///< Dialing for this one,
  bool choosy = false;          ///< who has declined what is idle.
  caller* granted_to = nullptr; ///< Who may find it stale.
  bool accepted = false;        ///< Its lessee has it: the look was good.
  time_point cut_off_at = time_point::max();
  time_point dial_ends_by = time_point::max();
  time_point watch_by = {}; ///< When its watch, which could not be armed, is wanted anew.

  /// When it has been idle for as long as its peer allows.
  time_point idle_until() const { return saturating_add(idle_from, longest_idle); }
};

/// One decision, and the value of its error or reason.
struct outcome {
  action what;
  const detail::waiter* waiter;
  const ledger::connection* connection;
  int why;
  auto operator<=>(const outcome&) const = default;
};

class oracle {
public:
  oracle(const pool_options& options)
      : limits{options.max_connections, options.max_waiters, options.min_idle, options.max_dials},
        idle_timeout(options.idle_timeout),
        max_uses(options.max_uses == 0 ? std::numeric_limits<std::uint64_t>::max()
                                       : options.max_uses) {}

  pool_limits limits;
  duration idle_timeout;
  std::uint64_t max_uses; ///< The highest number for any number.
  bool closed = false;
  std::vector<caller*> queue;
  std::vector<link*> retries; ///< Dialing for a caller of their own.
  std::uint64_t parks = 0;
  std::vector<link*> idle; ///< In the order in which they became it.
  std::size_t dialing = 0;
  std::size_t leased = 0;
  std::size_t closing = 0;
  std::size_t probing = 0;
  std::size_t evicting = 0;
  std::size_t prewarm_to = 0;
  std::vector<outcome> expected; ///< Of the present event.

  std::size_t open() const { return dialing + leased + idle.size(); }
  std::size_t total() const { return open() + closing; }

  bool needs_dial() const {
    if (closed || total() >= limits.max_connections)
      return false;
    const std::size_t shared = dialing - retries.size();
    const std::size_t left = shared > queue.size() ? shared - queue.size() : 0;
    return shared < queue.size() || idle.size() + probing + left < limits.min_idle ||
           open() < prewarm_to;
  }

  /// For what that dial is.
  detail::need dial_is_for() const {
    if (!needs_dial())
      return detail::need::none;
    return dialing - retries.size() < queue.size() ? detail::need::urgent : detail::need::spare;
  }

  void dial() {
    ++dialing;
    end_prewarm();
  }

  void acquire(time_point now, caller& w, time_point deadline) {
    if (closed)
      return fail(w, error::pool_closed);
    if (w.cancelled)
      return fail(w, w.cancelled.value());
    if (link* c = queue.empty() ? newest(now) : nullptr; c && !wants_own(now, w, *c)) {
      take_out(*c);
      return grant(w, *c);
    }
    const std::size_t taken = leased - probing + idle.size() + retries.size();
    const std::size_t room = limits.max_connections > taken ? limits.max_connections - taken : 0;
    if (deadline <= now)
      fail(w, error::acquire_timeout);
    else if (queue.size() >= room && queue.size() - room >= limits.max_waiters)
      fail(w, error::too_many_waiters);
    else
      park(w, queue.end());
  }

  link* try_acquire(time_point now, duration max_idle) {
    link* const c = closed || !queue.empty() ? nullptr : newest(now);
    if (!c || !is_fresh(now, *c, max_idle))
      return nullptr;
    take_out(*c);
    lease(*c);
    return c;
  }

  /// Whether the first of the queue would rather have a dial of its own than what is idle. The
  /// ledger says whether one may start: it is answered by one of the next two.
  bool wants_own_dial() const { return !queue.empty() && !idle.empty(); }

  void own_dial(time_point now, link& c) {
    c.retry = queue.front();
    c.choosy = true;
    retries.push_back(&c);
    queue.erase(queue.begin());
    serve(now);
  }

  void no_own_dial(time_point now) {
    link* const c = newest(now);
    take_out(*c);
    grant(next(), *c);
    serve(now);
  }

  void cancel(time_point now, caller& w, int why) {
    if (w.waits) {
      leave(w);
      fail(w, why);
    }
    serve(now);
  }

  /// The lease or the dial of a connection ended well.
  void hand_on(time_point now, link& c, std::size_t& was) {
    if (closed)
      close(c, close_reason::pool_closed, was);
    else if (open() > limits.max_connections)
      close(c, close_reason::surplus, was);
    else if (c.ends <= now)
      close(c, close_reason::max_lifetime, was);
    else if (c.leases >= c.most_leases)
      close(c, close_reason::max_uses, was);
    else if (c.idle_until() <= now)
      close(c, close_reason::idle_timeout, was);
    else
      next_or_idle(now, c, was);
    serve(now);
  }

  void drop(time_point now, link& c, close_reason reason) {
    close(c, reason, leased);
    serve(now);
  }

  void stale(time_point now, link& c, caller* w, close_reason reason) {
    close(c, reason, leased);
    if (w && closed) {
      fail(*w, error::pool_closed);
    } else if (w && w->cancelled) {
      fail(*w, w->cancelled.value());
    } else if (w) {
      const auto later = [&](const caller* other) { return other->order > w->order; };
      park(*w, std::find_if(queue.begin(), queue.end(), later));
    }
    serve(now);
    if (w && w->ends_by <= now && std::find(queue.begin(), queue.end(), w) != queue.end()) {
      leave(*w);
      fail(*w, error::acquire_timeout);
    }
  }

  void redial(time_point now, link& c, caller& w, time_point deadline) {
    --leased;
    if (closed || w.cancelled || deadline <= now) {
      if (w.cancelled && !closed)
        fail(w, w.cancelled.value());
      else
        fail(w, closed ? error::pool_closed : error::acquire_timeout);
      expect(action::forget, nullptr, &c);
    } else {
      ++dialing;
      c.retry = &w;
      c.choosy = false;
      w.parked = ++parks;
      retries.push_back(&c);
    }
    serve(now);
  }

  void dialed(time_point now, link& c) {
    if (caller* w = c.retry) {
      stop_retry(c);
      --dialing;
      c.leases = 0;
      grant(*w, c);
      serve(now);
    } else {
      hand_on(now, c, dialing);
    }
  }

  void dial_failed(time_point now, link& c, int why) {
    caller* const w = c.retry;
    if (w)
      stop_retry(c);
    --dialing;
    if (!closed) {
      prewarm_to = 0;
      if (w)
        idle_or_fail(now, *w, c.choosy, why);
      else if (dialing - retries.size() < queue.size())
        fail(next(), why);
    }
    serve(now);
  }

  void dial_not_made(time_point now, int why) {
    prewarm_to = 0;
    if (dialing - retries.size() < queue.size() && idle.empty())
      fail(next(), why);
    serve(now);
  }

  bool evict(time_point now) {
    const bool found = !idle.empty();
    if (found) {
      close_idle(oldest(), close_reason::evicted);
      ++evicting;
    }
    serve(now);
    return found;
  }

  void closed_now(const link& c) {
    --closing;
    evicting -= c.reason == close_reason::evicted;
  }

  void spoke(time_point now, link& c, close_reason reason) {
    if (std::find(idle.begin(), idle.end(), &c) != idle.end())
      close_idle(c, reason);
    serve(now);
  }

  void tick(time_point now) {
    const bool shared = dialing > retries.size();
    for (caller* w : late(now)) {
      const bool is_over = w->ends_by <= now;
      const auto own = std::find_if(retries.begin(), retries.end(),
                                    [w](const link* c) { return c->retry == w; });
      if (!is_over && !(own == retries.end() ? shared : (*own)->dial_started)) {
        w->dial_by = time_point::max();
        w->parked = ++parks;
        continue;
      }
      const bool choosy = own != retries.end() && (*own)->choosy;
      leave(*w);
      idle_or_fail(now, *w, choosy,
                   static_cast<int>(is_over ? error::acquire_timeout : error::dial_timeout));
    }
    close_too_long_idle(now);
    for (link* c : std::vector(idle)) {
      if (c->ends <= now)
        close_idle(*c, close_reason::max_lifetime);
      else if (c->idle_until() <= now)
        close_idle(*c, close_reason::idle_timeout);
    }
    serve(now);
  }

  void prewarm(std::size_t count) {
    if (!closed)
      prewarm_to = std::max(prewarm_to, std::min(count, limits.max_connections));
    end_prewarm();
  }

  void set_limits(time_point now, const pool_limits& to) {
    limits = to;
    prewarm_to = std::min(prewarm_to, limits.max_connections);
    end_prewarm();
    while (open() > limits.max_connections && !idle.empty())
      close_idle(oldest(), close_reason::surplus);
    serve(now);
  }

  void close() {
    closed = true;
    prewarm_to = 0;
    for (caller* w : late(time_point::max())) {
      leave(*w);
      fail(*w, error::pool_closed);
    }
    for (link* c : std::vector(idle))
      close_idle(*c, close_reason::pool_closed);
  }

  /// A probe takes an idle connection.
  void probe(link& c) {
    take_out(c);
    ++leased;
    ++probing;
  }

private:
  void end_prewarm() {
    if (open() >= prewarm_to)
      prewarm_to = 0;
  }

  void expect(action what, const detail::waiter* w, const ledger::connection* c, int why = 0) {
    expected.push_back({what, w, c, why});
  }

  void expect_close(link& c, close_reason reason) {
    ++closing;
    expect(action::close, nullptr, &c, static_cast<int>(reason));
  }

  void close(link& c, close_reason reason, std::size_t& was) {
    --was;
    expect_close(c, reason);
  }

  void fail(caller& w, int why) { expect(action::fail, &w, nullptr, why); }
  void fail(caller& w, error why) { fail(w, static_cast<int>(why)); }

  void idle_or_fail(time_point now, caller& w, bool choosy, int why) {
    link* const c = choosy ? newest(now) : nullptr;
    if (!c)
      return fail(w, why);
    take_out(*c);
    grant(w, *c);
  }

  void park(caller& w, std::vector<caller*>::iterator place) {
    w.parked = ++parks;
    queue.insert(place, &w);
  }

  static bool is_fresh(time_point now, const link& c, duration max_idle) {
    return max_idle == duration::max() || now - c.idle_from < max_idle;
  }

  bool wants_own(time_point now, const caller& w, const link& c) const {
    return !is_fresh(now, c, w.max_idle) && w.ends_by > now && total() < limits.max_connections;
  }

  /// Takes the first waiter out of the queue.
  caller& next() {
    caller& first = *queue.front();
    queue.erase(queue.begin());
    return first;
  }

  void lease(link& c) {
    ++leased;
    ++c.leases;
  }

  void grant(caller& w, link& c) {
    lease(c);
    expect(action::grant, &w, &c);
  }

  void serve(time_point now) {
    while (!queue.empty()) {
      link* const c = newest(now);
      if (!c || wants_own(now, *queue.front(), *c))
        return;
      take_out(*c);
      grant(next(), *c);
    }
  }

  void take_out(link& c) {
    std::erase(idle, &c);
    c.watch_by = {};
  }

  void close_idle(link& c, close_reason reason) {
    take_out(c);
    expect_close(c, reason);
  }

  void next_or_idle(time_point now, link& c, std::size_t& was) {
    --was;
    caller* first = nullptr;
    const auto consider = [&](caller* w) {
      if ((!c.waited || is_fresh(now, c, w->max_idle)) && (!first || w->order < first->order))
        first = w;
    };
    if (!queue.empty())
      consider(queue.front());
    for (const link* dialing_for : retries) {
      if (dialing_for->choosy)
        consider(dialing_for->retry);
    }
    if (!first)
      return idle.push_back(&c);
    leave(*first);
    grant(*first, c);
  }

  static bool longer_idle(const link* a, const link* b) { return a->idle_from < b->idle_from; }

  link& oldest() const { return **std::min_element(idle.begin(), idle.end(), longer_idle); }

  void close_too_long_idle(time_point now) {
    while (idle.size() > limits.min_idle && saturating_add(oldest().idle_from, idle_timeout) <= now)
      close_idle(oldest(), close_reason::idle_timeout);
  }

  /// The newest idle connection that may serve, the last to come among equals.
  link* newest(time_point now) {
    close_too_long_idle(now);
    while (!idle.empty()) {
      link& c = **std::max_element(idle.rbegin(), idle.rend(), longer_idle);
      if (c.ends <= now)
        close_idle(c, close_reason::max_lifetime);
      else if (c.idle_until() <= now)
        close_idle(c, close_reason::idle_timeout);
      else
        return &c;
    }
    return nullptr;
  }

  std::vector<caller*> late(time_point now) const {
    std::vector<caller*> result;
    for (caller* w : queue) {
      if (w->next_look() <= now)
        result.push_back(w);
    }
    for (link* c : retries) {
      if (c->retry->next_look() <= now)
        result.push_back(c->retry);
    }
    std::sort(result.begin(), result.end(), [](const caller* a, const caller* b) {
      return std::pair(a->next_look(), a->parked) < std::pair(b->next_look(), b->parked);
    });
    return result;
  }

  /// A waiter goes; the dial that a retry leaves behind is shared if it has started.
  void leave(caller& w) {
    std::erase(queue, &w);
    for (link* c : std::vector(retries)) {
      if (c->retry != &w)
        continue;
      stop_retry(*c);
      if (c->dial_started)
        continue;
      --dialing;
      expect(action::forget, nullptr, c);
    }
  }

  void stop_retry(link& c) {
    c.retry = nullptr;
    std::erase(retries, &c);
  }
};

} // namespace httpool::test
