// How a server ends: gracefully, by its deadline, at once, or with its context.

#include "net/server_fixture.hpp"

#include <httpool/server_threads.hpp>

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>

#include <atomic>
#include <future>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <utility>

using namespace server_test;
using httpool::reply;
using httpool::request;
using httpool::request_context;
using httpool::response;

namespace {

response hello(request message) {
  return response(200, "hello" + message.body(), "text/plain");
}

httpool::server_options patient() {
  httpool::server_options options;
  options.drain_timeout = 1min;
  options.head_timeout = 1min;
  options.body_timeout = 1min;
  return options;
}

bool refused(const tcp::endpoint& at) {
  asio::io_context context;
  tcp::socket socket(context);
  error_code ec;
  socket.connect(at, ec);
  return ec == asio::error::connection_refused;
}

// Never answers, unless it is cancelled.
httpool::server_handler never(std::atomic<int>& begun, std::atomic<int>& cancelled) {
  return [&](const request&) -> asio::awaitable<response> {
    ++begun;
    asio::steady_timer timer(co_await asio::this_coro::executor, std::chrono::hours(1));
    try {
      co_await timer.async_wait(asio::use_awaitable);
    } catch (const boost::system::system_error&) {
      ++cancelled;
      throw;
    }
    co_return response(200);
  };
}

// Completes when it is cancelled, at once and where that is done.
asio::awaitable<void> cancelled_inline() {
  auto initiate = [](auto handler) {
    auto slot = asio::get_associated_cancellation_slot(handler);
    slot.assign(
        [kept = std::make_shared<decltype(handler)>(std::move(handler))](asio::cancellation_type) {
          auto now = std::move(*kept);
          std::move(now)();
        });
  };
  co_await asio::async_initiate<const asio::use_awaitable_t<>, void()>(std::move(initiate),
                                                                       asio::use_awaitable);
}

} // namespace

BOOST_AUTO_TEST_CASE(idle_connections_end_and_new_ones_are_refused_when_the_server_stops) {
  httpool::server_options options = patient();
  options.linger_timeout = 1min;
  live_server server(hello, options);
  client silent(server);
  client served(server);
  BOOST_TEST(served.get("/").status() == 200u);
  std::future<void> stopped = server->async_stop(asio::use_future);
  BOOST_CHECK_NO_THROW(stopped.get());
  BOOST_TEST(silent.at_end());
  BOOST_TEST(served.at_end());
  BOOST_TEST(refused(server.endpoint()));
  BOOST_TEST(server->stats().open == 0u);
}

BOOST_AUTO_TEST_CASE(a_request_whose_body_is_still_arriving_is_finished) {
  live_server server(hello, patient());
  client peer(server);
  peer.send("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 6\r\n\r\n");
  BOOST_TEST(peer.receive()->status() == 100u);
  peer.send(", y");
  std::future<error_code> stopped = stop(server);
  std::future<error_code> stopped_too = stop(server);
  until([&] { return refused(server.endpoint()); });
  peer.send("ou!");
  const auto answer = peer.receive();
  BOOST_REQUIRE(answer.has_value());
  BOOST_TEST(answer->body() == "hello, you!");
  BOOST_TEST(answer->fields().value("Connection") == "close");
  peer.half_close();
  BOOST_TEST(peer.at_end());
  BOOST_TEST(!stopped.get());
  BOOST_TEST(!stopped_too.get());
}

BOOST_AUTO_TEST_CASE(a_request_whose_head_is_still_arriving_is_finished) {
  live_server server(hello, patient());
  client peer(server);
  peer.send("GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HT");
  BOOST_TEST(peer.receive()->status() == 200u);
  std::future<error_code> stopped = stop(server);
  until([&] { return refused(server.endpoint()); });
  peer.send("TP/1.1\r\nHost: a\r\n\r\n");
  const auto answer = peer.receive();
  BOOST_REQUIRE(answer.has_value());
  BOOST_TEST(answer->fields().value("Connection") == "close");
  peer.half_close();
  BOOST_TEST(!stopped.get());
}

