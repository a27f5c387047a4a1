// Requests and responses of every shape.

#include "net/client_fixture.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>

#include <future>

using namespace client_test;

namespace {

std::string pattern(std::size_t size) {
  std::string text(size, ' ');
  for (std::size_t i = 0; i != size; ++i)
    text[i] = static_cast<char>('a' + i % 23);
  return text;
}

std::string host_of(const scripted_peer& peer) {
  return "127.0.0.1:" + std::to_string(peer.port);
}

/// The response to `message` from a peer that says `text` to it and then closes, or does not.
client_response response_to(loop& run, const request& message, const std::string& text,
                            bool closes = false) {
  script plan = script().answers(text);
  if (closes)
    plan = std::move(plan).closes();
  scripted_peer peer(run.context, {std::move(plan)});
  client sender(run.context, "127.0.0.1", peer.port);
  outcome end = run.send(sender, message);
  BOOST_TEST(end.error == error_code());
  BOOST_TEST(peer.heard.size() == 1u);
  check_nothing_is_left(run, sender, peer);
  return std::move(end.response);
}

} // namespace

// Requests ----------------------------------------------------------------------------------------

BOOST_FIXTURE_TEST_CASE(a_request_goes_out_with_host_and_framing_and_nothing_else, loop) {
  scripted_peer peer(context, {script().answers(ok()).repeats()});
  client sender(context, "127.0.0.1", peer.port);
  const std::string host = "Host: " + host_of(peer) + "\r\n";

  send(sender, request("GET", "/a%20b?c=d"));
  send(sender, request("POST", "/empty"));
  request put("PUT", "/text");
  put.fields().add("Content-Type", "text/plain");
  put.body("some text");
  send(sender, put);
  request chunked("POST", "/chunked");
  chunked.body("0123456789abcdef!");
  chunked.trailers().add("Digest", "none");
  send(sender, chunked);
  request named = get();
  named.fields().set("Host", "example.org");
  send(sender, named);

  BOOST_TEST_REQUIRE(peer.heard.size() == 5u);
  BOOST_TEST(peer.heard[0] == "GET /a%20b?c=d HTTP/1.1\r\n" + host + "\r\n");
  BOOST_TEST(peer.heard[1] == "POST /empty HTTP/1.1\r\n" + host + "Content-Length: 0\r\n\r\n");
  BOOST_TEST(peer.heard[2] == "PUT /text HTTP/1.1\r\n" + host +
                                  "Content-Type: text/plain\r\nContent-Length: 9\r\n\r\nsome text");
  BOOST_TEST(peer.heard[3] == "POST /chunked HTTP/1.1\r\n" + host +
                                  "Transfer-Encoding: chunked\r\n\r\n"
                                  "11\r\n0123456789abcdef!\r\n0\r\nDigest: none\r\n\r\n");
  BOOST_TEST(peer.heard[4] == "GET / HTTP/1.1\r\nHost: example.org\r\n\r\n");
  BOOST_TEST(peer.accepted() == 1u);
}

BOOST_FIXTURE_TEST_CASE(a_name_and_an_ipv6_literal_in_brackets_reach_their_host, loop) {
  scripted_peer peer(context, {script().answers(ok()).repeats()});
  client by_name(context, "localhost", peer.port);
  BOOST_TEST(send(by_name, get()).error == error_code());
  BOOST_TEST(peer.heard.back().find("Host: localhost:") != std::string::npos);

  // The peer is on IPv4 alone: what counts is that the literal is not taken for a name.
  client literal(context, "[::1]", peer.port, {.exchange_timeout = 5s});
  const outcome end = send(literal, get());
  BOOST_TEST(end.error.failed());
  BOOST_TEST(end.error != error::name_not_found);
  BOOST_CHECK_THROW(client(context, "no host", 80), std::invalid_argument);
  BOOST_CHECK_THROW(client(context, "", 80), std::invalid_argument);
}

