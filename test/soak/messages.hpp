// What callers say and must be answered, by the number of the call.
#pragma once

#include "prove/numbered_text.hpp"

#include <cstdint>
#include <string>

namespace httpool_test::soak {

inline std::string small_order(std::uint64_t call) {
  return numbered_text("order ", call, mixed(call) % 500);
}

inline std::string small_answer(std::uint64_t call) {
  return numbered_text("answer ", call, 1 + mixed(call) % 2'000);
}

/// For streams of either direction.
inline std::string large_text(std::uint64_t call) {
  return numbered_text("large ", call, 20'000 + mixed(call) % 300'000);
}

} // namespace httpool_test::soak
