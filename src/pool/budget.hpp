// How pools share one limit of connections. Like the ledger it does no I/O and calls nobody; unlike
// it, it has a lock of its own, which is taken after a pool's and never the other way round.
//
// A permit is the right to have one connection. Pools whose callers wait for one queue, one entry a
// pool, so that origins take turns. A permit that comes free is reserved for the first of them, who
// has to be told: an errand, which whoever has changed something runs outside of all locks.
#pragma once

#include <httpool/detail/waiter.hpp>

#include <boost/intrusive/list.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>

namespace httpool::detail {

/// What a pool lacks a permit for.
enum class need : std::uint8_t {
  none,
  spare, ///< A connection that nobody waits for: none is closed for it.
  urgent ///< A caller.
};

class budget {
  struct all_tag;
  struct queue_tag;
  using all_hook = boost::intrusive::list_base_hook<boost::intrusive::tag<all_tag>>;
  using queue_hook = boost::intrusive::list_base_hook<boost::intrusive::tag<queue_tag>>;

public:
  /// A pool's place in the budget.
  class seat : public all_hook, public queue_hook {
  public:
    /// Since when the pool's longest idle connection is idle; the end of time when none is. To be
    /// said before `wants_idle` is asked.
    void publish(time_point oldest) noexcept { oldest_.store(oldest.time_since_epoch().count()); }

  private:
    friend class budget;

    std::weak_ptr<void> owner_;
    std::atomic<duration::rep> oldest_ = duration::max().count();
    std::size_t held_ = 0;     ///< Permits in use.
    std::size_t evicting_ = 0; ///< Errands and connections of its evictions.
    need queued_ = need::none;
    bool is_reserved_for_ = false; ///< A permit waits for it.
  };

  /// What somebody has to be told. Keeps the pool alive; to be dropped outside of all locks.
  struct errand {
    enum class action : std::uint8_t {
      none,
      go_on, ///< A permit is reserved for the pool: `take` it or `ask` for none.
      evict  ///< Close the longest idle connection, or say `not_evicted`.
    };
    action what = action::none;
    std::shared_ptr<void> pool = {};
  };

  explicit budget(std::size_t max_connections) noexcept;

  std::size_t max_connections() const noexcept { return max_connections_; }
  std::size_t in_use() const noexcept;

  void join(seat& s, std::weak_ptr<void> owner);

  /// The pool is gone, with all that it held.
  void leave(seat& s) noexcept;

  /// A permit, if one is reserved for the pool, or free.
  bool take(seat& s) noexcept;

  /// What the pool lacks a permit for, after `take` has said no. One who lacks none leaves the
  /// queue, and what was reserved for it goes on. True if it has joined the queue for its callers.
  bool ask(seat& s, need what) noexcept;

  /// Connections are gone, so many of them `evicted`.
  void give_back(seat& s, std::size_t count, std::size_t evicted) noexcept;

  /// The pool that was to evict has nothing idle any more.
  void not_evicted(seat& s) noexcept;

  /// Whether an idle connection has to go for somebody. Cheap.
  bool wants_idle() const noexcept { return wants_idle_.load(); }

  /// Whether somebody has to be told that a permit is reserved for it. Cheap.
  bool has_news() const noexcept { return has_news_.load(); }

  /// What has to be done now.
  errand next_errand() noexcept;

  /// Throws `std::logic_error` naming the first invariant that does not hold. To be called when no
  /// errand is left or under way.
  void check_invariants() const;

private:
  using seats = boost::intrusive::list<seat, boost::intrusive::base_hook<all_hook>>;
  using queue = boost::intrusive::list<seat, boost::intrusive::base_hook<queue_hook>>;

  void release_one() noexcept;
  void reserve_for(seat& s) noexcept;
  void cancel_reservation(seat& s) noexcept;
  void dequeue(seat& s) noexcept;
  queue& queue_of(need what) noexcept { return what == need::urgent ? urgent_ : spare_; }
  seat* longest_idle() noexcept;
  void publish() noexcept;

  const std::size_t max_connections_;
  std::atomic<bool> wants_idle_ = false; ///< Pools queue for whom no eviction is under way.
  std::atomic<bool> has_news_ = false;

  mutable std::mutex mutex_; ///< Guards all that follows.
  std::size_t free_;
  std::size_t reserved_ = 0;
  std::size_t evicting_ = 0;
  seats all_;
  queue urgent_;
  queue spare_;
  queue news_; ///< Those who have to be told of their reservation.
};

} // namespace httpool::detail
