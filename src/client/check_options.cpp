#include "client/check_options.hpp"

#include "dial/dialer.hpp"
#include "pool/options_check.hpp"

#include <httpool/connection_budget.hpp>
#include <httpool/http_probe.hpp>

#include <boost/system/system_error.hpp>

#include <algorithm>
#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>

namespace httpool::detail {
namespace {

using std::chrono::nanoseconds;

/// The parser counts in 32 bits.
constexpr std::size_t most_head_bytes = std::size_t{1} << 31;

/// Beyond this, what is lost with a connection is more than what is gained.
constexpr std::size_t most_pipelined = 1024;

/// Connections that a client has at most, unless it is told otherwise: below what descriptors a
/// process usually may have.
constexpr std::size_t usual_total = 512;

[[noreturn]] void refuse(const std::string& field, const std::string& value,
                         const std::string& rule) {
  throw std::invalid_argument("httpool: " + field + " is " + value + ", but must " + rule);
}

void check_above_zero(const char* field, nanoseconds value) {
  if (value <= nanoseconds::zero())
    refuse(field, std::to_string(value.count()) + " ns", "be above zero");
}

void check_not_negative(const char* field, nanoseconds value) {
  if (value < nanoseconds::zero())
    refuse(field, std::to_string(value.count()) + " ns", "not be negative");
}

void check_above_zero(const char* field, std::size_t value) {
  if (value == 0)
    refuse(field, "0", "be above zero");
}

} // namespace

client_options checked(client_options options) {
  check(options.pool);
  if (options.pool.proxy)
    refuse("pool.proxy", options.pool.proxy->to_string(), "not be set: proxies are what counts");
  for (const auto* each : {&options.proxies.http, &options.proxies.https}) {
    if (*each)
      check(**each);
  }
  check_above_zero("exchange_timeout", options.exchange_timeout);
  check_above_zero("first_byte_timeout", options.first_byte_timeout);
  check_above_zero("read_timeout", options.read_timeout);
  check_not_negative("continue_timeout", options.continue_timeout);
  check_not_negative("unsafe_max_idle", options.unsafe_max_idle);
  check_above_zero("max_head_bytes", options.max_head_bytes);
  if (options.max_head_bytes > most_head_bytes)
    refuse("max_head_bytes", std::to_string(options.max_head_bytes),
           "be at most " + std::to_string(most_head_bytes));
  check_above_zero("max_fields", options.max_fields);
  if (options.pipeline_depth == 0 || options.pipeline_depth > most_pipelined)
    refuse("pipeline_depth", std::to_string(options.pipeline_depth),
           "be from 1 to " + std::to_string(most_pipelined));
  if (options.max_total_connections != 0 && options.pool.budget)
    refuse("max_total_connections", std::to_string(options.max_total_connections),
           "be 0 if pool.budget is set");
  if (!options.pool.budget) {
    const std::size_t total = options.max_total_connections != 0
                                  ? options.max_total_connections
                                  : std::max(usual_total, options.pool.max_connections);
    options.pool.budget = std::make_shared<connection_budget>(total);
  }
  if (!options.probe_path.empty() && options.pool.probe.ask)
    refuse("probe_path", '"' + options.probe_path + '"', "be empty if pool.probe.ask is set");
  try {
    if (!options.probe_path.empty())
      http_probe("localhost", options.probe_path);
  } catch (const boost::system::system_error&) {
    refuse("probe_path", '"' + options.probe_path + '"', "be a path that HEAD may ask for");
  }
  return options;
}

} // namespace httpool::detail
