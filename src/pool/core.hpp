// The shell round the ledger: it owns the lock, the sockets and one timer. Each event locks, asks
// the ledger, and carries out what it decided: timer, watches and cut-offs under the lock, all
// else, such as handlers, closes, dials, probes and observers, outside.
#pragma once

#include "dial/dialer.hpp"
#include "pool/budget.hpp"
#include "pool/connection.hpp"
#include "pool/ledger.hpp"
#include "pool/ticket_table.hpp"
#include "wait_room.hpp"

#include <httpool/detail/pool_operations.hpp>
#include <httpool/observer.hpp>
#include <httpool/pool_view.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/intrusive/list.hpp>

#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

namespace httpool::detail {

class pool_service;

/// A list, first in first out, of nodes that are in one such list at a time: a ring that is held by
/// its last node, so that there is but one pointer to set up. It needs no memory.
template <class Node>
class chain {
public:
  bool empty() const noexcept { return last_ == nullptr; }

  void push(Node& node) noexcept {
    node.next = last_ ? std::exchange(last_->next, &node) : &node;
    last_ = &node;
  }

  Node* pop() noexcept {
    if (!last_)
      return nullptr;
    Node* const first = last_->next;
    if (first == last_)
      last_ = nullptr;
    else
      last_->next = first->next;
    return first;
  }

private:
  Node* last_ = nullptr;
};

/// Whoever made a pool for others and wants to know when it may be forgotten.
struct pool_owner {
  /// Nothing is left of what the pool had: no connection, no waiter, no back-off that is worth
  /// being remembered, and it is not closed. Said after every event that leaves it so, from any
  /// thread and outside the lock: ask `is_empty()` where it counts.
  virtual void emptied(pool_core& pool) noexcept = 0;

protected:
  ~pool_owner() = default;
};

class pool_core : public std::enable_shared_from_this<pool_core>,
                  public boost::intrusive::list_base_hook<> {
public:
  static std::shared_ptr<pool_core> create(boost::asio::any_io_executor executor,
                                           dialer::target target, pool_options options,
                                           std::weak_ptr<pool_owner> owner = {});
  ~pool_core();

  const boost::asio::any_io_executor& executor() const noexcept { return executor_; }

  // Callers.
  void acquire(acquire_operation& operation, acquire_options options);

  /// `roughly` is the time, which may be some milliseconds old.
  lease try_acquire(time_point roughly, duration max_idle = duration::max(),
                    time_point deadline = time_point::max(), std::source_location where = {});
  void redial(acquire_operation& operation, lease dead, acquire_options options);
  void drain(drain_operation& operation, duration timeout);
  void give_ticket(acquire_operation& operation);
  void give_ticket(drain_operation& operation);
  void cancel_acquire(ticket operation);
  void cancel_drain(ticket operation);

  // The pool.
  void close();
  void prewarm(std::size_t count);
  void set_limits(const pool_limits& limits);
  pool_stats stats();
  pool_histograms histograms();

  /// Both, of one moment.
  std::pair<pool_stats, pool_histograms> figures();
  std::vector<overdue_lease> overdue_leases();
  pool_view view();
  bool is_empty();

  /// Whom the connections lead to: a host, or the path of a Unix-domain socket with port 0.
  dialer::host_and_port place() const { return dialer_.peer(); }

  /// Whether a connection that is leased may be kept from the pool for longer: it is open, has no
  /// more connections than it may, and nobody waits for one.
  bool is_calm();

  // Leases.
  static connection& connection_of(const lease& held) noexcept { return *held.connection_; }
  void end_lease(connection& c, bool keep) noexcept;

  /// The same, by one who has read all that the peer had to say. What more it says is found when
  /// the connection is handed out again.
  static void end_exchange(lease&& ended, time_point roughly) noexcept;
  void undelivered(connection& c) noexcept;

  /// The same, by one who has no use for it: it goes on as good as it was.
  static void end_unused(lease unused) noexcept;
  void set_lease_deadline(connection& c, time_point deadline) noexcept;
  void limit_uses(connection& c, std::uint64_t more) const noexcept { ledger_.limit_uses(c, more); }
  void cut_off(connection& c) noexcept;
  void avoid_endpoint(const connection& c) noexcept;
  boost::asio::ip::tcp::socket detach(connection& c);

  /// A dial's coroutine has ended, or was destroyed with its context.
  void dial_ended(connection& c, boost::system::error_code ec) noexcept;
  void dial_dropped(connection& c) noexcept;

  /// Does what the budget has for this pool.
  void run_errand(budget::errand::action what);

  /// The context is being destroyed: drops waiting operations and closes what is idle.
  void abandon() noexcept;

private:
  struct ended_drains {
    boost::intrusive::list<drain_operation> drained;     ///< Every connection is gone.
    boost::intrusive::list<drain_operation> not_drained; ///< The deadline came first.
  };

  /// What one event decided, to be done outside the lock.
  struct todo {
    // Written out, since for the implicit one GCC 12 fills all of it, unused rooms too, with zeros.
    todo() noexcept {} // NOLINT(modernize-use-equals-default)

    /// Which is needed until all is done. None if there is nothing to do, or the caller keeps it.
    std::shared_ptr<pool_core> pool;
    chain<acquire_operation> acquires;
    chain<connection> dials;
    chain<connection> probes;
    chain<connection> closes;
    chain<connection> forgotten;
    time_point now;
    bool is_empty = false;                 ///< As the owner has to know.
    bool has_queued = false;               ///< The pool has begun to wait for others of its budget.
    bool has_errands = false;              ///< The budget has something for one of its pools.
    std::optional<pool_snapshot> snapshot; ///< Only if there is an observer.
    std::unique_ptr<std::vector<overdue_lease>> overdue;
    std::optional<ended_drains> ended; ///< Only if there are any.

#ifndef NDEBUG
    bool is_nothing() const noexcept {
      return acquires.empty() && !is_unfinished() && probes.empty() && forgotten.empty() &&
             !has_errands && !is_empty && !overdue && !ended;
    }
#endif

    /// Whether there is more of what a connection that was found dead, or a lease that was lost on
    /// its way, may lead to: beside grants, that is closes and dials.
    bool is_unfinished() const noexcept {
      return !closes.empty() || !dials.empty();
    }
  };

  pool_core(boost::asio::any_io_executor executor, dialer::target target, pool_options options,
            std::weak_ptr<pool_owner> owner);

  /// Under the lock: the time, which goes back for nobody who is told of it.
  time_point look_at_clock() noexcept {
    return latest_ = std::max(latest_, std::chrono::steady_clock::now());
  }

  /// An event: `change(work)` says one event to the ledger, under the lock; then comes what
  /// follows. A time that was read before, even some milliseconds, serves for it as long as nobody
  /// waits.
  template <class Change>
  void run(const Change& change, time_point roughly = time_point::max());

  /// The first half of an event, whose second is `perform(work)`.
  template <class Change>
  void decide(todo& work, const Change& change, time_point roughly = time_point::max());
  void settle(todo& work);
  void carry_out(const ledger::decision& decision, todo& work);
  void settle_drains(todo& work);
  static void note_overdue(const connection& c, todo& work) noexcept;
  bool start_wanted_dial(todo& work);
  bool needs_other_permits() const noexcept {
    return ledger_.total() != permits_ || ledger_.evicting() != evicting_;
  }
  void give_back_permits(todo& work);
  void ask_budget(need what, todo& work);
  void settle_budget(todo& work);
  void run_errands();
  /// Under the lock: whether the timer is known to fire by then, and by whatever else is due; not
  /// of a pool that is closed, as it is before anybody waits for its drain.
  bool is_armed_by(time_point wake) const noexcept {
    return armed_for_ <= std::min(wake, ledger_.quiet_until());
  }
  void arm_timer(time_point now, time_point wake = time_point::max());
  bool arm_timer_for(time_point wake);
  bool reserve_timer(time_point now, time_point deadline);
  class timer_wait;
  void timer_ended() noexcept;
  bool track_work(bool has_work);
  void release_context() noexcept;
  static void end_all(boost::intrusive::list<drain_operation>& ended,
                      boost::system::error_code ec) noexcept;
  void perform(todo& work);
  void give_back(connection& c, bool keep, close_reason otherwise, time_point roughly) noexcept;

  void finish(acquire_operation& operation, todo& work);
  void start_dial(connection& c) noexcept;
  void tell_made(connection& c) noexcept;
  void start_probe(connection& c) noexcept;
  void end_probe(lease asked, bool said_yes, time_point began) noexcept;
  void end_task(connection& c, const todo& work) noexcept;
  void end_again(const abortable& task) noexcept;
  void watch(connection& c, time_point now) noexcept;

  /// Under the lock: an idle or new connection becomes leased. It is the lock that orders this.
  void take(connection& c) noexcept {
    c.late.store(false, std::memory_order_relaxed);
    if (c.watch_is_armed)
      end_watch(c);
  }
  void end_watch(connection& c) noexcept;
  void take_back(connection& c, time_point now) noexcept;
  void stirred(std::uint64_t id);
  void expire();

  template <class Operation, class... Results>
  static void complete(Operation& operation, boost::system::error_code ec,
                       Results... results) noexcept;

  /// Tells the observer, if there is one, and swallows what it throws.
  template <class Event>
  void tell(Event event) noexcept;

  boost::asio::any_io_executor executor_; ///< None once the context is being destroyed.
  const duration acquire_timeout_;
  const pool_probe probe_;
  const std::shared_ptr<pool_observer> observer_;
  const std::shared_ptr<connection_budget> shared_budget_;
  budget* const budget_; ///< That of `shared_budget_`, if there is one.
  budget::seat seat_;
  const std::weak_ptr<pool_owner> owner_;
  const bool has_owner_;
  dialer dialer_;
  pool_service& service_;

  std::mutex mutex_; ///< Guards all that follows.
  ledger ledger_;
  time_point latest_ = {}; ///< Of events and answers: their time never goes back.
  ticket_table<acquire_operation> acquires_;
  ticket_table<drain_operation> drain_tickets_;
  boost::intrusive::list<drain_operation> drains_;
  std::optional<boost::asio::steady_timer> timer_; ///< None once the context is being destroyed.
  const std::shared_ptr<wait_room> timer_room_ = std::make_shared<wait_room>();
  time_point armed_for_ = time_point::max();
  std::optional<boost::asio::any_io_executor> outstanding_; ///< Tracks work while somebody waits.
  need asked_ = need::none;                                 ///< Of the budget.
  std::size_t permits_ = 0;                  ///< As many as connections, after each event.
  std::size_t evicting_ = 0;                 ///< Of the ledger, at the latest event.
  time_point published_ = time_point::max(); ///< Since when something is idle, as `seat_` says.
};

} // namespace httpool::detail
