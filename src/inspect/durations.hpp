// How long something took, of late: counted in buckets, so that the memory is always the same.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>

namespace httpool::detail {

/// What is to be said of some durations. Percentiles are the upper ends of buckets, at most an
/// eighth more than the truth.
struct duration_summary {
  std::uint64_t count = 0;
  std::chrono::nanoseconds p50 = {};
  std::chrono::nanoseconds p90 = {};
  std::chrono::nanoseconds p99 = {};
  std::chrono::nanoseconds most = {};
};

/// Durations of the last minute or so. Adding is for any thread, and takes no lock.
class durations {
public:
  void add(std::chrono::nanoseconds took) noexcept;

  /// Of one thread at a time: the oldest part is forgotten. To be called every ten seconds.
  void turn() noexcept;

  duration_summary summary() const noexcept;

private:
  static constexpr std::size_t parts = 7;
  static constexpr std::size_t buckets = 62 * 8;

  std::array<std::array<std::atomic<std::uint32_t>, buckets>, parts> counts_ = {};
  std::atomic<std::size_t> part_ = 0;
};

} // namespace httpool::detail
