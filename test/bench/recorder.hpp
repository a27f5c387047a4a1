// What a load measures: latencies within a window of time, and what the process used in it.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace bench {

using time_point = std::chrono::steady_clock::time_point;
using nanoseconds = std::chrono::nanoseconds;

/// Counts of durations, in steps of at most 1.6 % of their size.
class histogram {
public:
  void add(nanoseconds value) noexcept;
  void add(const histogram& others) noexcept;

  std::uint64_t count() const noexcept { return count_; }

  /// The duration that the part `part`, 0 to 1, of all does not exceed.
  nanoseconds quantile(double part) const noexcept;

private:
  std::vector<std::uint64_t> buckets_ = std::vector<std::uint64_t>(64 * 40);
  std::uint64_t count_ = 0;
};

/// User and system time of this process.
std::chrono::microseconds processor_time() noexcept;

/// One window of measurement, after a time to warm up. For one thread.
class recorder {
public:
  recorder(double warmup_seconds, double seconds);

  /// An exchange took from `began` to `ended`. False once the window is over.
  bool record(time_point began, time_point ended) noexcept;

  /// Takes in what another thread measured in the same window.
  void add(const recorder& other) noexcept { latencies_.add(other.latencies_); }

  /// One line of JSON: requests, seconds, CPU a request, latencies, and `more` among them.
  std::string row(const std::string& more) const;

private:
  time_point opens_, closes_;
  time_point first_{}, last_{}; ///< The first and the last moment that count.
  std::chrono::microseconds used_{};
  histogram latencies_;
};

} // namespace bench
