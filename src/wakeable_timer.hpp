// A timer that any thread can end, for which no memory is needed.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/error_code.hpp>

#include <mutex>
#include <utility>

namespace httpool::detail {

/// What one waits for, whom others wake without a way to its executor: to post needs
/// memory, and may fail.
class wakeable_timer {
public:
  using time_point = boost::asio::steady_timer::time_point;

  /// Nothing ends a wait but `wake` and cancellation until it is set.
  explicit wakeable_timer(const boost::asio::any_io_executor& executor)
      : timer_(executor, time_point::max()) {}

  /// A wake-up that has come before this is forgotten.
  void set(time_point expiry) {
    const std::lock_guard lock(mutex_);
    timer_.expires_at(expiry);
  }

  /// Ends the wait, or the next one. From any thread.
  void wake() noexcept {
    const std::lock_guard lock(mutex_);
    timer_.expires_at(time_point::min());
  }

  /// Ends when the time has come, or it is woken.
  template <class Handler>
  void async_wait(Handler&& handler) {
    const std::lock_guard lock(mutex_);
    timer_.async_wait(std::forward<Handler>(handler));
  }

  /// The same in a coroutine.
  boost::asio::awaitable<void> wait() {
    boost::system::error_code ignored;
    auto token = boost::asio::redirect_error(boost::asio::use_awaitable, ignored);
    const auto begin = [this](auto handler) { async_wait(std::move(handler)); };
    co_await boost::asio::async_initiate<decltype(token), void(boost::system::error_code)>(begin,
                                                                                           token);
  }

private:
  std::mutex mutex_;
  boost::asio::steady_timer timer_;
};

} // namespace httpool::detail
