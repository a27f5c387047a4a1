// A server's figures, as a function of somebody else's gives them, for one who asks now and then.
#pragma once

#include <httpool/server_options.hpp>

#include <atomic>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

namespace httpool::detail {

/// Calls a function that may throw, that may end at any time, and that may call whoever asks. All
/// members are for any thread; no other lock is to be held around them.
class guarded_figures {
public:
  explicit guarded_figures(std::function<server_stats()> figures) : figures_(std::move(figures)) {}

  guarded_figures(const guarded_figures&) = delete;
  guarded_figures& operator=(const guarded_figures&) = delete;

  /// One call at a time. None if the function threw, was revoked, or is what calls this.
  std::optional<server_stats> ask() noexcept {
    if (asking_ == std::this_thread::get_id())
      return std::nullopt;
    const std::lock_guard lock(mutex_);
    if (is_revoked_)
      return std::nullopt;
    asking_ = std::this_thread::get_id();
    std::optional<server_stats> made;
    try {
      made = figures_();
    } catch (...) {
      // Whatever it was, it is no reason to tell nothing of others.
    }
    asking_ = std::thread::id();
    return made;
  }

  /// The function is called no more once this returns, but for the call that this is made from.
  void revoke() noexcept {
    is_revoked_ = true;
    if (asking_ != std::this_thread::get_id())
      const std::lock_guard lock(mutex_);
  }

private:
  const std::function<server_stats()> figures_;
  std::atomic<bool> is_revoked_ = false;
  std::atomic<std::thread::id> asking_ = std::thread::id();
  std::mutex mutex_; ///< Held while the function runs.
};

} // namespace httpool::detail
