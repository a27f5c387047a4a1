#include "pool/budget.hpp"

#include <stdexcept>
#include <string>

namespace httpool::detail {

budget::budget(std::size_t max_connections) noexcept
    : max_connections_(max_connections), free_(max_connections) {}

std::size_t budget::in_use() const noexcept {
  const std::lock_guard lock(mutex_);
  return max_connections_ - free_ - reserved_;
}

void budget::join(seat& s, std::weak_ptr<void> owner) {
  const std::lock_guard lock(mutex_);
  s.owner_ = std::move(owner);
  all_.push_back(s);
}

void budget::leave(seat& s) noexcept {
  const std::lock_guard lock(mutex_);
  dequeue(s);
  cancel_reservation(s);
  evicting_ -= s.evicting_;
  for (; s.held_ != 0; --s.held_)
    release_one();
  if (s.all_hook::is_linked()) // not if memory did not suffice for the pool to join
    all_.erase(all_.iterator_to(s));
  publish();
}

bool budget::take(seat& s) noexcept {
  const std::lock_guard lock(mutex_);
  if (s.is_reserved_for_) {
    s.is_reserved_for_ = false;
    --reserved_;
  } else if (free_ != 0) {
    --free_;
  } else {
    return false;
  }
  ++s.held_;
  dequeue(s);
  publish();
  return true;
}

bool budget::ask(seat& s, need what) noexcept {
  const std::lock_guard lock(mutex_);
  bool has_joined = false;
  if (what == need::none) {
    dequeue(s);
    cancel_reservation(s);
  } else if (s.is_reserved_for_ || s.queued_ == what) {
    return false;
  } else if (free_ != 0) { // It came free since `take` was asked.
    --free_;
    reserve_for(s);
  } else {
    dequeue(s);
    s.queued_ = what;
    queue_of(what).push_back(s);
    has_joined = what == need::urgent;
  }
  publish();
  return has_joined;
}

void budget::give_back(seat& s, std::size_t count, std::size_t evicted) noexcept {
  const std::lock_guard lock(mutex_);
  s.held_ -= count;
  s.evicting_ -= evicted;
  evicting_ -= evicted;
  for (; count != 0; --count)
    release_one();
  publish();
}

void budget::not_evicted(seat& s) noexcept {
  const std::lock_guard lock(mutex_);
  --s.evicting_;
  --evicting_;
  publish();
}

/// A pool that is just being destroyed is passed over: it will leave, and with that give back all
/// that it has.
budget::errand budget::next_errand() noexcept {
  const std::lock_guard lock(mutex_);
  while (!news_.empty()) {
    seat& s = news_.front();
    news_.pop_front();
    if (auto pool = s.owner_.lock()) {
      publish();
      return {errand::action::go_on, std::move(pool)};
    }
  }
  publish();
  while (evicting_ < urgent_.size()) {
    seat* const s = longest_idle();
    if (!s)
      break;
    if (auto pool = s->owner_.lock()) {
      ++s->evicting_;
      ++evicting_;
      publish();
      return {errand::action::evict, std::move(pool)};
    }
    s->publish(time_point::max());
  }
  return {};
}

/// A permit that has come free goes to whoever is next.
void budget::release_one() noexcept {
  if (!urgent_.empty())
    reserve_for(urgent_.front());
  else if (!spare_.empty())
    reserve_for(spare_.front());
  else
    ++free_;
}

void budget::reserve_for(seat& s) noexcept {
  dequeue(s);
  s.is_reserved_for_ = true;
  ++reserved_;
  news_.push_back(s);
}

void budget::cancel_reservation(seat& s) noexcept {
  if (!s.is_reserved_for_)
    return;
  s.is_reserved_for_ = false;
  --reserved_;
  release_one();
}

/// Takes a pool out of the queue, or the list of news, that it is in.
void budget::dequeue(seat& s) noexcept {
  if (!s.queue_hook::is_linked())
    return;
  queue& list = s.queued_ == need::none ? news_ : queue_of(s.queued_);
  list.erase(list.iterator_to(s));
  s.queued_ = need::none;
}

/// The pool whose longest idle connection has been idle for longer than any other.
budget::seat* budget::longest_idle() noexcept {
  seat* result = nullptr;
  duration::rep oldest = duration::max().count();
  for (seat& s : all_) {
    const duration::rep since = s.oldest_.load();
    if (since < oldest) {
      oldest = since;
      result = &s;
    }
  }
  return result;
}

/// For those who ask without the lock. A connection that becomes idle while a pool queues is seen
/// by one of the two: its pool publishes it and then asks `wants_idle`, while this pool is queued
/// and then looks at what is published, in one order for all threads.
void budget::publish() noexcept {
  const bool wants_idle = urgent_.size() > evicting_;
  if (wants_idle_.load(std::memory_order_relaxed) != wants_idle)
    wants_idle_.store(wants_idle);
  if (has_news_.load(std::memory_order_relaxed) == news_.empty())
    has_news_.store(!news_.empty());
}

void budget::check_invariants() const {
  const std::lock_guard lock(mutex_);
  const auto require = [](bool holds, const char* invariant) {
    if (!holds)
      throw std::logic_error(std::string("budget invariant broken: ") + invariant);
  };
  std::size_t held = 0, reserved = 0, evicting = 0, queued = 0;
  bool any_idle = false;
  for (const seat& s : all_) {
    held += s.held_;
    reserved += s.is_reserved_for_;
    evicting += s.evicting_;
    queued += s.queued_ != need::none;
    any_idle |= s.oldest_.load() != duration::max().count();
    require(!s.is_reserved_for_ || s.queued_ == need::none, "whoever has a permit does not queue");
  }
  require(held + reserved_ + free_ == max_connections_, "permits add up");
  require(reserved == reserved_ && evicting == evicting_, "each permit is somebody's");
  require(queued == urgent_.size() + spare_.size(), "each pool queues once");
  require(free_ == 0 || queued == 0, "nobody queues while a permit is free");
  require(urgent_.size() <= evicting_ || !any_idle,
          "no pool waits while another has an idle connection that is not on its way out");
}

} // namespace httpool::detail
