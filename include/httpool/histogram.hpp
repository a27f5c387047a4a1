/// \file
/// How often durations of each length occurred, in little memory.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace httpool {

/// Counts durations in buckets whose widths grow with them, as HdrHistogram does: each power of two
/// has four, so that what is told of a duration is off by a quarter at most. A bucket takes what is
/// longer than its lower bound and no longer than its upper one.
///
/// It takes about a kilobyte, allocates nothing, and what it is told costs a few instructions.
/// Durations below zero count as zero; those beyond 19 hours are told apart by `sum()` alone.
///
/// \par Thread safety
/// Distinct objects: safe. Shared objects: unsafe, but for concurrent const access.
class histogram {
public:
  /// What lengths are given in.
  using duration = std::chrono::nanoseconds;

  /// The number of buckets.
  static constexpr std::size_t buckets = 140;

  /// The bucket that takes `length`.
  static constexpr std::size_t bucket_of(duration length) noexcept {
    if (length <= duration::zero())
      return 0;
    const auto units = (static_cast<std::uint64_t>(length.count()) - 1) >> unit_bits;
    if (units < parts)
      return static_cast<std::size_t>(units);
    const unsigned power = static_cast<unsigned>(std::bit_width(units)) - 1;
    const std::uint64_t part = units >> (power - part_bits); // the leading bits, parts to 2 * parts
    return std::min(static_cast<std::size_t>((power - part_bits) * parts + part), buckets - 1);
  }

  /// The longest duration that a bucket takes; the last one takes all that are longer, too.
  static constexpr duration upper_bound(std::size_t bucket) noexcept {
    if (bucket < parts)
      return duration(static_cast<duration::rep>((bucket + 1) << unit_bits));
    const std::size_t power = bucket / parts - 1;
    const std::size_t part = bucket % parts + parts;
    return duration(static_cast<duration::rep>((part + 1) << (power + unit_bits)));
  }

  /// The longest duration that no bucket from `bucket` on takes.
  static constexpr duration lower_bound(std::size_t bucket) noexcept {
    return bucket == 0 ? duration::zero() : upper_bound(bucket - 1);
  }

  /// Counts `length`, `times` times.
  void record(duration length, std::uint64_t times = 1) noexcept {
    counts_[bucket_of(length)] += times;
    count_ += times;
    add_to_sum(length, times);
  }

  /// Takes back what `record(length)` has counted.
  void take_back(duration length) noexcept {
    --counts_[bucket_of(length)];
    --count_;
    sum_ -= std::min(sum_, std::max(length, duration::zero()));
  }

  /// Takes over what a bucket was found to hold where it was counted otherwise.
  void add(std::size_t bucket, std::uint64_t times) noexcept {
    counts_[bucket] += times;
    count_ += times;
  }

  /// The same of the sum.
  void add_to_sum(duration length, std::uint64_t times = 1) noexcept {
    duration::rep more = 0;
    if (length <= duration::zero())
      return;
    if (__builtin_mul_overflow(length.count(), times, &more) ||
        __builtin_add_overflow(sum_.count(), more, &more))
      more = duration::max().count();
    sum_ = duration(more);
  }

  /// Adds what another has counted.
  void merge(const histogram& other) noexcept {
    for (std::size_t i = 0; i != buckets; ++i)
      counts_[i] += other.counts_[i];
    count_ += other.count_;
    add_to_sum(other.sum_);
  }

  /// How many durations were counted.
  std::uint64_t count() const noexcept { return count_; }

  /// How many of them a bucket has taken.
  std::uint64_t count(std::size_t bucket) const noexcept { return counts_[bucket]; }

  /// How many of them were no longer than `length`, all of the bucket that takes it included.
  std::uint64_t count_up_to(duration length) const noexcept {
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i <= bucket_of(length); ++i)
      sum += counts_[i];
    return sum;
  }

  /// The sum of them, or the longest duration there is.
  duration sum() const noexcept { return sum_; }

  /// A duration that so great a part of them, 0 to 1, does not exceed: the upper bound of a bucket,
  /// which is never less than the true quantile, and more by a quarter (or a microsecond) at most,
  /// unless that is beyond the last bucket. Zero if nothing was counted.
  duration quantile(double part) const noexcept {
    if (count_ == 0)
      return duration::zero();
    const double rank = std::clamp(part, 0.0, 1.0) * static_cast<double>(count_);
    std::uint64_t sum = 0;
    std::size_t last = 0;
    for (std::size_t i = 0; i != buckets; ++i) {
      sum += counts_[i];
      last = counts_[i] > 0 ? i : last;
      if (sum > 0 && static_cast<double>(sum) >= rank)
        break;
    }
    return upper_bound(last);
  }

  /// Whether two have counted the same.
  friend bool operator==(const histogram&, const histogram&) = default;

private:
  static constexpr unsigned unit_bits = 10; // the first buckets are 1,024 ns wide
  static constexpr unsigned part_bits = 2;
  static constexpr std::size_t parts = std::size_t{1} << part_bits;

  std::array<std::uint64_t, buckets> counts_ = {};
  std::uint64_t count_ = 0;
  duration sum_ = {};
};

} // namespace httpool
