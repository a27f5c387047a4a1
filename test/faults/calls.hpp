// The calls that are made while a fault is on: each has a number, and from it follows all the rest,
// so that no answer can be taken for another's.
#pragma once

#include "prove/numbered_text.hpp"

#include <array>
#include <atomic>
#include <cstdint>
#include <string>

namespace httpool_test::faults {

/// Calls of one scene at most.
inline constexpr std::uint32_t max_calls = 1u << 20;

/// What the processes of a scene share.
struct shared_state {
  std::atomic<std::uint16_t> port = 0;        ///< Where the server listens.
  std::atomic<std::uint16_t> proxy_port = 0;  ///< Where the delaying proxy does.
  std::atomic<std::int64_t> leap = 0;         ///< Seconds that the wall clock is off.
  std::atomic<std::uint64_t> wall_timers = 0; ///< Timers of any clock but the monotonic one.
  std::atomic<std::uint64_t> garbled = 0;     ///< Requests that arrived otherwise than sent.
  std::array<std::atomic<std::uint8_t>, max_calls> done = {}; ///< How often, by number.
};

inline bool is_post(std::uint32_t call) {
  return mixed(call) % 2 == 0;
}

/// A text of a length that follows from the call.
inline std::string text_of(const std::string& kind, std::uint32_t call) {
  const std::uint64_t dice = mixed(call + 1);
  const std::size_t size = dice % 8 == 0 ? 1'000 + dice / 8 % 40'000 : 10 + dice / 8 % 500;
  return numbered_text(kind, call, size);
}

/// What the caller sends.
inline std::string body_of(std::uint32_t call) {
  return is_post(call) ? text_of("order ", call) : std::string();
}

/// What it must be answered.
inline std::string answer_of(std::uint32_t call) {
  return text_of("answer ", call);
}

} // namespace httpool_test::faults
