#include "server/quota.hpp"

#include <algorithm>
#include <utility>

namespace httpool::detail {

place::~place() {
  if (owner_)
    owner_->give_back(is_open_);
}

void place::open() noexcept {
  is_open_ = true;
  owner_->count_open();
}

place quota::take(std::function<void()> wake) {
  const std::lock_guard lock(mutex_);
  if (limit_ != 0 && taken_ >= limit_) {
    waiting_.push_back(std::move(wake));
    return {};
  }
  ++taken_;
  return place(shared_from_this());
}

void quota::count_open() noexcept {
  const std::lock_guard lock(mutex_);
  peak_ = std::max(peak_, ++open_);
}

void quota::give_back(bool was_open) noexcept {
  std::list<std::function<void()>> woken;
  {
    const std::lock_guard lock(mutex_);
    --taken_;
    if (was_open)
      --open_;
    woken.swap(waiting_);
  }
  for (const auto& wake : woken)
    wake();
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
