// Responses whose bodies are cut while they are being produced: who is told, and how.

#include "net/server_fixture.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace server_test {
namespace {

using httpool::reply;
using httpool::request;
using httpool::request_context;
using httpool::response;

const std::string kept = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const std::string last = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
const std::string last_by_version = "GET / HTTP/1.0\r\n\r\n";

// A body of one piece, whose end does not come before the test lets it.
struct paused_body {
  std::atomic<bool> is_pending = false; // the piece has been written, and the end is asked for
  std::atomic<bool> may_end = false;
  std::atomic<std::uint64_t> connection_id = 0;

  void begin_anew() { is_pending = has_given = false; }

  httpool::server_handler handler() {
    return [this](const request&, const request_context& context) {
      connection_id = context.connection_id;
      return reply(response(200, std::string(), "text/plain"), source());
    };
  }

private:
  httpool::body_source::read_function source() {
    return [this](asio::mutable_buffer into) -> asio::awaitable<std::size_t> {
      if (!has_given.exchange(true))
        co_return asio::buffer_copy(into, asio::buffer(std::string_view("one")));
      is_pending = true;
      while (!may_end)
        co_await asio::post(co_await asio::this_coro::executor, asio::use_awaitable);
      co_return 0;
    };
  }

  std::atomic<bool> has_given = false;
};

httpool::server_options patient() {
  httpool::server_options options;
  options.drain_timeout = 1min;
  options.body_timeout = 1min;
  options.linger_timeout = 1min;
  return options;
}

void read_to_the_end(client& from) {
  while (from.read_some()) {
  }
}

} // namespace

BOOST_AUTO_TEST_CASE(a_stop_whose_deadline_cuts_a_body_is_a_failure_whatever_came_after_the_body) {
  for (const std::string& asked : {kept, last, last_by_version}) {
    BOOST_TEST_CONTEXT(asked) {
      paused_body body;
      httpool::server_options options = patient();
      options.drain_timeout = 1ms;
      live_server server(body.handler(), options);
      client peer(server);
      peer.send(asked);
      until([&] { return body.is_pending.load(); });
      BOOST_TEST((stop(server).get() == asio::error::timed_out));
    }
  }
}

BOOST_AUTO_TEST_CASE(the_same_of_the_last_response_that_a_connection_may_give) {
  paused_body body;
  httpool::server_options options = patient();
  options.drain_timeout = 1ms;
  options.max_requests = 1;
  live_server server(body.handler(), options);
  client peer(server);
  peer.send(kept);
  until([&] { return body.is_pending.load(); });
  BOOST_TEST((stop(server).get() == asio::error::timed_out));
}

BOOST_AUTO_TEST_CASE(a_stop_whose_body_close_cuts_is_a_failure) {
  for (const std::string& asked : {kept, last, last_by_version}) {
    BOOST_TEST_CONTEXT(asked) {
      paused_body body;
      live_server server(body.handler(), patient());
      client peer(server);
      peer.send(asked);
      until([&] { return body.is_pending.load(); });
      std::future<error_code> stopped = stop(server);
      server->close();
      BOOST_TEST((stopped.get() == asio::error::timed_out));
    }
  }
}

BOOST_AUTO_TEST_CASE(a_body_that_ends_in_time_does_not_make_the_stop_a_failure) {
  for (const std::string& asked : {kept, last, last_by_version}) {
    BOOST_TEST_CONTEXT(asked) {
      paused_body body;
      live_server server(body.handler(), patient());
      client peer(server);
      peer.send(asked);
      until([&] { return body.is_pending.load(); });
      std::future<error_code> stopped = stop(server);
      server.settle();
      body.may_end = true;
      read_to_the_end(peer);
      BOOST_TEST(peer.end() == asio::error::eof);
      peer.half_close();
      BOOST_TEST(!stopped.get());
    }
  }
}

BOOST_AUTO_TEST_CASE(to_http_1_0_a_body_that_is_cut_does_not_end_as_a_whole_one) {
  paused_body body;
  const std::function<void(live_server&)> ways[] = {
      [](live_server& server) { stop(server).get(); }, // its deadline
      [](live_server& server) { server->close(); },
      [&](live_server& server) { server->close_connection(body.connection_id); },
  };
  for (const auto& cut : ways) {
    BOOST_TEST_CONTEXT("way " << &cut - ways) {
      body.begin_anew();
      httpool::server_options options = patient();
      options.drain_timeout = 1ms;
      live_server server(body.handler(), options);
      client peer(server);
      peer.send(last_by_version);
      until([&] { return body.is_pending.load(); });
      cut(server);
      read_to_the_end(peer);
      BOOST_TEST(peer.was_reset());
    }
  }
}

BOOST_AUTO_TEST_CASE(nor_does_one_whose_client_was_late) {
  httpool::server_options options = patient();
  options.body_timeout = 50ms;
  live_server server(
      [](const request&) {
        return reply(response(200, std::string(), "text/plain"),
                     [](asio::mutable_buffer into) -> asio::awaitable<std::size_t> {
                       std::memset(into.data(), 'x', into.size());
                       co_return into.size();
                     });
      },
      options);
  client peer(server, asio::socket_base::receive_buffer_size(4096));
  peer.send(last_by_version);
  until([&] { return server->stats().timed_out == 1; });
  read_to_the_end(peer);
  BOOST_TEST(peer.was_reset());
}

BOOST_AUTO_TEST_CASE(nor_does_one_whose_context_has_gone) {
  paused_body body;
  auto context = std::make_unique<asio::io_context>(1);
  auto server = std::make_unique<httpool::server>(*context, any_port(), body.handler(), patient());
  client peer(server->local_endpoint());
  peer.send(last_by_version);
  while (!body.is_pending)
    context->run_one();
  server.reset();
  context.reset();
  read_to_the_end(peer);
  BOOST_TEST(peer.was_reset());
}

BOOST_AUTO_TEST_CASE(a_whole_body_that_is_still_on_its_way_is_not_cut_by_a_close) {
  // More than a client takes in that does not read, and less than the server's system keeps.
  const std::size_t size = 64 * 1024;
  auto kept_by_source = std::make_shared<std::size_t>(size);
  const std::weak_ptr<std::size_t> watched = kept_by_source;
  live_server server(
      [left = std::move(kept_by_source)](const request&) mutable {
        return reply(response(200, std::string(), "text/plain"),
                     [left = std::exchange(left, nullptr)](
                         asio::mutable_buffer into) -> asio::awaitable<std::size_t> {
                       const std::size_t now = std::min(into.size(), *left);
                       std::memset(into.data(), 'x', now);
                       *left -= now;
                       co_return now;
                     });
      },
      patient());
  client peer(server, asio::socket_base::receive_buffer_size(4096));
  peer.send(last_by_version);
  until([&] { return watched.expired(); });
  server->close();
  until([&] { return server->stats().open == 0; });
  std::size_t bytes = 0;
  std::string piece(4096, ' ');
  error_code end;
  while (!end)
    bytes += peer.socket().read_some(asio::buffer(piece), end);
  BOOST_TEST(end == asio::error::eof);
  BOOST_TEST(bytes > size);
}

} // namespace server_test
