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
    {"httpool_overdue_leases",
     "Leases that have lasted for longer than the pool is told to expect.",
     [](const pool_stats& s) -> std::uint64_t { return s.overdue; }},
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

/// Bounds of what is exposed of histograms, as powers of two of nanoseconds: 66 µs to 69 s for what
/// callers wait for, 0.13 s to 9.8 h for how old connections become.
constexpr unsigned shortest_wait = 16;
constexpr unsigned longest_wait = 36;
constexpr unsigned shortest_life = 27;
constexpr unsigned longest_life = 45;

template <class Figures, class Row>
void write_samples(exposition& out, const std::vector<Figures>& all, const Row& each) {
  for (const Figures& one : all)
    out.sample(one.labels, each.value(one.stats));
}

/// Outcomes that never came have no histogram: most clients see few of them.
template <class Write>
void write_outcomes(const exchange_stats& stats, Write write) {
  for (std::size_t i = 0; i != exchange_outcome_count; ++i) {
    const auto how = static_cast<exchange_outcome>(i);
    if (how == exchange_outcome::successful || stats.ended(how) > 0)
      write(how);
  }
}

void write_lengths(exposition& out, const std::vector<pool_figures>& all) {
  out.histograms("http_client_connection_duration_seconds",
                 "How old connections were when they ended.");
  for (const pool_figures& one : all)
    out.sample(one.labels, one.lengths.lifetime, shortest_life, longest_life);
  out.histograms(
      "httpool_acquire_wait_seconds",
      "How long callers waited who got a connection, those included who did not have to.");
  for (const pool_figures& one : all)
    out.sample(one.labels, one.lengths.acquire_wait, shortest_wait, longest_wait);
  out.histograms("httpool_dial_duration_seconds", "How long dials took, by how they ended.");
  for (const pool_figures& one : all) {
    out.sample(one.labels.with("result", "made"), one.lengths.dial, shortest_wait, longest_wait);
    out.sample(one.labels.with("result", "failed"), one.lengths.failed_dial, shortest_wait,
               longest_wait);
  }
  out.histograms("httpool_lease_duration_seconds", "How long connections were leased.");
  for (const pool_figures& one : all)
    out.sample(one.labels, one.lengths.lease, shortest_wait, longest_wait);
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
  write_lengths(out, all);
}

void write_exchanges(exposition& out, const std::vector<exchange_figures>& all) {
  out.gauges("http_client_active_requests", "", "Exchanges under way, waiting ones included.");
  for (const exchange_figures& one : all)
    out.sample(one.labels, one.stats.active);
  out.counters("httpool_exchanges", "", "Exchanges that have ended, by how.");
  for (const exchange_figures& one : all) {
    // From zero on, or nobody would see the first of a kind as an increase.
    for (std::size_t i = 0; i != exchange_outcome_count; ++i) {
      const auto how = static_cast<exchange_outcome>(i);
      out.sample(one.labels.with("outcome", to_string(how)), one.stats.ended(how));
    }
  }
  out.histograms("http_client_request_duration_seconds",
                 "How long exchanges took, from the call to the end of the response.");
  for (const exchange_figures& one : all)
    write_outcomes(one.stats, [&](exchange_outcome how) {
      out.sample(one.labels.with("outcome", to_string(how)), one.lengths[how], shortest_wait,
                 longest_wait);
    });
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
