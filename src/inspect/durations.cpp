#include "inspect/durations.hpp"

#include <algorithm>
#include <bit>

namespace httpool::detail {
namespace {

/// Eight buckets for each power of two.
std::size_t bucket_of(std::uint64_t value) noexcept {
  if (value < 8)
    return value;
  const auto shift = static_cast<std::size_t>(std::bit_width(value)) - 4;
  return (shift + 1) * 8 + (value >> shift) - 8;
}

std::chrono::nanoseconds end_of(std::size_t bucket) noexcept {
  if (bucket < 8)
    return std::chrono::nanoseconds(bucket);
  const std::size_t shift = bucket / 8 - 1;
  return std::chrono::nanoseconds(((bucket % 8 + 9) << shift) - 1);
}

} // namespace

void durations::add(std::chrono::nanoseconds took) noexcept {
  const auto value = static_cast<std::uint64_t>(std::max<std::int64_t>(took.count(), 0));
  auto& part = counts_[part_.load(std::memory_order_relaxed)];
  part[std::min(bucket_of(value), buckets - 1)].fetch_add(1, std::memory_order_relaxed);
}

void durations::turn() noexcept {
  const std::size_t next = (part_.load(std::memory_order_relaxed) + 1) % parts;
  for (auto& count : counts_[next])
    count.store(0, std::memory_order_relaxed);
  part_.store(next, std::memory_order_relaxed);
}

duration_summary durations::summary() const noexcept {
  std::array<std::uint64_t, buckets> sums = {};
  duration_summary result;
  for (const auto& part : counts_) {
    for (std::size_t i = 0; i != buckets; ++i)
      sums[i] += part[i].load(std::memory_order_relaxed);
  }
  for (const std::uint64_t count : sums)
    result.count += count;
  const auto reaches = [&](std::uint64_t percent) { return (result.count * percent + 99) / 100; };
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i != buckets; ++i) {
    const std::uint64_t before = seen;
    seen += sums[i];
    if (seen == before)
      continue;
    for (const auto& [percent, to] : {std::pair(50, &result.p50), std::pair(90, &result.p90),
                                      std::pair(99, &result.p99), std::pair(100, &result.most)}) {
      const std::uint64_t wanted = reaches(static_cast<std::uint64_t>(percent));
      if (before < wanted && wanted <= seen)
        *to = end_of(i);
    }
  }
  return result;
}

} // namespace httpool::detail
