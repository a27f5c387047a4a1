#include "inspect/report.hpp"

#include "inspect/display.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>
#include <sstream>

namespace httpool::detail {
namespace {

namespace json = boost::json;

double ms_of(std::chrono::nanoseconds time) noexcept {
  return std::chrono::duration<double, std::milli>(time).count();
}

json::value durations_of(const duration_summary& of) {
  return json::object{{"count", of.count},
                      {"p50_ms", ms_of(of.p50)},
                      {"p90_ms", ms_of(of.p90)},
                      {"p99_ms", ms_of(of.p99)},
                      {"max_ms", ms_of(of.most)}};
}

json::object connection_object(const connection_view& each, const sight& all) {
  json::object made{{"id", each.id},
                    {"state", to_string(each.state)},
                    {"probed", each.probed},
                    {"uses", each.uses},
                    {"description", clean_text(each.description)},
                    {"age_ms", ms_of(all.at - each.dialed_at)},
                    {"in_state_ms", ms_of(all.at - each.since)}};
  if (each.endpoint.port() == 0) {
    made["endpoint"] = nullptr;
  } else {
    std::ostringstream text;
    text << each.endpoint;
    made["endpoint"] = text.str();
  }
  return made;
}

json::object stats_object(const pool_stats& s) {
  json::object closed;
  for (std::size_t i = 0; i != close_reason_count; ++i)
    closed[to_string(static_cast<close_reason>(i))] = s.closed_by[i];
  return {{"max_connections", s.max_connections},
          {"dialing", s.dialing},
          {"idle", s.idle},
          {"leased", s.leased},
          {"closing", s.closing},
          {"waiting", s.waiting},
          {"peak_total", s.peak_total},
          {"peak_leased", s.peak_leased},
          {"peak_waiting", s.peak_waiting},
          {"acquires", s.acquires},
          {"granted", s.granted},
          {"timed_out", s.timed_out},
          {"cancelled", s.cancelled},
          {"failed", s.failed},
          {"refused", s.refused},
          {"reused", s.reused},
          {"dials", s.dials},
          {"made", s.made},
          {"dials_failed", s.dials_failed},
          {"probes", s.probes},
          {"probes_failed", s.probes_failed},
          {"closed", std::move(closed)},
          {"age_ms", ms_of(s.age)},
          {"wait_ms", ms_of(s.wait_time)},
          {"max_wait_ms", ms_of(s.max_wait)}};
}

json::object pool_object(const watched& group, const track& pool, const sight& all) {
  const pool_view& view = pool.view();
  json::object made{{"name", group.name}, {"gone", pool.is_gone()}};
  if (pool.name().empty())
    made["origin"] = nullptr;
  else
    made["origin"] = pool.name();
  made["stats"] = stats_object(view.stats);
  json::object health{{"dial_failures", view.dial_failures}, {"backoff_ms", ms_of(view.backoff)}};
  if (view.stats.last_dial_error)
    health["last_dial_error"] = clean_text(view.stats.last_dial_error.message());
  else
    health["last_dial_error"] = nullptr;
  made["health"] = std::move(health);
  json::array connections;
  if (!pool.is_gone()) {
    for (const connection_view& each : view.connections)
      connections.emplace_back(connection_object(each, all));
  }
  made["connections"] = std::move(connections);
  json::array lanes;
  for (const lane& each : pool.lanes())
    lanes.emplace_back(json::object{
        {"id", each.seen.id}, {"gone", each.is_gone}, {"history", history_of(each, all)}});
  made["lanes"] = std::move(lanes);
  const auto counts = waiters_of(pool, all);
  made["waiting_history"] = json::array(counts.begin(), counts.end());
  made["waits"] = group.observer ? durations_of(group.observer->waits()) : json::value();
  made["dials"] = group.observer ? durations_of(group.observer->dials()) : json::value();
  return made;
}

json::object server_object(const watched_server& of) {
  if (!of.seen)
    return {{"name", of.name}, {"failed", true}};
  const server_stats& s = *of.seen;
  return {
      {"name", of.name},      {"failed", false},          {"accepted", s.accepted},
      {"open", s.open},       {"peak_open", s.peak_open}, {"requests", s.requests},
      {"refused", s.refused}, {"timed_out", s.timed_out}, {"handler_failures", s.handler_failures}};
}

} // namespace

std::string report_text(const sight& all) {
  json::object made{{"sample", all.column - columns},
                    {"sample_every_ms", all.sample_every / std::chrono::milliseconds(1)},
                    {"left_out", all.left_out}};
  json::array pools;
  for (const watched& group : all.pools) {
    for (const track& each : group.tracks)
      pools.emplace_back(pool_object(group, each, all));
  }
  made["pools"] = std::move(pools);
  json::array servers;
  for (const auto& each : all.servers)
    servers.emplace_back(server_object(each));
  made["servers"] = std::move(servers);
  json::array events;
  for (const auto& [ago, name, text] : occurrences_of(all))
    events.emplace_back(json::object{{"ago", ago}, {"name", name}, {"text", text}});
  made["events"] = std::move(events);
  return json::serialize(made) + '\n';
}

} // namespace httpool::detail