BOOST_AUTO_TEST_CASE(requests_sent_ahead_are_answered_and_only_the_last_says_close) {
  httpool::server* stopping = nullptr;
  live_server server([&](request message) -> reply {
    if (message.target() != "/stop")
      return response(200);
    return [](httpool::server& self) -> asio::awaitable<response> {
      self.async_stop(asio::detached);
      for (int i = 0; i < 10; ++i)
        co_await asio::post(co_await asio::this_coro::executor, asio::use_awaitable);
      co_return response(200);
    }(*stopping);
  });
  stopping = &*server;
  client peer(server);
  peer.send("GET / HTTP/1.1\r\nHost: a\r\n\r\nGET /stop HTTP/1.1\r\nHost: a\r\n\r\n"
            "GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n");
  for (int i = 0; i < 4; ++i) {
    const auto answer = peer.receive();
    BOOST_REQUIRE(answer.has_value());
    BOOST_TEST(answer->fields().contains("Connection") == (i == 3));
  }
  peer.half_close();
  BOOST_TEST(peer.at_end());
}

BOOST_AUTO_TEST_CASE(an_empty_line_behind_the_last_request_does_not_hold_up_the_stop) {
  std::atomic<bool> begun = false;
  std::atomic<bool> go = false;
  live_server server(
      [&](const request&) -> asio::awaitable<response> {
        begun = true;
        while (!go)
          co_await asio::post(co_await asio::this_coro::executor, asio::use_awaitable);
        co_return response(200);
      },
      patient());
  client peer(server);
  peer.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n\r\n");
  until([&] { return begun.load(); });
  std::future<error_code> stopped = stop(server);
  until([&] { return refused(server.endpoint()); });
  go = true;
  const auto answer = peer.receive();
  BOOST_REQUIRE(answer.has_value());
  BOOST_TEST(answer->fields().value("Connection") == "close");
  peer.half_close();
  BOOST_TEST(!stopped.get());
}

BOOST_AUTO_TEST_CASE(a_connection_that_is_writing_when_the_server_stops_ends_with_its_response) {
  const std::string large(64 * 1024 * 1024, 'x');
  live_server server([&](const request&) { return response(200, large, "text/plain"); }, patient());
  client peer(server);
  peer.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  until([&] { return server->stats().writes == 1; });
  std::future<error_code> stopped = stop(server);
  until([&] { return refused(server.endpoint()); });
  BOOST_TEST((peer.receive()->body() == large));
  BOOST_TEST(peer.at_end());
  peer.half_close();
  BOOST_TEST(!stopped.get());
}

BOOST_AUTO_TEST_CASE(a_response_that_is_still_on_its_way_when_the_server_stops_is_not_overtaken) {
  const std::string large(1024 * 1024, 'x');
  live_server server(
      [&](const request& message) {
        return response(200, message.target() == "/" ? large : "", "text/plain");
      },
      patient());
  client peer(server, asio::socket_base::receive_buffer_size(64 * 1024));
  // That the second response is being written shows that the system has all of the first.
  peer.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  until([&] { return server->stats().writes == 1; });
  peer.send("GET /2 HTTP/1.1\r\nHost: a\r\n\r\n");
  until([&] { return server->stats().writes == 2; });
  std::future<error_code> stopped = stop(server);
  until([&] { return refused(server.endpoint()); });
  server.settle();
  peer.send("GET /3 HTTP/1.1\r\nHost: a\r\n\r\n");
  const auto first = peer.receive();
  BOOST_REQUIRE(first.has_value());
  BOOST_TEST((first->body() == large));
  BOOST_REQUIRE(peer.receive().has_value());
  BOOST_TEST(peer.at_end());
  peer.half_close();
  BOOST_TEST(!stopped.get());
}

BOOST_AUTO_TEST_CASE(a_client_that_never_closes_does_not_make_the_stop_a_failure) {
  httpool::server_options options = patient();
  options.drain_timeout = 50ms;
  options.linger_timeout = 1min;
  live_server server(hello, options);
  client peer(server);
  peer.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  BOOST_TEST(peer.receive()->status() == 200u);
  BOOST_TEST(!stop(server).get());
}

