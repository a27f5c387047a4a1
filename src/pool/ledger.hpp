// The mind of the pool: who gets which connection, and when it dies.
//
// A state machine without sockets, clock, lock, handlers or, in steady state, allocation. Events go
// in, each with the present time; decisions come out, valid until the next event. After each event
// its caller (1) asks `wants_dial()` and answers every yes with `dial()` or, without a permit of
// the budget, with `hold_dials()`, (2) carries out `decisions()`, and (3) calls `tick()` no later
// than `next_wake()`.
//
// Waiters and connections are nodes that the caller owns and keeps alive while the ledger knows
// them: a waiter until its grant or failure is decided, a connection until the event that ends it
// (`closed`, `dial_failed`, `detached`) or the decision `forget`.
#pragma once

#include "pool/budget.hpp"

#include <httpool/detail/waiter.hpp>
#include <httpool/pool_histograms.hpp>
#include <httpool/pool_options.hpp>
#include <httpool/pool_stats.hpp>
#include <httpool/pool_view.hpp>

#include <boost/intrusive/list.hpp>
#include <boost/intrusive/set.hpp>
#include <boost/system/error_code.hpp>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace httpool::detail {

struct state_tag;
struct ledger_digest;

class ledger {
public:
  enum class state : std::uint8_t {
    unknown, ///< Not in the ledger.
    dialing,
    idle,
    leased,
    closing
  };

  /// One connection, as the ledger sees it. The pool's own connection derives from it.
  struct connection : boost::intrusive::list_base_hook<boost::intrusive::tag<state_tag>>,
                      boost::intrusive::set_base_hook<boost::intrusive::tag<deadline_tag>,
                                                      boost::intrusive::optimize_size<true>> {
    std::uint64_t id = 0;           ///< Given when the dial succeeds, counted from 1.
    std::uint64_t uses = 0;         ///< Leases, the present one included; probes do not count.
    std::uint64_t max_uses = 0;     ///< Leases after which it serves no more.
    state where = state::unknown;   ///< The list that it is in.
    close_reason reason = {};       ///< Why it is closing.
    bool waited = false;            ///< Was idle before its present lease.
    bool probing = false;           ///< Leased to a probe.
    bool overdue = false;           ///< Leased, and reported for that.
    bool watched = false;           ///< Idle, and its watch is wanted.
    bool dial_started = false;      ///< Not if it waits for its turn.
    bool dial_aborted = false;      ///< Dialing, and its end was asked for.
    waiter* reserved_for = nullptr; ///< Dialing for this waiter alone.
    time_point dialed_at = {};      ///< When its dial began,
    time_point made_at = {};        ///< and when it gave the connection.
    time_point expires_at = {};     ///< When it has reached its lifetime.
    time_point idle_since = {};     ///< When its last use ended, or its dial if it had none.
    duration max_idle = {};         ///< For how long its peer keeps it without use.
    time_point watch_at = {};       ///< Idle: when its watch is wanted, unless it is watched.
    time_point checked_at = {};     ///< When it was last used or probed.
    time_point leased_at = {};      ///< When its present lease began.
    time_point deadline = time_point::max(); ///< When its dial or its lessee is cut off.
  };

  struct decision { // NOLINT(cppcoreguidelines-pro-type-member-init): every decision names `what`
    enum class action : std::uint8_t {
      grant,      ///< `waiter` gets `connection`, which is leased now. Look at it first.
      fail,       ///< `waiter` gets `error`.
      dial,       ///< Start the dial of `connection`, a retry's, whose turn has come.
      abort_dial, ///< The dial of `connection` is late or unwanted: end it soon.
      close,      ///< Close `connection`, then say `closed`.
      forget,     ///< `connection` is gone from the ledger; it had no descriptor.
      probe,      ///< Probe `connection`, which is leased now, then say `probed`.
      watch,      ///< Watch `connection`, which stays idle, and say `spoke` when it stirs.
      overdue,    ///< The lease of `connection` has lasted for so long that this should be known.
      cut_off     ///< The lessee of `connection` is late: shut the transport down.
    };
    action what;
    detail::waiter* waiter = nullptr;
    ledger::connection* connection = nullptr;
    boost::system::error_code error = {};
  };

  /// Takes the numbers out of `options`, which have been validated. The seed spreads lifetimes and
  /// back-off.
  ledger(const pool_options& options, time_point now, std::uint64_t seed);

