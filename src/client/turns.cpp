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
    rest after(queue, context_);
    for (std::size_t i = 0; i != most_at_once && after.first; ++i)
      std::exchange(after.first, after.first->next_)->take_turn();
  }

private:
  /// Those who have come, of whom the ones that are not served wait for the next turn.
  struct rest {
    rest(const std::shared_ptr<turns>& of, const executor_type& runs_on) noexcept
        : queue(of), context(runs_on), first(of->take_all()) {}
    rest(const rest&) = delete;
    rest& operator=(const rest&) = delete;
    ~rest() {
      while (first)
        queue->await(*std::exchange(first, first->next_), queue, context);
    }

    const std::shared_ptr<turns>& queue;
    const executor_type& context;
    turn_waiter* first;
  };

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
