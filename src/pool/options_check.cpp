#include "pool/options_check.hpp"

#include <stdexcept>
#include <string>

#include <sys/un.h>

namespace httpool::detail {
namespace {

[[noreturn]] void refuse(const char* field, const std::string& value, const std::string& rule) {
  throw std::invalid_argument(std::string("httpool: ") + field + " is " + value + ", but " + rule);
}

std::string text(std::chrono::nanoseconds length) {
  return std::to_string(length.count()) + " ns";
}

void above_zero(const char* field, std::chrono::nanoseconds value) {
  if (value <= std::chrono::nanoseconds::zero())
    refuse(field, text(value), "must be above zero");
}

void not_negative(const char* field, std::chrono::nanoseconds value) {
  if (value < std::chrono::nanoseconds::zero())
    refuse(field, text(value), "must not be negative");
}

} // namespace

void check(const pool_limits& limits) {
  if (limits.max_connections == 0)
    refuse("max_connections", "0", "a pool needs at least 1");
  if (limits.max_dials == 0)
    refuse("max_dials", "0", "a pool needs at least 1");
  if (limits.min_idle > limits.max_connections)
    refuse("min_idle", std::to_string(limits.min_idle),
           "must not exceed max_connections, which is " + std::to_string(limits.max_connections));
}

void check(const pool_options& options) {
  check(pool_limits{options.max_connections, options.max_waiters, options.min_idle,
                    options.max_dials});
  not_negative("acquire_timeout", options.acquire_timeout);
  above_zero("dial_timeout", options.dial_timeout);
  not_negative("dial_backoff", options.dial_backoff);
  if (options.max_dial_backoff < options.dial_backoff)
    refuse("max_dial_backoff", text(options.max_dial_backoff),
           "must not be below dial_backoff, which is " + text(options.dial_backoff));
  above_zero("idle_timeout", options.idle_timeout);
  above_zero("max_lifetime", options.max_lifetime);
  above_zero("lease_warning", options.lease_warning);
  above_zero("probe.interval", options.probe.interval);
  above_zero("probe.timeout", options.probe.timeout);
}

void check_path(const std::string& path) {
  constexpr std::size_t longest = sizeof(sockaddr_un::sun_path) - 1;
  if (path.empty())
    refuse("path", "empty", "must name a Unix-domain socket");
  if (const std::size_t end = path.find('\0'); end != std::string::npos)
    refuse("path", '"' + path.substr(0, end) + "\\0...\"", // abstract sockets begin with it
           "must not contain NUL");
  if (path.size() > longest)
    refuse("path", '"' + path + '"', "must not exceed " + std::to_string(longest) + " bytes");
}

} // namespace httpool::detail
