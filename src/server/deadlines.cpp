#include "server/deadlines.hpp"

#include <boost/asio/bind_allocator.hpp>
#include <boost/asio/error.hpp>

#include <algorithm>
#include <new>

namespace httpool::detail {

deadlines::deadlines(const boost::asio::any_io_executor& executor,
                     const std::array<clock::duration, kinds>& lengths)
    : timer_(executor), lengths_(lengths) {}

void deadlines::set(deadline_holder& holder, deadline_kind kind) {
  holder.unlink();
  if (add(holder, kind) && holder.expiry_ < armed_)
    arm(holder.expiry_);
}

/// The timer is armed when all whose deadlines have come know.
void deadlines::set_next(deadline_holder& holder, deadline_kind kind) noexcept {
  add(holder, kind);
}

/// False if it is never.
bool deadlines::add(deadline_holder& holder, deadline_kind kind) noexcept {
  const auto index = static_cast<std::size_t>(kind);
  const clock::time_point now = clock::now();
  if (stopped_ || lengths_[index] >= clock::time_point::max() - now)
    return false;
  holder.expiry_ = now + lengths_[index];
  lists_[index].push_back(holder);
  return true;
}

void deadlines::clear(deadline_holder& holder) noexcept {
  holder.unlink();
}

void deadlines::stop() noexcept {
  stopped_ = true;
  for (list& each : lists_)
    each.clear();
  timer_.cancel();
}

/// Cancels the wait that there may be, which arms the timer anew if memory lacks for this one.
void deadlines::arm(clock::time_point at) {
  armed_ = clock::time_point::max();
  timer_.expires_at(at);
  timer_.async_wait(boost::asio::bind_allocator(
      wait_room::allocator<void>(room_), [weak = weak_from_this()](boost::system::error_code ec) {
        const auto self = weak.lock();
        if (!self || self->stopped_)
          return;
        if (ec == boost::asio::error::operation_aborted)
          self->arm_for_first();
        else
          self->fire();
      }));
  armed_ = at;
}

/// Whatever memory lacks for, the next deadline that is set arms the timer for.
void deadlines::arm_for_first() noexcept try {
  clock::time_point first = clock::time_point::max();
  for (const list& each : lists_)
    if (!each.empty())
      first = std::min(first, each.front().expiry_);
  if (first < armed_)
    arm(first);
} catch (const std::bad_alloc&) {
}

void deadlines::fire() {
  armed_ = clock::time_point::max();
  const clock::time_point now = clock::now();
  for (std::size_t kind = 0; kind < kinds; ++kind) {
    list& each = lists_[kind];
    while (!each.empty() && each.front().expiry_ <= now) {
      deadline_holder& late = each.front();
      late.unlink();
      late.on_deadline(static_cast<deadline_kind>(kind));
    }
  }
  arm_for_first();
}

} // namespace httpool::detail