  // Callers -----------------------------------------------------------------------------------

  /// A caller wants a connection by `deadline`, would rather have a dial of its own than one that
  /// was idle for `max_idle`, and waits for dials until `dial_deadline`: grants, parks or fails it.
  void acquire(time_point now, waiter& caller, time_point deadline,
               duration max_idle = duration::max(), time_point dial_deadline = time_point::max());

  /// A caller wants a connection that was idle for less than `max_idle` now, or nothing. Gives
  /// nothing while another waits, unless that one has declined it.
  connection* try_acquire(time_point now, duration max_idle = duration::max());

  /// A caller has gone: fails it with `reason` if it waits, or else as soon as it would wait.
  void cancel(time_point now, waiter& caller, boost::system::error_code reason);

  /// The lease ended well, and the connection was looked at: it may serve again.
  void returned(time_point now, connection& c);

  /// The lease never reached its caller: the connection goes on, as one that has waited.
  void undelivered(time_point now, connection& c);

  /// The lease ended and the connection must not serve again.
  void dropped(time_point now, connection& c, close_reason reason);

  /// The look at a connection that has just been granted failed: it closes, and its waiter, none
  /// after `try_acquire`, goes back to the front of the queue with its old deadline, in the order
  /// of acquires among those who do.
  void stale(time_point now, connection& c, waiter* caller, close_reason reason);

  /// A leased connection died under its lessee and its descriptor is closed: a fresh dial, for
  /// `caller` alone, takes its place. It neither queues behind a waiter nor overtakes one.
  void redial(time_point now, connection& c, close_reason reason, waiter& caller,
              time_point deadline, time_point dial_deadline = time_point::max());

  /// The lessee takes the connection out of the pool and its limit, or has closed it itself.
  void detached(time_point now, connection& c, close_reason why = close_reason::detached);

  /// The lessee is cut off at `deadline`, unless the lease ends first; the end of time means never.
  void set_lease_deadline(connection& c, time_point deadline) noexcept {
    set_deadline(c, deadline);
  }

  /// The peer keeps the connection for no longer than `length` without use. Like the next, it is
  /// said by the lessee and needs no lock.
  static void limit_idle(connection& c, duration length) noexcept { c.max_idle = length; }

  /// The peer serves at most `more` leases on the connection after the present one.
  void limit_uses(connection& c, std::uint64_t more) const noexcept;

  // Connections -------------------------------------------------------------------------------

  /// Whether a dial should start now.
  bool wants_dial(time_point now) const noexcept {
    return wants_connections() && lacks_startable_dial(now);
  }

  /// A dial starts, after `wants_dial()`.
  void dial(time_point now, connection& c);

  /// No dial may start for want of a permit, until `allow_dials()`. Belongs to the latest event, as
  /// `dial` does.
  void hold_dials(time_point now);

  /// To be said before an event, so that its dials are asked for.
  void allow_dials() noexcept { dials_are_held_ = false; }

  /// For what a dial would start now.
  need dials_for(time_point now) const noexcept;

  /// The same of one that is held.
  need lacks_permit(time_point now) const noexcept {
    return dials_are_held_ ? dials_for(now) : need::none;
  }

  /// A dial gave a connection: gives it its id, for those who need that before `dialed`.
  void name(connection& c) noexcept { c.id = ++last_id_; }

  /// A dial gave a connection, and it was looked at.
  void dialed(time_point now, connection& c);

  /// A dial failed, and its descriptor is closed. No other is wanted before `then`, though there
  /// may be no back-off.
  void dial_failed(time_point now, connection& c, boost::system::error_code why,
                   time_point then = time_point::min());

  /// A dial that is wanted cannot be made, within the event that wants it: as if it had failed.
  /// None is wanted before `then`, though there may be no back-off.
  void dial_not_made(time_point now, boost::system::error_code why, time_point then);

  /// What was to end the dial or probe of a connection did not get through: it is to be ended
  /// anew at `then`.
  void end_again(connection& c, time_point then) noexcept;

  /// The watch of an idle connection could not be armed: the sweep of `then` wants it anew.
  void watch_again(connection& c, time_point then) noexcept;

  /// A closing connection's descriptor is closed.
  void closed(time_point now, connection& c);

