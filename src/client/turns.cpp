#include "client/turns.hpp"

#include <boost/asio/post.hpp>

#include <cstddef>
#include <utility>

namespace httpool::detail {
namespace {

/// How many are served by one handler: others that are ready, and other threads, come in between.
constexpr std::size_t most_at_once = 32;

} // namespace

/// The handler.
class turns::server {
public:
  using allocator_type = step_room::allocator<void>;

  server(std::shared_ptr<turns> queue, executor_type context) noexcept
      : queue_(std::move(queue)), context_(std::move(context)) {}
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
    wait_again(queue, behind(next, most_at_once)); // before any who come again
    try {
      while (next)
        std::exchange(next, next->next_)->take_turn();
    } catch (...) {
      wait_again(queue, next);
      throw;
    }
  }

private:
  /// Cuts off those behind so many.
  static turn_waiter* behind(turn_waiter* first, std::size_t count) noexcept {
    for (; first; first = first->next_)
      if (--count == 0)
        return std::exchange(first->next_, nullptr);
    return nullptr;
  }

  void wait_again(const std::shared_ptr<turns>& queue, turn_waiter* first) noexcept {
    while (first)
      queue->await(*std::exchange(first, first->next_), queue, context_);
  }

  std::shared_ptr<turns> queue_; ///< Null once it has been served.
  executor_type context_;
};

void turns::await(turn_waiter& who, const std::shared_ptr<void>& keeper,
                  const executor_type& context) noexcept {
  turn_waiter* before = latest_.load(std::memory_order_relaxed);
  do {
    who.next_ = before;
  } while (!latest_.compare_exchange_weak(before, &who, std::memory_order_acq_rel,
                                          std::memory_order_relaxed)); // the room is free
  if (!before)
    boost::asio::post(context, server(std::shared_ptr<turns>(keeper, this), context));
}

/// Who came first is first.
turn_waiter* turns::take_all() noexcept {
  turn_waiter* each = latest_.exchange(nullptr, std::memory_order_acq_rel);
  turn_waiter* first = nullptr;
  while (each) {
    turn_waiter* const before = std::exchange(each->next_, first);
    first = std::exchange(each, before);
  }
  return first;
}

} // namespace httpool::detail
