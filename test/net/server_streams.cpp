// Responses whose bodies are produced while they are sent.

#include "net/server_fixture.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <array>
#include <atomic>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <vector>

namespace server_test {
namespace {

using httpool::reply;
using httpool::request;
using httpool::response;
using pieces = std::vector<std::string>;

/// Gives one piece after the other.
httpool::body_source::read_function giving(pieces all) {
  const auto left = std::make_shared<pieces>(std::move(all));
  const auto next = std::make_shared<std::size_t>(0);
  return [left, next](asio::mutable_buffer into) -> asio::awaitable<std::size_t> {
    if (*next == left->size())
      co_return 0;
    co_return asio::buffer_copy(into, asio::buffer((*left)[(*next)++]));
  };
}

reply streamed(const request&) {
  return reply(response(200, "not sent", "text/plain"), giving({"one", "two", "three"}));
}

/// All that comes until the connection ends.
std::string all_of(client& from, error_code& end) {
  std::string text;
  std::array<char, 1024> piece;
  while (!end) {
    const std::size_t size = from.socket().read_some(asio::buffer(piece), end);
    text.append(piece.data(), size);
  }
  return text;
}

} // namespace

BOOST_AUTO_TEST_CASE(a_streamed_body_comes_in_chunks_and_the_connection_goes_on) {
  live_server server(streamed);
  client c(server);
  for (int i = 0; i != 2; ++i) {
    const response got = c.get("/");
    BOOST_TEST(got.fields().value("Transfer-Encoding") == "chunked");
    BOOST_TEST(!got.fields().contains("Content-Length"));
    BOOST_TEST(got.body() == "onetwothree");
  }
  BOOST_TEST(server->stats().accepted == 1u);
}

BOOST_AUTO_TEST_CASE(requests_sent_ahead_are_answered_in_order) {
  live_server server([](const request& message) -> reply {
    if (message.target() == "/now")
      return response(200, "now", "text/plain");
    return streamed(message);
  });
  client c(server);
  c.send("GET /now HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"
         "GET /now HTTP/1.1\r\nHost: a\r\n\r\n");
  BOOST_TEST(c.receive()->body() == "now");
  BOOST_TEST(c.receive()->body() == "onetwothree");
  BOOST_TEST(c.receive()->body() == "now");
}

BOOST_AUTO_TEST_CASE(to_http_1_0_the_body_ends_with_the_connection) {
  live_server server(streamed);
  client c(server);
  c.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  error_code end;
  const std::string got = all_of(c, end);
  BOOST_TEST(end == asio::error::eof);
  BOOST_TEST(got.find("Transfer-Encoding") == std::string::npos);
  BOOST_TEST(got.find("Content-Length") == std::string::npos);
  BOOST_TEST(got.find("Connection: close\r\n") != std::string::npos);
  BOOST_TEST(got.ends_with("\r\n\r\nonetwothree"));
}

BOOST_AUTO_TEST_CASE(where_there_is_no_body_the_source_is_not_asked) {
  std::atomic<int> asked = 0;
  live_server server([&](const request& message) {
    const unsigned status = message.target() == "/204"   ? 204
                            : message.target() == "/205" ? 205
                                                         : 200;
    return reply(response(status, std::string(), "text/plain"),
                 [&](asio::mutable_buffer) -> asio::awaitable<std::size_t> {
                   ++asked;
                   co_return 0;
                 });
  });
  client c(server);
  c.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
  BOOST_TEST(c.receive("HEAD")->status() == 200u);
  BOOST_TEST(c.get("/204").status() == 204u);
  BOOST_TEST(c.get("/205").status() == 205u);
  BOOST_TEST(asked == 0);
  BOOST_TEST(c.get("/").body().empty());
  BOOST_TEST(asked == 1);
}

BOOST_AUTO_TEST_CASE(a_source_that_throws_or_says_too_much_cuts_the_body_off) {
  for (const bool throws : {true, false}) {
    live_server server([throws](const request&) {
      return reply(response(200, std::string(), "text/plain"),
                   [throws](asio::mutable_buffer into) -> asio::awaitable<std::size_t> {
                     if (throws)
                       throw std::runtime_error("no more");
                     co_return into.size() + 1;
                   });
    });
    client c(server);
    c.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    error_code end;
    all_of(c, end);
    BOOST_TEST(end == asio::error::connection_reset);
    BOOST_TEST(server->stats().handler_failures == 1u);
  }
}

BOOST_AUTO_TEST_CASE(an_informational_head_is_a_failure_and_nothing_is_streamed) {
  live_server server([](const request&) {
    return reply(response(103, std::string(), "text/plain"), giving({"x"}));
  });
  client c(server);
  BOOST_TEST(c.get("/").status() == 500u);
}

BOOST_AUTO_TEST_CASE(a_source_waits_for_a_client_that_does_not_read_and_the_deadline_ends_it) {
  std::atomic<std::uint64_t> produced = 0;
  httpool::server_options options;
  options.body_timeout = 50ms;
  live_server server(
      [&](const request&) {
        return reply(response(200, std::string(), "text/plain"),
                     [&](asio::mutable_buffer into) -> asio::awaitable<std::size_t> {
                       std::memset(into.data(), 'x', into.size());
                       produced += into.size();
                       co_return into.size();
                     });
      },
      options);
  client c(server, asio::socket_base::receive_buffer_size(4096));
  c.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  until([&] { return server->stats().timed_out == 1; });
  BOOST_TEST(produced < 64u * 1024 * 1024, "what the system buffers, and no more");
  until([&] { return server->stats().open == 0; });
}

BOOST_AUTO_TEST_CASE(a_source_is_cancelled_when_the_server_closes) {
  std::atomic<bool> is_waiting = false, is_cancelled = false;
  {
    live_server server([&](const request&) {
      return reply(response(200, std::string(), "text/plain"),
                   [&](asio::mutable_buffer) -> asio::awaitable<std::size_t> {
                     asio::steady_timer timer(co_await asio::this_coro::executor, 1h);
                     is_waiting = true;
                     try {
                       co_await timer.async_wait(asio::use_awaitable);
                     } catch (const boost::system::system_error&) {
                       is_cancelled = true;
                       throw;
                     }
                     co_return 0;
                   });
    });
    client c(server);
    c.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    until([&] { return is_waiting.load(); });
  }
  BOOST_TEST(is_cancelled);
}

BOOST_AUTO_TEST_CASE(a_client_that_goes_is_noticed_with_the_next_piece) {
  std::atomic<bool> has_gone = false;
  live_server server([&](const request&) {
    return reply(response(200, std::string(), "text/plain"),
                 [&](asio::mutable_buffer into) -> asio::awaitable<std::size_t> {
                   co_await asio::post(co_await asio::this_coro::executor, asio::use_awaitable);
                   std::memset(into.data(), 'x', into.size());
                   co_return has_gone ? into.size() : 1;
                 });
  });
  {
    client c(server);
    c.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    c.read_some(512);
  }
  has_gone = true;
  until([&] { return server->stats().open == 0; });
  BOOST_TEST(server->stats().handler_failures == 0u);
}

} // namespace server_test
