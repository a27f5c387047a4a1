#include "server/deadlines.hpp"

#include <boost/asio/error.hpp>

#include <algorithm>

namespace httpool::detail {

deadlines::deadlines(const boost::asio::any_io_executor& executor,
                     const std::array<clock::duration, kinds>& lengths)
    : timer_(executor), lengths_(lengths) {}

void deadlines::set(deadline_holder& holder, deadline_kind kind) {
  holder.unlink();
  if (stopped_)
    return;
  const auto index = static_cast<std::size_t>(kind);
  const clock::time_point now = clock::now();
  if (lengths_[index] >= clock::time_point::max() - now)
    return;
  holder.expiry_ = now + lengths_[index];
  lists_[index].push_back(holder);
  if (holder.expiry_ < armed_)
    arm(holder.expiry_);
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

void deadlines::arm(clock::time_point at) {
  armed_ = at;
  timer_.expires_at(at);
  timer_.async_wait([weak = weak_from_this()](boost::system::error_code ec) {
    if (ec == boost::asio::error::operation_aborted)
      return;
    if (const auto self = weak.lock())
      self->fire();
  });
}

void deadlines::fire() {
  if (stopped_)
    return;
  armed_ = clock::time_point::max();
  const clock::time_point now = clock::now();
  clock::time_point next = clock::time_point::max();
  for (std::size_t kind = 0; kind < kinds; ++kind) {
    list& each = lists_[kind];
    while (!each.empty() && each.front().expiry_ <= now) {
      deadline_holder& late = each.front();
      late.unlink();
      late.on_deadline(static_cast<deadline_kind>(kind));
    }
    if (!each.empty())
      next = std::min(next, each.front().expiry_);
  }
  if (next < armed_)
    arm(next);
}

} // namespace httpool::detail