  /// The idle connection of this id, if there is one.
  connection* find_idle(std::uint64_t id) noexcept;

  /// Says of each lease that has lasted for as long as to be reported, the longest first.
  template <class Action>
  void each_overdue(time_point now, Action action) const {
    for (const connection& c : leased_) {
      if (!c.probing && saturating_add(c.leased_at, lease_warning_) <= now)
        action(c);
    }
  }

  /// The dialing or leased connection of which `is_wanted` is true, if there is one.
  template <class Predicate>
  connection* find_busy(Predicate is_wanted) noexcept {
    for (connections* const list : {&dialing_, &leased_}) {
      for (connection& c : *list) {
        if (is_wanted(c))
          return &c;
      }
    }
    return nullptr;
  }

  /// An idle connection stirred: its peer closed it or spoke out of turn.
  void spoke(time_point now, connection& c, close_reason reason);

  /// A probe's answer is in, or late; the connection was looked at.
  void probed(time_point now, connection& c, bool good);

  // The pool ----------------------------------------------------------------------------------

  /// Time has passed.
  void tick(time_point now);

  /// Wants `count` connections to exist at once, closing ones apart, and then no more of it; gives
  /// up when a dial fails.
  void prewarm(time_point now, std::size_t count);

  /// Closes surplus idle connections now and leased ones on their return.
  void set_limits(time_point now, const pool_limits& limits);

  /// Fails all waiters and closes what is idle; nothing is granted from now on.
  void close(time_point now);

  /// The longest idle connection closes for the sake of another pool; false if none is idle.
  bool evict(time_point now);

  /// Every lessee is cut off now.
  void cut_off_all(time_point now);

  // Answers -----------------------------------------------------------------------------------

  /// What the latest event decided, in order.
  std::span<const decision> decisions() const noexcept { return decisions_; }

  /// When `tick` is due, `now` when it is overdue; the end of time for never.
  time_point next_wake(time_point now) const noexcept { return std::max(first_due(now), now); }

  /// The same for one who will ask for `quiet_until()`.
  time_point find_next_wake(time_point now) noexcept {
    quiet_until_ = first_due(now);
    return std::max(quiet_until_, now);
  }

  /// A time no later than `next_wake`, without looking for that.
  time_point quiet_until() const noexcept {
    return failures_ > 0 || closed_ ? time_point::min() : quiet_until_;
  }

  bool is_closed() const noexcept { return closed_; }

  /// Whether nobody waits for what is leased, and none of it has to close.
  bool is_calm() const noexcept {
    return !closed_ && !has_waiters() && open() <= limits_.max_connections;
  }

  /// Whether anybody waits.
  bool has_waiters() const noexcept { return !waiting_until_.empty(); }

  /// Whether the pool could be forgotten: nothing is left or wanted, and no back-off is worth being
  /// remembered. Never once it is closed.
  bool is_empty(time_point now) const noexcept {
    return is_deserted() && (failures_ == 0 || backoff_ends() <= now);
  }

  /// When the back-off is all that keeps the pool from being empty: its end; else the end of time.
  time_point empty_at(time_point now) const noexcept {
    return is_deserted() && !is_empty(now) ? backoff_ends() : time_point::max();
  }

  /// Since when the longest idle connection is idle; the end of time when none is.
  time_point oldest_idle() const noexcept {
    return idle_.empty() ? time_point::max() : idle_.front().idle_since;
  }

  /// Closing connections that were evicted.
  std::size_t evicting() const noexcept { return evicting_; }

  /// Connections of any state.
  std::size_t total() const noexcept { return total_; }

  pool_snapshot snapshot() const noexcept;
  pool_stats stats(time_point now) const noexcept;

  /// All zero if the options say that there are to be none.
  pool_histograms histograms() const noexcept;

  /// The figures, and each connection, without its endpoint, in the order of `for_each`.
  pool_view view(time_point now) const;

  /// Calls `function` with each connection.
  template <class Function>
  void for_each(Function function) const {
    for (const connections* const list : {&dialing_, &idle_, &leased_, &closing_}) {
      for (const connection& c : *list)
        function(c);
    }
  }

  /// Throws `std::logic_error` naming the first invariant that does not hold. To be called between
  /// events, after `wants_dial()` has said no.
  void check_invariants(time_point now) const;

private:
  friend struct ledger_digest; ///< By which tests tell whether two states are the same.

