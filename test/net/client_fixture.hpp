// What the tests of the client share: a loop, calls and what came of them, and figures of the pool.
#pragma once

#include "net/descriptors.hpp"
#include "net/scripted_peer.hpp"

#include <httpool/client.hpp>
#include <httpool/error.hpp>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/test/unit_test.hpp>

#include <chrono>
#include <cstdlib>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

namespace httpool {
inline std::ostream& boost_test_print_type(std::ostream& out, error value) {
  return out << make_error_code(value);
}
} // namespace httpool

namespace client_test {

using namespace std::chrono_literals;
using httpool::client;
using httpool::client_options;
using httpool::client_response;
using httpool::close_reason;
using httpool::error;
using httpool::request;
using httpool::send_options;
using httpool_test::descriptors;

/// Whether the tests that can go on for minutes do.
inline bool is_whole_run() {
  return std::getenv("HTTPOOL_WHOLE_RUN") != nullptr;
}

/// When a test gives up.
inline const auto patience = is_whole_run() ? 3600s : 60s;

/// A call under way, and then what came of it.
struct outcome {
  bool is_done = false;
  error_code error;
  client_response response;
};
using call = std::shared_ptr<outcome>;

inline auto into(call result) {
  return [result = std::move(result)](error_code ec, client_response response) {
    BOOST_TEST(!result->is_done);
    result->is_done = true;
    result->error = ec;
    result->response = std::move(response);
  };
}

inline call start(client& sender, request message, send_options options = {}) {
  const auto result = std::make_shared<outcome>();
  sender.async_send(std::move(message), options, into(result));
  return result;
}

inline request get(const std::string& target = "/") {
  return request("GET", target);
}

inline request post(const std::string& body = "order") {
  request message("POST", "/orders");
  message.body(body);
  return message;
}

/// A context that the test's own thread runs.
struct loop {
  asio::io_context context;

  /// Runs the context until `condition` holds; false if it never does.
  template <class Condition>
  bool until(Condition condition) {
    const auto work = asio::make_work_guard(context);
    const auto end = std::chrono::steady_clock::now() + patience;
    while (!condition()) {
      if (std::chrono::steady_clock::now() > end)
        return false;
      context.restart();
      context.run_one_for(20ms);
    }
    return true;
  }

  /// Runs what is ready now.
  void settle() {
    do
      context.restart();
    while (context.poll() > 0);
  }

  /// The end of a call.
  const outcome& end_of(const call& under_way) {
    BOOST_TEST_REQUIRE(until([&] { return under_way->is_done; }));
    return *under_way;
  }

  outcome send(client& sender, request message, send_options how = {}) {
    return end_of(start(sender, std::move(message), how));
  }

  /// Sends `GET /` and expects a response, after which the connection is idle.
  void warm_up(client& sender) {
    const outcome first = send(sender, get());
    BOOST_TEST_REQUIRE(first.error == error_code());
    BOOST_TEST_REQUIRE(sender.pool().stats().idle == 1u);
  }
};

/// Closes the client and waits until no connection is left, on either side.
template <class Peer>
void check_nothing_is_left(loop& run, client& sender, const Peer& peer) {
  sender.pool().close();
  BOOST_TEST(run.until([&] { return sender.pool().stats().total() == 0 && peer.open() == 0; }));
  const httpool::pool_stats s = sender.pool().stats();
  BOOST_TEST(s.waiting == 0u);
  BOOST_TEST(s.acquires == s.granted + s.timed_out + s.cancelled + s.failed + s.refused);
  BOOST_TEST(s.made == s.closed());
}

} // namespace client_test
