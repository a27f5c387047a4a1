// Steps that wait until whatever else is ready in their context has had its turn.
#pragma once

#include "client/step_room.hpp"

#include <boost/asio/io_context.hpp>

#include <atomic>
#include <memory>

namespace httpool::detail {

/// Who waits for a turn, in one queue at a time.
class turn_waiter {
public:
  virtual void take_turn() = 0;

  /// There will be none, since the context is being destroyed.
  virtual void lose_turn() noexcept = 0;

protected:
  ~turn_waiter() = default;

private:
  friend class turns;

  turn_waiter* next_ = nullptr;
};

/// One handler, posted for the first who comes, serves those who have come when it runs. So what
/// many wait for costs the context as little as what one does.
///
/// Thread-safe, without a lock.
class turns {
public:
  using executor_type = boost::asio::io_context::executor_type;

  /// `keeper` keeps the queue alive. It is the waiter's business to stay so. Needs no memory.
  void await(turn_waiter& who, const std::shared_ptr<void>& keeper,
             const executor_type& context) noexcept;

  /// Whether anybody waits, as far as this thread can know.
  bool is_awaited() const noexcept { return latest_.load(std::memory_order_relaxed) != nullptr; }

private:
  class server;

  turn_waiter* take_all() noexcept;

  std::atomic<turn_waiter*> latest_ = nullptr; ///< Linked to whoever came before.
  step_room room_; ///< For the handler: the next is posted after it has been taken out.
};

} // namespace httpool::detail