  using connections = boost::intrusive::list<
      connection, boost::intrusive::base_hook<
                      boost::intrusive::list_base_hook<boost::intrusive::tag<state_tag>>>>;
  using waiters =
      boost::intrusive::list<waiter, boost::intrusive::base_hook<boost::intrusive::list_base_hook<
                                         boost::intrusive::tag<fifo_tag>>>>;

  struct by_deadline {
    using type = time_point;
    template <class Node>
    time_point operator()(const Node& node) const noexcept {
      return node.deadline;
    }
  };
  template <class Node>
  using deadlines = boost::intrusive::multiset<
      Node,
      boost::intrusive::base_hook<boost::intrusive::set_base_hook<
          boost::intrusive::tag<deadline_tag>, boost::intrusive::optimize_size<true>>>,
      boost::intrusive::key_of_value<by_deadline>, boost::intrusive::constant_time_size<false>>;

  void begin_event() noexcept { decisions_.clear(); }
  void reserve_decisions();
  void shrink_decisions() noexcept;
  std::size_t most_decisions() const noexcept;
  void decide(decision::action what, waiter* w, connection* c, boost::system::error_code why = {});

  /// What a change may have made possible: a retry has its turn, an idle connection meets a waiter.
  void settle(time_point now) {
    start_retries(now);
    if (!queue_.empty())
      serve_queue(now);
  }
  void serve_queue(time_point now);

  void begin_wait(waiter& w, time_point now, time_point deadline, duration max_idle,
                  time_point dial_deadline) noexcept;
  void look_at(time_point now, waiter& w, bool has_shared_dial);
  void park(waiter& w, waiter::place where);
  void park_in_queue(waiter& w, waiters::iterator next);
  void unpark(waiter& w) noexcept;
  void fail(waiter& w, boost::system::error_code why, std::uint64_t& counter);
  void grant(time_point now, waiter& w, connection& c);
  void serve(time_point now, waiter& w, connection& c);
  waiter* next_for(time_point now, const connection& c) noexcept;
  static bool is_fresh(const connection& c, const waiter& w, time_point now) noexcept {
    return now - c.idle_since < w.max_idle;
  }
  static bool has_own_dial(const waiter& w) noexcept {
    return w.where == waiter::place::retrying || w.where == waiter::place::choosy;
  }
  bool too_many_waiters() const noexcept;

  time_point first_due(time_point now) const noexcept;

  /// Something is due then that was not before.
  void note_due(time_point then) noexcept { quiet_until_ = std::min(quiet_until_, then); }

