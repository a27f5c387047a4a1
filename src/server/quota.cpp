#include "server/quota.hpp"

#include <algorithm>

namespace httpool::detail {

place::~place() {
  if (owner_)
    owner_->give_back(is_open_);
}

void place::open() noexcept {
  is_open_ = true;
  owner_->count_open();
}

place quota::take(place_waiter& who) noexcept {
  const std::lock_guard lock(mutex_);
  if (limit_ != 0 && taken_ >= limit_) {
    if (!who.is_linked())
      waiting_.push_back(who);
    return {};
  }
  ++taken_;
  return place(shared_from_this());
}

void quota::forget(place_waiter& who) noexcept {
  const std::lock_guard lock(mutex_);
  if (who.is_linked())
    waiting_.erase(waiting_.iterator_to(who));
}

void quota::count_open() noexcept {
  const std::lock_guard lock(mutex_);
  peak_ = std::max(peak_, ++open_);
}

void quota::give_back(bool was_open) noexcept {
  const std::lock_guard lock(mutex_);
  --taken_;
  if (was_open)
    --open_;
  // With the lock held: who waits may be about to go.
  waiting_.clear_and_dispose([](place_waiter* who) { who->timer_.wake(); });
}

std::size_t quota::open() const noexcept {
  const std::lock_guard lock(mutex_);
  return open_;
}

std::size_t quota::peak() const noexcept {
  const std::lock_guard lock(mutex_);
  return peak_;
}

} // namespace httpool::detail