BOOST_AUTO_TEST_CASE(what_is_not_done_by_the_drain_deadline_is_cut) {
  std::atomic<int> begun = 0;
  std::atomic<int> cancelled = 0;
  httpool::server_options options;
  options.drain_timeout = 50ms;
  live_server server(never(begun, cancelled), options);
  client peer(server);
  peer.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  until([&] { return begun == 1; });
  const auto begin = std::chrono::steady_clock::now();
  BOOST_TEST((stop(server).get() == asio::error::timed_out));
  BOOST_TEST((std::chrono::steady_clock::now() - begin >= 50ms));
  BOOST_TEST(!peer.receive().has_value());
  until([&] { return cancelled == 1 && server->stats().open == 0; });
}

BOOST_AUTO_TEST_CASE(a_request_that_close_cuts_makes_the_stop_a_failure) {
  std::atomic<int> begun = 0;
  std::atomic<int> cancelled = 0;
  live_server server(never(begun, cancelled), patient());
  client peer(server);
  peer.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  until([&] { return begun == 1; });
  std::future<error_code> stopped = stop(server);
  server->close();
  BOOST_TEST((stopped.get() == asio::error::timed_out));
  BOOST_TEST(!peer.receive().has_value());
}

BOOST_AUTO_TEST_CASE(a_part_of_a_request_that_close_cuts_makes_the_stop_a_failure) {
  live_server server(hello, patient());
  client peer(server);
  peer.send("GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HT");
  BOOST_TEST(peer.receive()->status() == 200u);
  std::future<error_code> stopped = stop(server);
  until([&] { return refused(server.endpoint()); });
  server->close();
  BOOST_TEST((stopped.get() == asio::error::timed_out));
}

BOOST_AUTO_TEST_CASE(
    clients_that_were_answered_do_not_make_the_stop_a_failure_when_close_ends_them) {
  httpool::server_options options = patient();
  options.linger_timeout = 1min;
  live_server server(hello, options);
  client lingering(server);
  client idle(server);
  client silent(server);
  lingering.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  BOOST_TEST(lingering.receive()->status() == 200u);
  BOOST_TEST(idle.get("/").status() == 200u);
  idle.send("\r\n");
  std::future<error_code> stopped = stop(server);
  server->close();
  BOOST_TEST(!stopped.get());
}

BOOST_AUTO_TEST_CASE(close_ends_everything_at_once) {
  std::atomic<int> begun = 0;
  std::atomic<int> cancelled = 0;
  {
    live_server server(never(begun, cancelled));
    client busy(server);
    client idle(server);
    busy.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    until([&] { return begun == 1 && server->stats().open == 2; });
    server->close();
    BOOST_TEST(!busy.receive().has_value());
    BOOST_TEST(idle.at_end());
  }
  BOOST_TEST(cancelled == 1);
}

BOOST_AUTO_TEST_CASE(handlers_may_end_inside_their_cancellation) {
  std::atomic<int> begun = 0;
  const auto handler = [&](const request&) -> asio::awaitable<response> {
    ++begun;
    co_await cancelled_inline();
    co_return response(200);
  };
  live_server server(handler);
  client first(server);
  client second(server);
  for (client* each : {&first, &second})
    each->send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  until([&] { return begun == 2; });
  server->close_connection(1);
  until([&] { return server->stats().open == 1; });
  server->close();
  until([&] { return server->stats().open == 0; });
}

BOOST_AUTO_TEST_CASE(one_connection_can_be_closed_by_its_id) {
  httpool::server_options options;
  options.on_response = [](response& message, const request_context& context) {
    message.fields().set("X-Id", std::to_string(context.connection_id));
  };
  live_server server(hello, options);
  client first(server);
  client second(server);
  const std::string id(first.get("/").fields().value("X-Id"));
  BOOST_TEST(second.get("/").status() == 200u);
  server->close_connection(std::stoull(id));
  server->close_connection(12345);
  BOOST_TEST(first.at_end());
  BOOST_TEST(second.get("/").status() == 200u);
}