  void set_deadline(connection& c, time_point deadline) noexcept;
  connections& list_of(state where) noexcept {
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
  void move(connection& c, state to) noexcept;
  void remove(connection& c) noexcept;
  void begin_lease(time_point now, connection& c) noexcept;
  void end_lease(time_point now, connection& c) noexcept;
  void undo_lease(time_point now, connection& c) noexcept;
  void hand_on(time_point now, connection& c);
  void begin_close(time_point now, connection& c, close_reason reason);
  void count_closed(time_point now, const connection& c, close_reason reason) noexcept;

  /// The newest idle connection that may serve, if any; those that may not are closed, of which
  /// there is none as long as nothing is due.
  connection* take_idle(time_point now) {
    if (quiet_until_ <= now)
      close_unfit_idle(now);
    if (idle_.empty())
      return nullptr;
    connection& c = idle_.back();
    c.waited = true;
    return &c;
  }
  void close_unfit_idle(time_point now);
  void put_idle(connection& c) noexcept;
  void close_expired_idle(time_point now);
  void sweep(time_point now);
  void report_overdue(time_point now);
  void attend(time_point now, connection& c);

  /// Whether its peer may have closed it by now, for want of use.
  static bool is_over(const connection& c, time_point now) noexcept {
    return saturating_add(c.idle_since, c.max_idle) <= now;
  }

  /// When an idle connection needs attention for any reason but the pool's idle timeout.
  time_point due(const connection& c) const noexcept {
    time_point first = std::min(c.expires_at, saturating_add(c.idle_since, c.max_idle));
    if (!probe_due_)
      first = std::min(first, saturating_add(c.checked_at, probe_interval_));
    if (!c.watched)
      first = std::min(first, c.watch_at);
    return first;
  }
  time_point idle_deadline() const noexcept;
  bool may_probe() const noexcept;

  void end_prewarm() noexcept;
  void begin_dial(time_point now, connection& c);
  void end_dial(connection& c) noexcept;
  void count_dial_failure(time_point now, time_point began, boost::system::error_code why);
  void abort_dial(connection& c);
  void start_retries(time_point now) {
    if (held_back_ > 0)
      start_held_back_dials(now);
  }
  void start_held_back_dials(time_point now);
  void give_up_own_dial(waiter& w);
  bool lacks_startable_dial(time_point now) const noexcept; ///< Without short cuts.
  bool may_start_dial(time_point now) const noexcept;
  bool lacks_dial() const noexcept;
  bool lacks_own_dial() const noexcept;
  bool prefers_dial(time_point now, const waiter& w, const connection& c) const noexcept;
  void reserve_for_first(connection& c) noexcept;
  connection& own_dial_of(const waiter& w) noexcept;
  std::size_t dials_in_flight() const noexcept { return dialing_.size() - held_back_; }
  duration backoff() noexcept;
  duration spread(duration base, unsigned percent) noexcept;

  /// Whether anybody queues, or some are wanted for themselves: if not, no dial is lacking.
  bool wants_connections() const noexcept {
    return !queue_.empty() || limits_.min_idle > 0 || prewarm_ > 0;
  }

  /// Without a connection whoever waits lacks a dial.
  bool is_deserted() const noexcept { return !closed_ && total() == 0 && !lacks_dial(); }
  time_point backoff_ends() const noexcept { return saturating_add(next_dial_, max_backoff_); }

  std::size_t open() const noexcept { return dialing_.size() + idle_.size() + leased_.size(); }

  // What the options say.
  pool_limits limits_;
  std::uint64_t max_uses_; ///< The highest number for any number.
  duration dial_timeout_;
  duration idle_timeout_;
  duration max_lifetime_;
  duration min_backoff_;
  duration max_backoff_;
  duration lease_warning_;
  duration probe_interval_; ///< The longest duration without a probe.

  waiters queue_;                   ///< First come, first served.
  waiters choosy_;                  ///< Those of them who have a dial of their own instead.
  deadlines<waiter> waiting_until_; ///< All waiters, in whatever place.
  std::size_t own_dials_ = 0;       ///< Waiters with a dial of their own.
  std::uint64_t turns_ = 0;         ///< Turns given to callers, from 1; a retry's is 0.

  connections dialing_;
  connections idle_; ///< The longest idle first.
  connections leased_;
  connections closing_;
  std::size_t total_ = 0;           ///< Connections of any state.
  deadlines<connection> ending_by_; ///< Dialing and leased connections with a deadline.

  std::size_t held_back_ = 0; ///< Dialing connections, all retries, that wait for their turn.
  std::size_t probing_ = 0;   ///< Leased connections that a probe has.
  std::size_t evicting_ = 0;  ///< Closing connections that were evicted.
  std::size_t prewarm_ = 0;   ///< Connections that `prewarm` wants; 0 once there have been so many.
  std::size_t overhang_ = 0;  ///< Connections that a lowered limit has to bear until they close.

  std::uint32_t failures_ = 0; ///< Dials failed in a row; those in flight together count once.
  time_point last_failure_ = {};
  time_point next_dial_ = time_point::min(); ///< No dial starts before, while there are failures.

  bool dials_are_held_ = false; ///< For want of a permit.
  bool probe_due_ = false;      ///< An idle connection waits for another's probe to end.
  time_point sweep_at_ = time_point::max(); ///< When an idle connection needs attention.
  time_point warn_at_ = time_point::max();  ///< When a lease may be overdue.

  /// Nothing is due before, but for what depends on failed dials: what has become due since the
  /// latest `find_next_wake` was noted. So no idle connection becomes unfit before.
  time_point quiet_until_ = time_point::max();

  bool closed_ = false;
  std::uint64_t last_id_ = 0;
  std::uint64_t random_;
  time_point made_at_;
  pool_stats counts_; ///< The counters; what the lists say is filled in by `stats()`.
  std::unique_ptr<pool_histograms> histograms_; ///< Without what is granted at once, if any.
  std::vector<decision> decisions_;
};

} // namespace httpool::detail
