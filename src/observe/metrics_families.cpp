#include "observe/metrics_families.hpp"

#include <httpool/pool_stats.hpp>

#include <chrono>
#include <cstdint>

namespace httpool::detail {
namespace {

/// A family of which each pool, or each server, has one sample.
template <class Stats>
struct row {
  const char* name;
  const char* help;
  std::uint64_t (*value)(const Stats&);
};

using pool_row = row<pool_stats>;
using server_row = row<server_stats>;

constexpr pool_row pool_gauges[] = {
    {"httpool_dialing_connections", "Connections that are being established.",
     [](const pool_stats& s) -> std::uint64_t { return s.dialing; }},
    {"httpool_closing_connections", "Connections that are being closed.",
     [](const pool_stats& s) -> std::uint64_t { return s.closing; }},
    {"httpool_waiters", "Callers that wait for a connection.",
     [](const pool_stats& s) -> std::uint64_t { return s.waiting; }},
    {"httpool_max_connections", "The limit of connections of any state.",
     [](const pool_stats& s) -> std::uint64_t { return s.max_connections; }},
    {"httpool_peak_connections", "The most connections that there were at once.",
     [](const pool_stats& s) -> std::uint64_t { return s.peak_total; }},
    {"httpool_peak_waiters", "The most callers that waited at once.",
     [](const pool_stats& s) -> std::uint64_t { return s.peak_waiting; }},
    {"httpool_dial_failing", "1 if the latest dial failed, else 0.",
     [](const pool_stats& s) -> std::uint64_t { return s.last_dial_error ? 1 : 0; }},
};

constexpr pool_row pool_counters[] = {
    {"httpool_reused_grants", "Grants of a connection that had served before.",
     [](const pool_stats& s) { return s.reused; }},
    {"httpool_dials", "Dials begun.", [](const pool_stats& s) { return s.dials; }},
    {"httpool_failed_dials", "Dials that failed or were given up.",
     [](const pool_stats& s) { return s.dials_failed; }},
    {"httpool_probes", "Probes of idle connections.", [](const pool_stats& s) { return s.probes; }},
    {"httpool_failed_probes", "Probes that cost the connection.",
     [](const pool_stats& s) { return s.probes_failed; }},
};

/// How acquires end.
constexpr pool_row acquire_results[] = {
    {"granted", "", [](const pool_stats& s) { return s.granted; }},
    {"timed_out", "", [](const pool_stats& s) { return s.timed_out; }},
    {"cancelled", "", [](const pool_stats& s) { return s.cancelled; }},
    {"failed", "", [](const pool_stats& s) { return s.failed; }},
    {"refused", "", [](const pool_stats& s) { return s.refused; }},
};

constexpr server_row server_gauges[] = {
    {"httpool_server_open_connections", "Connections that are open.",
     [](const server_stats& s) -> std::uint64_t { return s.open; }},
    {"httpool_server_peak_connections", "The most connections that were open at once.",
     [](const server_stats& s) -> std::uint64_t { return s.peak_open; }},
};

constexpr server_row server_counters[] = {
    {"httpool_server_accepted_connections", "Connections accepted.",
     [](const server_stats& s) { return s.accepted; }},
    {"httpool_server_requests", "Requests handed to the handler.",
     [](const server_stats& s) { return s.requests; }},
    {"httpool_server_refused_requests", "Requests that were malformed or beyond a limit.",
     [](const server_stats& s) { return s.refused; }},
    {"httpool_server_timed_out_connections",
     "Connections that were cut at a deadline, idle ones included.",
     [](const server_stats& s) { return s.timed_out; }},
    {"httpool_server_handler_failures",
     "Handlers that threw, were cancelled, or gave no final response.",
     [](const server_stats& s) { return s.handler_failures; }},
    {"httpool_server_writes", "Writes of batches of responses.",
     [](const server_stats& s) { return s.writes; }},
    {"httpool_server_accept_pauses", "Times that accepting lacked descriptors or memory.",
     [](const server_stats& s) { return s.accept_pauses; }},
};

template <class Figures, class Row>
void write_samples(exposition& out, const std::vector<Figures>& all, const Row& each) {
  for (const Figures& one : all)
    out.sample(one.labels, each.value(one.stats));
}

} // namespace

void write_pools(exposition& out, const std::vector<pool_figures>& all) {
  out.gauges("http_client_open_connections", "", "Connections that are idle, or active: leased.");
  for (const pool_figures& one : all) {
    const std::string_view state = "http_connection_state";
    out.sample(one.labels.with(state, "idle"), std::uint64_t{one.stats.idle});
    out.sample(one.labels.with(state, "active"), std::uint64_t{one.stats.leased});
  }
  for (const pool_row& each : pool_gauges) {
    out.gauges(each.name, "", each.help);
    write_samples(out, all, each);
  }
  for (const pool_row& each : pool_counters) {
    out.counters(each.name, "", each.help);
    write_samples(out, all, each);
  }
  out.counters("httpool_acquires", "", "Calls for a connection that have ended, by how.");
  for (const pool_figures& one : all) {
    for (const pool_row& each : acquire_results)
      out.sample(one.labels.with("result", each.name), each.value(one.stats));
  }
  out.counters("httpool_closed_connections", "", "Connections that have ended, by why.");
  for (const pool_figures& one : all) {
    for (std::size_t i = 0; i != close_reason_count; ++i) {
      const auto reason = static_cast<close_reason>(i);
      out.sample(one.labels.with("reason", to_string(reason)), one.stats.closed(reason));
    }
  }
  out.counters("httpool_leased_seconds", "seconds",
               "The times that connections were leased, summed, those of present leases included.");
  for (const pool_figures& one : all)
    out.sample(one.labels, std::chrono::duration<double>(one.stats.leased_time).count());
}

void write_servers(exposition& out, const std::vector<server_figures>& all) {
  for (const server_row& each : server_gauges) {
    out.gauges(each.name, "", each.help);
    write_samples(out, all, each);
  }
  for (const server_row& each : server_counters) {
    out.counters(each.name, "", each.help);
    write_samples(out, all, each);
  }
}

} // namespace httpool::detail
