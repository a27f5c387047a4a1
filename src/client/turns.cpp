#include "client/turns.hpp"

#include <boost/asio/post.hpp>

#include <utility>

namespace httpool::detail {

/// The handler.
class turns::server {
public:
  using allocator_type = step_room::allocator<void>;

  server(std::shared_ptr<turns> queue, const executor_type& context) noexcept
      : queue_(std::move(queue)), context_(context) {}
  server(server&&) noexcept = default;
  server& operator=(server&&) = delete;

  ~server() {
    if (!queue_)
      return;
    turn_waiter* next = queue_->take_all();
    while (next)
      std::exchange(next, next->next_)->lose_turn();
  }

  allocator_type get_allocator() const noexcept { return allocator_type(queue_->room_); }

  void operator()() {
    const auto queue = std::move(queue_);
    turn_waiter* next = queue->take_all();
    try {
      while (next)
        std::exchange(next, next->next_)->take_turn();
    } catch (...) {
      while (next)
        queue->await(*std::exchange(next, next->next_), queue, context_);
      throw;
    }
  }

private:
  std::shared_ptr<turns> queue_; ///< Null once it has been served.
  executor_type context_;
};

void turns::await(turn_waiter& who, const std::shared_ptr<void>& keeper,
                  const executor_type& context) noexcept {
  turn_waiter* before = latest_.load(std::memory_order_relaxed);
  do {
    who.next_ = before;
  } while (!latest_.compare_exchange_weak(before, &who, std::memory_order_release,
                                          std::memory_order_relaxed));
  if (!before)
    boost::asio::post(context, server(std::shared_ptr<turns>(keeper, this), context));
}

/// Who came first is first.
turn_waiter* turns::take_all() noexcept {
  turn_waiter* each = latest_.exchange(nullptr, std::memory_order_acquire);
  turn_waiter* first = nullptr;
  while (each) {
    turn_waiter* const before = std::exchange(each->next_, first);
    first = std::exchange(each, before);
  }
  return first;
}

} // namespace httpool::detail
