// What the tests of shared connections have in common.
#pragma once

#include "net/client_fixture.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>

#include <string>
#include <utility>
#include <vector>

namespace client_test {

/// Up to `depth` exchanges share one of so many connections.
inline client_options sharing(std::size_t depth = 16, std::size_t connections = 1) {
  client_options options;
  options.pipeline_depth = depth;
  options.pool.max_connections = connections;
  return options;
}

inline std::string target_of(const std::string& request) {
  const std::size_t begin = request.find(' ') + 1;
  return request.substr(begin, request.find(' ', begin) - begin);
}

/// A response whose body is the request's target.
inline std::string echo(const std::string& request) {
  const std::string whole = ok(target_of(request));
  return request.starts_with("HEAD ") ? whole.substr(0, whole.find("\r\n\r\n") + 4) : whole;
}

/// Calls for `/from`, `/from+1` and so on.
inline std::vector<call> start_some(client& sender, int count, int from = 0,
                                    send_options how = {}) {
  std::vector<call> made;
  for (int i = from; i != from + count; ++i)
    made.push_back(start(sender, get('/' + std::to_string(i)), how));
  return made;
}

inline call start_cancellable(client& sender, request message, asio::cancellation_signal& signal) {
  const auto result = std::make_shared<outcome>();
  sender.async_send(std::move(message), asio::bind_cancellation_slot(signal.slot(), into(result)));
  return result;
}

struct pipeline_loop : loop {
  /// Each call ends with the body that is its target's.
  void check_echoes(const std::vector<call>& calls, int from = 0, unsigned attempts = 1) {
    for (const call& each : calls) {
      const outcome& end = end_of(each);
      BOOST_TEST(end.error == error_code());
      BOOST_TEST(end.response.body() == '/' + std::to_string(from++));
      BOOST_TEST(end.response.attempts() == attempts);
    }
  }

  bool paused(const scripted_peer& peer, std::size_t which) {
    return until([&] { return peer.is_paused(which); });
  }
};

/// What a connection does after it has served once, and is so known to.
inline script served() {
  return script().hears().replies(echo);
}

/// The next so many requests are heard, without an answer.
inline script hears(script first, int count) {
  for (int i = 0; i != count; ++i)
    first = std::move(first).hears();
  return first;
}

/// The size of `GET /0` and its like.
inline std::size_t size_of_get(const scripted_peer& peer) {
  return ("GET /0 HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(peer.port) + "\r\n\r\n").size();
}

} // namespace client_test
