#include "claims.hpp"

#include <httpool/error.hpp>

#include <algorithm>
#include <map>
#include <set>

namespace demo {
namespace {

using claims = std::vector<claim>;

bool is_good(const answer& each) {
  return !each.error && each.status == 200;
}

claims check_one(const one_connection& seen) {
  const auto all = [&](const auto& condition) {
    return !seen.answers.empty() &&
           std::all_of(seen.answers.begin(), seen.answers.end(), condition);
  };
  const auto first = seen.answers.empty() ? answer() : seen.answers.front();
  std::uint64_t expected = 0;
  return {
      {"every request is answered with 200", all(is_good)},
      {"the pool uses one connection",
       all([&](const answer& each) { return each.connection == first.connection; })},
      {"ServiceB sees one connection",
       all([&](const answer& each) { return each.server_connection == first.server_connection; })},
      {"ServiceB counts the requests on it from 1",
       all([&](const answer& each) { return each.request_number == ++expected; })},
      {"all but the first request reuse the connection",
       all([&](const answer& each) { return each.reused == (&each != &seen.answers.front()); })},
  };
}

claims check_one(const shared_pool& seen) {
  std::map<std::uint64_t, std::vector<turn>> by_connection;
  for (const turn& each : seen.turns)
    by_connection[each.connection].push_back(each);
  bool is_exclusive = true;
  bool is_counted = true;
  for (auto& [connection, turns] : by_connection) {
    std::sort(turns.begin(), turns.end(),
              [](const turn& a, const turn& b) { return a.granted < b.granted; });
    for (std::size_t i = 0; i != turns.size(); ++i) {
      is_exclusive &= i == 0 || turns[i - 1].ended <= turns[i].granted;
      is_counted &= turns[i].uses == i + 1;
    }
  }
  return {
      {"every task is answered with 200",
       std::all_of(seen.turns.begin(), seen.turns.end(),
                   [](const turn& each) { return each.status == 200; })},
      {"there are no more connections than the limit", by_connection.size() <= seen.limit},
      {"no connection serves two tasks at once", is_exclusive},
      {"the pool counts the uses of each connection right", is_counted},
  };
}

claims check_one(const limit_held& seen) {
  return {
      {"every request is answered with 200", seen.answered == seen.requests},
      {"ServiceB never sees more connections open than the limit", seen.peak_open <= seen.limit},
      {"ServiceB accepts no more connections than the limit", seen.accepted <= seen.limit},
  };
}

claims check_one(const timed_out_waiter& seen) {
  return {
      {"the impatient task gets acquire_timeout", seen.error == httpool::error::acquire_timeout},
      {"not before its time", seen.waited >= seen.allowed},
      {"the patient task gets a connection", !seen.patient_error},
      {"it is the one that was given back", seen.patient_connection == seen.held_connection},
  };
}

claims check_one(const killed_while_idle& seen) {
  const std::set<std::uint64_t> connections{seen.before.server_connection,
                                            seen.after_kill.server_connection,
                                            seen.after_notice.server_connection};
  return {
      {"the request after each kill is answered with 200",
       is_good(seen.before) && is_good(seen.after_kill) && is_good(seen.after_notice)},
      {"over a new connection each time", connections.size() == 3},
      {"the pool knows that the peer closed the one that it missed", seen.peer_closed >= 1},
  };
}

claims check_one(const silent_peer_found& seen) {
  return {
      {"without a probe the next request runs into its timeout",
       seen.unprobed.error == httpool::error::exchange_timeout},
      {"the silent peer reads the probe and holds the connection open",
       seen.ignored_bytes > 0 && seen.closed_by_client == 1},
      {"the probe removes the connection", seen.probe_failed == 1},
      {"not before interval and timeout are over",
       seen.removed_after >= seen.interval + seen.timeout},
      {"the next request is answered over a new connection",
       is_good(seen.next) && seen.next.connection != seen.first_connection},
      {"the connection to ServiceB passes its probes and serves on",
       seen.good_probes >= 3 && is_good(seen.after_good_probes) &&
           seen.after_good_probes.connection == seen.good_connection},
  };
}

claims check_one(const ten_in_one_write& seen) {
  std::uint64_t expected = 0;
  return {
      {"all requests leave in one write", seen.written_at_once == seen.bytes},
      {"every answer is the one to its request", seen.bodies == seen.expected},
      {"ServiceB answers in order",
       std::all_of(seen.request_numbers.begin(), seen.request_numbers.end(),
                   [&](std::uint64_t number) { return number == ++expected; })},
      {"the slow first one takes its time", seen.took >= seen.first_delay},
  };
}

claims check_one(const connection_cost& seen) {
  return {
      {"a new connection is made for every request of the one client",
       seen.fresh.connections == seen.fresh.requests},
      {"the other uses one connection for all", seen.reused.connections == 1},
      {"a reused connection is quicker", seen.reused.median < seen.fresh.median},
  };
}

claims check_one(const farewell& seen) {
  const httpool::pool_stats& pool = seen.pool;
  return {
      {"requests under way at the stop are answered with 200",
       seen.last_answers.size() == seen.in_flight &&
           std::all_of(seen.last_answers.begin(), seen.last_answers.end(), is_good)},
      {"pool and server stop without cutting anything", !seen.pool_drained && seen.server_drained},
      {"a request after that gets pool_closed", seen.too_late == httpool::error::pool_closed},
      {"the acquires add up", pool.acquires == pool.granted + pool.timed_out + pool.cancelled +
                                                   pool.failed + pool.refused + pool.waiting},
      {"the connections add up, and none is left",
       pool.made == pool.closed() && pool.total() == 0 && seen.server.open == 0},
      {"the limit was used, and held", pool.peak_total == pool.max_connections},
      {"utilisation is a part of the whole",
       pool.mean_utilisation() > 0 && pool.mean_utilisation() <= 1},
  };
}

} // namespace

std::vector<claim> check(const figures& seen) {
  return std::visit([](const auto& each) { return check_one(each); }, seen);
}

} // namespace demo
