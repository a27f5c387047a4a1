// How many descriptors the test's process has.
#pragma once

#include <cstddef>
#include <filesystem>
#include <iterator>

namespace httpool_test {

/// Descriptors that this process has open, that of the folder it counts included.
inline std::size_t descriptors() {
  using files = std::filesystem::directory_iterator;
  return static_cast<std::size_t>(std::distance(files("/proc/self/fd"), files()));
}

} // namespace httpool_test
