// What the scenarios of the demo measured: plain figures, which claims.cpp judges and the reports
// show.
#pragma once

#include <httpool/pool_stats.hpp>
#include <httpool/server_options.hpp>

#include <boost/system/error_code.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace demo {

using clock = std::chrono::steady_clock;
using milliseconds = std::chrono::duration<double, std::milli>;

// What came of one request.
struct answer {
  boost::system::error_code error;
  unsigned status = 0;
  std::string body;
  std::uint64_t connection = 0;        // its number in ServiceA's pool
  bool reused = false;                 // had that connection served before?
  unsigned attempts = 0;               // how often the request was sent
  std::uint64_t server_connection = 0; // its number at ServiceB: X-Connection-Id
  std::uint64_t request_number = 0;    // ServiceB's count of requests on it: X-Request-Number
  milliseconds took{};
};

struct one_connection {
  std::vector<answer> answers;
};

// One task's turn with a connection; times count from the start of the scenario.
struct turn {
  std::size_t task = 0; // counted in the order in which they asked
  std::uint64_t connection = 0;
  std::uint64_t uses = 0; // of that connection, this one included
  unsigned status = 0;
  milliseconds asked{};
  milliseconds granted{};
  milliseconds ended{};
};

// What a pool had at a time, which counts from the start of the scenario.
struct pool_sample {
  milliseconds at{};
  httpool::pool_snapshot had;
};

struct shared_pool {
  std::size_t threads = 0;
  std::size_t limit = 0;
  std::vector<turn> turns;
  std::vector<pool_sample> samples;
  std::size_t peak_waiting = 0;
  milliseconds took{};
};

// All but the tasks' own count of good answers is ServiceB's word.
struct limit_held {
  std::size_t threads = 0;
  std::size_t tasks = 0;
  std::size_t requests = 0;
  std::size_t limit = 0;
  std::size_t answered = 0;
  std::uint64_t accepted = 0;
  std::size_t peak_open = 0;
  milliseconds took{};
};

struct timed_out_waiter {
  milliseconds held{}; // the time that the only connection is leased
  milliseconds allowed{};
  milliseconds waited{};
  boost::system::error_code error;
  std::uint64_t held_connection = 0;
  milliseconds patient_waited{};
  boost::system::error_code patient_error;
  std::uint64_t patient_connection = 0;
};

struct killed_while_idle {
  answer before;
  answer after_kill;   // sent as soon as ServiceB had closed the connection
  answer after_notice; // sent once the pool had missed the next one by itself
  milliseconds noticed_after{};
  std::uint64_t peer_closed = 0; // connections that the pool says ended so
};

struct silent_peer_found {
  milliseconds interval{}; // between probes
  milliseconds timeout{};  // of a probe
  // Without a probe: the second request on the connection, and the time it may take.
  milliseconds unprobed_limit{};
  answer unprobed;
  // With one, at the silent peer.
  std::uint64_t first_connection = 0;
  milliseconds removed_after{}; // from the sending of its only request
  std::uint64_t probe_failed = 0;
  std::size_t ignored_bytes = 0;    // what the peer read of the probe
  std::size_t closed_by_client = 0; // connections whose end the peer saw, and had not begun
  answer next;
  // With the same one, at ServiceB.
  std::uint64_t good_probes = 0;
  std::uint64_t good_connection = 0;
  answer after_good_probes;
};

struct ten_in_one_write {
  std::size_t bytes = 0;
  std::size_t written_at_once = 0;
  milliseconds first_delay{}; // that the first request asks ServiceB for
  std::vector<std::string> expected;
  std::vector<std::string> bodies;
  std::vector<std::uint64_t> request_numbers;
  milliseconds took{};
};

struct latencies {
  std::vector<milliseconds> times; // the shortest first
  std::size_t requests = 0;
  std::size_t connections = 0;
  milliseconds median{};
  milliseconds p90{};
};

struct connection_cost {
  latencies fresh;
  latencies reused;
};

struct farewell {
  std::size_t tasks = 0;
  std::size_t requests_a_task = 0;
  std::size_t in_flight = 0; // requests under way when both sides were told to stop
  std::vector<answer> last_answers;
  boost::system::error_code pool_drained;
  bool server_drained = false;
  milliseconds drained_after{};
  boost::system::error_code too_late; // what a request gets after that
  httpool::pool_stats pool;
  httpool::server_stats server;
};

using figures =
    std::variant<one_connection, shared_pool, limit_held, timed_out_waiter, killed_while_idle,
                 silent_peer_found, ten_in_one_write, connection_cost, farewell>;

} // namespace demo
