#include "report.hpp"

#include <httpool/pool_stats.hpp>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <boost/json/value_from.hpp>

#include <iostream>
#include <sstream>
#include <string>

namespace demo {
namespace {

namespace json = boost::json;

json::value of(milliseconds time) {
  return time.count();
}

json::value meaning_of(const section& told) {
  return told.meaning.empty() ? json::value(nullptr) : json::value(told.meaning);
}

json::value of(const boost::system::error_code& error) {
  return error ? json::value(error.message()) : json::value(nullptr);
}

json::object of(const answer& got) {
  return {{"error", of(got.error)},
          {"status", got.status},
          {"connection", got.connection},
          {"reused", got.reused},
          {"attempts", got.attempts},
          {"server_connection", got.server_connection},
          {"request_number", got.request_number},
          {"took_ms", of(got.took)}};
}

json::array of(const std::vector<answer>& answers) {
  json::array list;
  for (const answer& each : answers)
    list.push_back(of(each));
  return list;
}

json::object of(const one_connection& seen) {
  return {{"answers", of(seen.answers)}};
}

json::object of(const shared_pool& seen) {
  json::array turns;
  for (const turn& each : seen.turns)
    turns.push_back({{"task", each.task},
                     {"connection", each.connection},
                     {"uses", each.uses},
                     {"status", each.status},
                     {"asked_ms", of(each.asked)},
                     {"granted_ms", of(each.granted)},
                     {"ended_ms", of(each.ended)}});
  return {{"threads", seen.threads},
          {"limit", seen.limit},
          {"peak_waiting", seen.peak_waiting},
          {"took_ms", of(seen.took)},
          {"turns", turns}};
}

json::object of(const limit_held& seen) {
  return {{"threads", seen.threads},
          {"tasks", seen.tasks},
          {"requests", seen.requests},
          {"limit", seen.limit},
          {"answered", seen.answered},
          {"server_accepted", seen.accepted},
          {"server_peak_open", seen.peak_open},
          {"took_ms", of(seen.took)}};
}

json::object of(const timed_out_waiter& seen) {
  return {{"held_ms", of(seen.held)},
          {"allowed_ms", of(seen.allowed)},
          {"waited_ms", of(seen.waited)},
          {"error", of(seen.error)},
          {"held_connection", seen.held_connection},
          {"patient_waited_ms", of(seen.patient_waited)},
          {"patient_error", of(seen.patient_error)},
          {"patient_connection", seen.patient_connection}};
}

json::object of(const killed_while_idle& seen) {
  return {{"before", of(seen.before)},
          {"after_kill", of(seen.after_kill)},
          {"noticed_after_ms", of(seen.noticed_after)},
          {"after_notice", of(seen.after_notice)},
          {"peer_closed", seen.peer_closed}};
}

json::object of(const silent_peer_found& seen) {
  return {{"probe_interval_ms", of(seen.interval)},
          {"probe_timeout_ms", of(seen.timeout)},
          {"unprobed_limit_ms", of(seen.unprobed_limit)},
          {"unprobed", of(seen.unprobed)},
          {"first_connection", seen.first_connection},
          {"removed_after_ms", of(seen.removed_after)},
          {"probes_failed", seen.probe_failed},
          {"ignored_bytes", seen.ignored_bytes},
          {"closed_by_client", seen.closed_by_client},
          {"next", of(seen.next)},
          {"good_probes", seen.good_probes},
          {"good_connection", seen.good_connection},
          {"after_good_probes", of(seen.after_good_probes)}};
}

json::object of(const ten_in_one_write& seen) {
  return {{"bytes", seen.bytes},
          {"written_at_once", seen.written_at_once},
          {"first_delay_ms", of(seen.first_delay)},
          {"bodies", json::value_from(seen.bodies)},
          {"request_numbers", json::value_from(seen.request_numbers)},
          {"took_ms", of(seen.took)}};
}

json::object of(const latencies& seen) {
  return {{"requests", seen.requests},
          {"connections", seen.connections},
          {"median_ms", of(seen.median)},
          {"p90_ms", of(seen.p90)}};
}

json::object of(const connection_cost& seen) {
  return {{"new", of(seen.fresh)},
          {"reused", of(seen.reused)},
          {"ratio_of_medians", seen.fresh.median / seen.reused.median}};
}

json::object of(const httpool::pool_stats& pool) {
  json::object closed;
  for (std::size_t i = 0; i != httpool::close_reason_count; ++i)
    closed[httpool::to_string(static_cast<httpool::close_reason>(i))] = pool.closed_by[i];
  return {{"acquires", pool.acquires},
          {"granted", pool.granted},
          {"timed_out", pool.timed_out},
          {"cancelled", pool.cancelled},
          {"failed", pool.failed},
          {"refused", pool.refused},
          {"waiting", pool.waiting},
          {"reused", pool.reused},
          {"dials", pool.dials},
          {"made", pool.made},
          {"dials_failed", pool.dials_failed},
          {"closed", closed},
          {"open", pool.total()},
          {"peak_total", pool.peak_total},
          {"peak_leased", pool.peak_leased},
          {"peak_waiting", pool.peak_waiting},
          {"max_connections", pool.max_connections},
          {"wait_time_ms", of(pool.wait_time)},
          {"max_wait_ms", of(pool.max_wait)},
          {"reuse_ratio", pool.reuse_ratio()},
          {"mean_utilisation", pool.mean_utilisation()}};
}

json::object of(const httpool::server_stats& server) {
  return {{"accepted", server.accepted},
          {"open", server.open},
          {"peak_open", server.peak_open},
          {"requests", server.requests},
          {"refused", server.refused}};
}

json::object of(const farewell& seen) {
  return {{"tasks", seen.tasks},
          {"requests_a_task", seen.requests_a_task},
          {"in_flight", seen.in_flight},
          {"last_answers", of(seen.last_answers)},
          {"pool_drained", of(seen.pool_drained)},
          {"server_drained", seen.server_drained},
          {"drained_after_ms", of(seen.drained_after)},
          {"too_late", of(seen.too_late)},
          {"pool", of(seen.pool)},
          {"server", of(seen.server)}};
}

class json_report final : public report {
public:
  void begin(const boost::asio::ip::tcp::endpoint& service_b) override {
    std::ostringstream where;
    where << service_b;
    document_["service_b"] = where.str();
  }

  void add(const section& told) override {
    json::array claims;
    for (const claim& each : told.claims)
      claims.push_back({{"claim", each.text}, {"holds", each.holds}});
    json::object figures = std::visit([](const auto& seen) { return of(seen); }, told.seen);
    sections_.push_back({{"number", told.number},
                         {"title", told.title},
                         {"figures", std::move(figures)},
                         {"meaning", meaning_of(told)},
                         {"claims", std::move(claims)}});
  }

  void end(std::size_t claims, std::size_t broken_claims, milliseconds took) override {
    document_["sections"] = std::move(sections_);
    document_["claims"] = claims;
    document_["broken_claims"] = broken_claims;
    document_["took_ms"] = of(took);
    std::cout << document_ << std::endl;
  }

private:
  json::object document_;
  json::array sections_;
};

} // namespace

std::unique_ptr<report> make_json_report() {
  return std::make_unique<json_report>();
}

} // namespace demo
