// What is looked at while all goes on, and what must be so of it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace httpool_test::soak {

/// The process, and all its pools together, at one moment.
struct sample {
  double seconds = 0;      ///< Since the beginning.
  double resident_mib = 0; ///< Memory in use, as the kernel counts it.
  std::size_t descriptors = 0;
  std::size_t leased = 0;
  std::size_t idle = 0;
  std::size_t dialing = 0;
  std::size_t waiting = 0;
  std::uint64_t answered = 0; ///< Calls so far.
  std::uint64_t failed = 0;   ///< Calls so far, cancelled ones included.
};

/// Memory that the process has now.
double resident_mib();

/// Bytes of the heap that are in use.
std::size_t heap_bytes();

/// The medians of the two halves that are compared. The first quarter of the time, in which caches
/// and the heap grow to their size, is left out; the rest is cut in two.
struct halves {
  double first = 0;
  double second = 0;
};

inline constexpr double warm_up = 0.25;
inline constexpr double middle = (1 + warm_up) / 2;

halves medians(const std::vector<sample>& all, const std::function<double(const sample&)>& value);

/// What is wrong with them; nothing if lines are flat:
/// - the median of resident memory is at most 4 MiB higher in the second half than in the first;
/// - the median of the descriptors is at most a quarter, and 8, higher;
/// - there are never more than `most_descriptors`;
/// - calls are answered in both halves.
std::vector<std::string> problems_of(const std::vector<sample>& all, std::size_t most_descriptors);

} // namespace httpool_test::soak