BOOST_AUTO_TEST_CASE(a_context_may_die_with_connections_and_handlers_suspended) {
  std::atomic<int> begun = 0;
  std::atomic<int> cancelled = 0;
  auto context = std::make_unique<asio::io_context>(1);
  auto server = std::make_unique<httpool::server>(*context, any_port(), never(begun, cancelled));
  client idle(server->local_endpoint());
  client busy(server->local_endpoint());
  busy.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  while (begun == 0 || server->stats().open < 2)
    context->run_one();
  server.reset();
  context.reset();
  BOOST_TEST(cancelled == 0);
  BOOST_TEST(!busy.receive().has_value());
}

BOOST_AUTO_TEST_CASE(several_threads_serve_one_port_with_one_limit_and_one_count_of_ids) {
  httpool::server_options options;
  options.max_connections = 20;
  options.on_response = [](response& message, const request_context& context) {
    message.fields().set("X-Id", std::to_string(context.connection_id));
  };
  std::atomic<int> calls = 0;
  httpool::server_threads server(
      3, any_port(),
      [&](const request&) {
        ++calls;
        return response(200);
      },
      options);
  std::set<std::string> ids;
  std::vector<std::unique_ptr<client>> peers;
  for (int i = 0; i < 20; ++i)
    peers.push_back(std::make_unique<client>(server.local_endpoint()));
  for (const auto& peer : peers)
    ids.emplace(peer->get("/").fields().value("X-Id"));
  BOOST_TEST(ids.size() == 20u);
  client waiting(server.local_endpoint());
  waiting.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  peers.pop_back();
  BOOST_TEST(waiting.receive()->status() == 200u);
  BOOST_TEST(server.stats().peak_open == 20u);
  BOOST_TEST(server.stats().requests == 21u);
  BOOST_TEST(server.stop());
  for (const auto& peer : peers)
    BOOST_TEST(peer->at_end());
  BOOST_TEST(server.stop());
}

BOOST_AUTO_TEST_CASE(connections_are_spread_among_all_threads) {
  std::mutex guard;
  std::set<std::thread::id> seen;
  httpool::server_threads server(3, any_port(), [&](const request&) {
    const std::lock_guard lock(guard);
    seen.insert(std::this_thread::get_id());
    return response(200, std::to_string(seen.size()), "text/plain");
  });
  until([&] { return client(server.local_endpoint()).get("/").body() == "3"; });
}

BOOST_AUTO_TEST_CASE(threads_may_be_stopped_by_several_at_a_time) {
  httpool::server_threads server(2, any_port(), hello);
  client peer(server.local_endpoint());
  BOOST_TEST(peer.get("/").status() == 200u);
  const auto stop_it = [&] { return server.stop(); };
  auto one = std::async(std::launch::async, stop_it);
  auto other = std::async(std::launch::async, stop_it);
  BOOST_TEST(one.get());
  BOOST_TEST(other.get());
  BOOST_TEST(peer.at_end());
}

BOOST_AUTO_TEST_CASE(threads_that_had_to_cut_something_say_so_whenever_they_are_asked) {
  std::atomic<int> begun = 0;
  std::atomic<int> cancelled = 0;
  httpool::server_options options;
  options.drain_timeout = 1ms;
  httpool::server_threads server(2, any_port(), never(begun, cancelled), options);
  client peer(server.local_endpoint());
  peer.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  until([&] { return begun == 1; });
  BOOST_TEST(!server.stop());
  BOOST_TEST(!server.stop());
}

BOOST_AUTO_TEST_CASE(threads_end_with_their_server_whatever_is_going_on) {
  std::atomic<int> begun = 0;
  std::atomic<int> cancelled = 0;
  std::unique_ptr<client> peer;
  {
    httpool::server_threads server(2, any_port(), never(begun, cancelled));
    peer = std::make_unique<client>(server.local_endpoint());
    peer->send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    until([&] { return begun == 1; });
  }
  BOOST_TEST(!peer->receive().has_value());
}
