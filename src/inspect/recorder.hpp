// The observer that remembers, for the page, how long things took and what happened last.
#pragma once

#include "inspect/durations.hpp"

#include <httpool/observer.hpp>

#include <boost/system/error_code.hpp>

#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <source_location>
#include <string>
#include <utility>
#include <vector>

namespace httpool::detail {

/// Something that happened to a pool.
struct occurrence {
  enum class kind : std::uint8_t {
    made,
    dial_failed,
    closed,
    acquire_failed,
    overdue,
    probe_failed
  };

  kind what;
  std::chrono::steady_clock::time_point when;
  std::uint64_t id = 0;
  std::uint64_t uses = 0;
  close_reason reason = {};
  boost::system::error_code error = {};
  std::chrono::nanoseconds took = {};
  std::source_location where = {}; ///< Of the call that acquired an overdue lease.
};

class recorder final : public pool_observer {
public:
  /// Occurrences that are kept.
  static constexpr std::size_t most = 64;

  explicit recorder(std::shared_ptr<pool_observer> next) noexcept : next_(std::move(next)) {}

  void connection_made(std::uint64_t id, std::chrono::nanoseconds took) override;
  void dial_failed(boost::system::error_code error, std::chrono::nanoseconds took) override;
  void connection_closed(std::uint64_t id, close_reason reason, std::uint64_t uses) override;
  void acquire_granted(std::uint64_t id, std::chrono::nanoseconds wait,
                       std::uint64_t uses) override;
  void acquire_failed(boost::system::error_code error, std::chrono::nanoseconds wait,
                      const pool_snapshot& snapshot) override;
  void lease_overdue(const overdue_lease& lease) override;
  void probed(std::uint64_t id, bool good, std::chrono::nanoseconds took) override;

  /// Of one thread at a time, every ten seconds.
  void turn() noexcept;

  duration_summary waits() const noexcept { return waits_.summary(); }
  duration_summary dials() const noexcept { return dials_.summary(); }

  /// The latest first.
  std::vector<occurrence> latest() const;

private:
  void remember(occurrence what);

  const std::shared_ptr<pool_observer> next_;
  durations waits_;
  durations dials_;
  mutable std::mutex mutex_; ///< Guards what follows.
  std::deque<occurrence> latest_;
};

} // namespace httpool::detail
