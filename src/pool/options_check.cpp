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

void without_nul(const char* field, const std::string& value) {
  if (value.find('\0') != std::string::npos)
    refuse(field, '"' + value.substr(0, value.find('\0')) + "\\0...\"", "must not contain NUL");
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
  above_zero("probe.interval", options.probe.interval);
  above_zero("probe.timeout", options.probe.timeout);
}

void check_host(const std::string& host) {
  if (host.empty())
    refuse("host", "empty", "must be a name or an address");
  without_nul("host", host);
}

void check_path(const std::string& path) {
  constexpr std::size_t longest = sizeof(sockaddr_un::sun_path) - 1;
  if (path.empty())
    refuse("path", "empty", "must name a Unix-domain socket");
  without_nul("path", path); // which abstract sockets begin with
  if (path.size() > longest)
    refuse("path", '"' + path + '"', "must not exceed " + std::to_string(longest) + " bytes");
}

} // namespace httpool::detail
