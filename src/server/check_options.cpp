#include "server/check_options.hpp"

#include <chrono>
#include <cstdint>
#include <stdexcept>
#include <string>

namespace httpool::detail {
namespace {

// Where a field stands in a head is told in 32 bits.
constexpr std::uint64_t most_head_bytes = std::uint64_t{1} << 31;

void check(const char* field, server_options::duration value) {
  if (value > server_options::duration::zero())
    return;
  using namespace std::chrono;
  const auto ms = duration_cast<milliseconds>(value);
  const std::string told = ms == value
                               ? std::to_string(ms.count()) + " ms"
                               : std::to_string(duration_cast<nanoseconds>(value).count()) + " ns";
  throw std::invalid_argument(std::string("server_options::") + field + " must be positive, not " +
                              told);
}

void check(const char* field, std::uint64_t value) {
  if (value == 0)
    throw std::invalid_argument(std::string("server_options::") + field + " must not be 0");
}

} // namespace

void check_options(const server_options& options) {
  check("max_head_bytes", options.max_head_bytes);
  if (options.max_head_bytes > most_head_bytes)
    throw std::invalid_argument("server_options::max_head_bytes must be at most " +
                                std::to_string(most_head_bytes) + ", not " +
                                std::to_string(options.max_head_bytes));
  check("max_fields", options.max_fields);
  check("max_batch", options.max_batch);
  check("max_batch_bytes", options.max_batch_bytes);
  check("handshake_timeout", options.handshake_timeout);
  check("head_timeout", options.head_timeout);
  check("body_timeout", options.body_timeout);
  check("idle_timeout", options.idle_timeout);
  check("drain_timeout", options.drain_timeout);
  check("linger_timeout", options.linger_timeout);
}

} // namespace httpool::detail