BOOST_FIXTURE_TEST_CASE(a_body_of_many_megabytes_arrives_whole_both_ways, loop) {
  const std::string large = pattern(5'000'000);
  const auto echo = [](const std::string& heard) {
    return ok(heard.substr(heard.find("\r\n\r\n") + 4));
  };
  scripted_peer peer(context, {script().hears().replies(echo).repeats()});
  client sender(context, "127.0.0.1", peer.port);
  for (int i = 0; i != 2; ++i) {
    const outcome end = send(sender, post(large));
    BOOST_TEST(end.error == error_code());
    BOOST_TEST((end.response.body() == large));
  }
  BOOST_TEST(peer.accepted() == 1u);
}

// Responses ---------------------------------------------------------------------------------------

BOOST_FIXTURE_TEST_CASE(a_response_tells_what_came_and_how, loop) {
  scripted_peer peer(context, {script().answers(ok("hello", "X-Is: it\r\n")).repeats()});
  client sender(context, "127.0.0.1", peer.port);
  const client_response first = send(sender, get()).response;
  BOOST_TEST(first.status() == 200u);
  BOOST_TEST(first.reason() == "OK");
  BOOST_TEST(first.fields().value("x-is") == "it");
  BOOST_TEST(first.body() == "hello");
  BOOST_TEST(first.connection_id() == 1u);
  BOOST_TEST(!first.reused());
  BOOST_TEST(first.attempts() == 1u);
  const client_response second = send(sender, get()).response;
  BOOST_TEST(second.connection_id() == 1u);
  BOOST_TEST(second.reused());
}

