// What is told of one fault: a line of the table.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>

namespace httpool_test::faults {

/// Thrown where a fault cannot be made on this machine, with the reason.
struct cannot_run : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// The longest text in a row.
inline constexpr std::size_t text_size = 600;

/// What a scene found. Plain bytes, since it goes through a pipe.
struct row {
  std::uint64_t calls = 0;
  std::uint64_t answered = 0;
  std::uint64_t failed = 0;

  /// Calls that the server has done, to the last byte of the request, and whose caller was told of
  /// an error: the answer was lost on its way, or came too late. No client can prevent that.
  std::uint64_t lost = 0;

  std::uint64_t repeated = 0;   ///< GETs that the server has done twice, as a client may.
  std::uint64_t duplicated = 0; ///< POSTs that it has done more than once, GETs more than twice.

  std::chrono::nanoseconds longest = {}; ///< The longest call.
  std::chrono::nanoseconds allowed = {}; ///< What it may take.

  std::chrono::nanoseconds first = {};  ///< From the fault's end to the first answer.
  std::chrono::nanoseconds steady = {}; ///< From the fault's end to the end of the last failure.

  char kinds[text_size] = {};   ///< Failed calls, by error.
  char problem[text_size] = {}; ///< What is wrong; empty if nothing is.
  char skipped[text_size] = {}; ///< Why the fault could not be made; empty if it was.
};

/// Puts a text where it fits.
inline void put(const std::string& text, char (&to)[text_size]) {
  to[text.copy(to, text_size - 1)] = '\0';
}

} // namespace httpool_test::faults
