// How the exchanges with one origin ended, and after how long, counted by whichever threads they
// end on.
#pragma once

#include <httpool/detail/waiter.hpp>
#include <httpool/exchange_stats.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <memory>

namespace httpool::detail {

class exchange_counts {
public:
  explicit exchange_counts(bool has_histograms) noexcept : has_histograms_(has_histograms) {}
  exchange_counts(const exchange_counts&) = delete;
  exchange_counts& operator=(const exchange_counts&) = delete;
  ~exchange_counts();

  void began() noexcept { begun_.fetch_add(1, std::memory_order_relaxed); }

  /// Ends one that has begun. The first of its outcome needs memory for a histogram; without that
  /// it is counted, but not measured.
  void ended(exchange_outcome how, duration took) noexcept {
    const auto outcome = static_cast<std::size_t>(how);
    lengths* const to = measured_[outcome].load(std::memory_order_acquire);
    if (!to)
      return ended_first(outcome, took);
    to->counts[histogram::bucket_of(took)].fetch_add(1, std::memory_order_relaxed);
    to->sum.fetch_add(static_cast<std::uint64_t>(std::max(took, duration::zero()).count()),
                      std::memory_order_relaxed);
  }

  exchange_stats stats() const noexcept;
  exchange_histograms histograms() const noexcept;

private:
  struct lengths {
    std::array<std::atomic<std::uint64_t>, histogram::buckets> counts = {};
    std::atomic<std::uint64_t> sum = 0; ///< In nanoseconds.

    std::uint64_t count() const noexcept;
  };

  void ended_first(std::size_t outcome, duration took) noexcept;

  const bool has_histograms_;
  std::atomic<std::uint64_t> begun_ = 0;
  std::array<std::atomic<std::uint64_t>, exchange_outcome_count> unmeasured_ = {};
  std::array<std::atomic<lengths*>, exchange_outcome_count> measured_ = {}; ///< Owned.
};

} // namespace httpool::detail