BOOST_FIXTURE_TEST_CASE(responses_without_a_body_end_with_their_head_and_keep_the_connection,
                        loop) {
  const std::string length = "Content-Length: 500\r\n\r\n";
  scripted_peer peer(context, {script()
                                   .answers("HTTP/1.1 200 OK\r\n" + length)
                                   .answers("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
                                   .answers("HTTP/1.1 200 OK\r\n\r\n")
                                   .answers("HTTP/1.1 204 No Content\r\n\r\n")
                                   .answers("HTTP/1.1 304 Not Modified\r\n" + length)
                                   .answers("HTTP/1.1 304 Not Modified\r\n\r\n")
                                   .answers(ok(""))});
  client sender(context, "127.0.0.1", peer.port);
  for (int i = 0; i != 7; ++i) {
    const outcome end = send(sender, request(i < 3 ? "HEAD" : "GET", "/"));
    BOOST_TEST(end.error == error_code());
    BOOST_TEST(end.response.body().empty());
  }
  BOOST_TEST(peer.accepted() == 1u);
}

BOOST_FIXTURE_TEST_CASE(a_chunked_body_comes_with_its_trailers, loop) {
  const client_response r = response_to(
      *this, get(),
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
      "5;name=\"quoted \\\" value\"\r\nhello\r\n001\r\n,\r\n6\r\n world\r\n0\r\nX-Sum: 12\r\n\r\n");
  BOOST_TEST(r.body() == "hello, world");
  BOOST_TEST(r.trailers().value("X-Sum") == "12");
}

BOOST_FIXTURE_TEST_CASE(informational_responses_are_passed_over, loop) {
  const client_response r = response_to(
      *this, get(),
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + ok("final"));
  BOOST_TEST(r.status() == 200u);
  BOOST_TEST(!r.fields().contains("Link"));
  BOOST_TEST(r.body() == "final");
}

BOOST_FIXTURE_TEST_CASE(a_body_may_end_with_its_connection, loop) {
  for (const std::size_t size : {0u, 10u, 3'000'000u}) {
    const client_response r =
        response_to(*this, get(), "HTTP/1.1 200 OK\r\n\r\n" + pattern(size), true);
    BOOST_TEST((r.body() == pattern(size)));
  }
}

BOOST_FIXTURE_TEST_CASE(a_response_may_come_byte_by_byte, loop) {
  const std::string text = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 Fine\r\nTransfer-Encoding: "
                           "chunked\r\nX-Is: it\r\n\r\n4\r\nbody\r\n0\r\nX-Sum: 4\r\n\r\n";
  scripted_peer peer(context, {script().hears().trickles(text).hears().trickles(ok("length"))});
  client sender(context, "127.0.0.1", peer.port);
  const outcome chunked = send(sender, get());
  BOOST_TEST(chunked.error == error_code());
  BOOST_TEST(chunked.response.reason() == "Fine");
  BOOST_TEST(chunked.response.fields().value("X-Is") == "it");
  BOOST_TEST(chunked.response.body() == "body");
  BOOST_TEST(chunked.response.trailers().value("X-Sum") == "4");
  const outcome with_length = send(sender, get());
  BOOST_TEST(with_length.response.body() == "length");
  BOOST_TEST(with_length.response.reused());
}

BOOST_FIXTURE_TEST_CASE(any_final_status_is_a_response, loop) {
  for (const unsigned status : {200u, 302u, 404u, 500u, 599u, 999u}) {
    const std::string line = "HTTP/1.1 " + std::to_string(status) + " \r\n";
    BOOST_TEST(response_to(*this, get(), line + "Content-Length: 0\r\n\r\n").status() == status);
  }
}

// Tokens ------------------------------------------------------------------------------------------

BOOST_FIXTURE_TEST_CASE(scar_58_no_request_is_sent_ahead_of_the_response_before_it, loop) {
  scripted_peer peer(context, {script().hears().pauses().says(ok()).repeats()});
  client_options one;
  one.pool.max_connections = 1;
  client sender(context, "127.0.0.1", peer.port, one);
  const std::vector<call> calls = {start(sender, post()), start(sender, get()),
                                   start(sender, post())};
  for (std::size_t i = 0; i != calls.size(); ++i) {
    BOOST_TEST_REQUIRE(until([&] { return peer.accepted() == 1 && peer.is_paused(0); }));
    settle();
    BOOST_TEST(peer.heard.size() == i + 1);
    BOOST_TEST(peer.unheard(0) == 0u);
    peer.go_on(0);
    BOOST_TEST(end_of(calls[i]).error == error_code());
  }
}

BOOST_FIXTURE_TEST_CASE(each_completion_token_gets_its_response, loop) {
  scripted_peer peer(context, {script().answers(ok()).repeats()});
  client sender(context, "127.0.0.1", peer.port);
  int responses = 0;
  asio::co_spawn(
      context,
      [&]() -> asio::awaitable<void> {
        const client_response plain = co_await sender.async_send(get(), asio::use_awaitable);
        responses += plain.status() == 200;
        const auto [ec, tuple] =
            co_await sender.async_send(get(), asio::as_tuple(asio::use_awaitable));
        responses += !ec && tuple.status() == 200;
        auto later = sender.async_send(get(), asio::deferred);
        const client_response deferred = co_await std::move(later)(asio::use_awaitable);
        responses += deferred.status() == 200;
        sender.pool().close();
        const auto [refused, none] =
            co_await sender.async_send(get(), asio::as_tuple(asio::use_awaitable));
        responses += refused == error::pool_closed && none.connection_id() == 0;
      },
      asio::detached);
  BOOST_TEST(until([&] { return responses == 4; }));

  client other(context, "127.0.0.1", peer.port);
  std::future<client_response> future = other.async_send(get(), asio::use_future);
  BOOST_TEST(until([&] { return future.wait_for(0s) == std::future_status::ready; }));
  BOOST_TEST(future.get().status() == 200u);
}

BOOST_FIXTURE_TEST_CASE(a_handler_runs_on_its_own_executor_and_never_inside_the_call, loop) {
  scripted_peer peer(context, {script().answers(ok()).repeats()});
  client sender(context, "127.0.0.1", peer.port);
  asio::io_context own;
  for (int i = 0; i != 2; ++i) { // a new connection, an idle one
    const auto result = std::make_shared<outcome>();
    sender.async_send(get(), asio::bind_executor(own.get_executor(), into(result)));
    BOOST_TEST(!result->is_done);
    BOOST_TEST(until([&] { return sender.pool().stats().idle == 1; }));
    settle();
    BOOST_TEST(!result->is_done);
    own.restart();
    own.run_for(patience); // it has had work all the time
    BOOST_TEST(result->is_done);
  }
  request refused = get();
  refused.fields().add("Content-Length", "5");
  const auto result = std::make_shared<outcome>();
  sender.async_send(refused, into(result));
  BOOST_TEST(!result->is_done);
  BOOST_TEST(end_of(result).error == error::invalid_request);
}
