// After which exchanges a connection serves again, and after which it is closed. Each condition,
// and a test that fails without it:
//
//   the request is fully written      scar_51_whatever_answers_an_expectation_...
//   the response is fully framed      a_body_that_ends_with_the_connection_..., scar_60_...
//   no byte is left over              scar_53_bytes_beyond_the_response_...
//   no error                          a_failed_exchange_closes_..., and client_peers.cpp
//   neither late nor cancelled        client_deadline.cpp, client_cancel.cpp
//   both sides keep it alive          scar_61_..., http_1_0_keeps_alive_only_...
//   the peer's hints allow it         a_hint_that_the_peer_closes_..., scar_80_...
//   it is not upgraded                an_upgraded_connection_ends_with_its_lease
//   within its uses and lifetime      a_connection_does_not_serve_beyond_...
//   the pool is open                  a_connection_does_not_serve_beyond_its_uses_nor_its_pool
//   the limits leave room             a_connection_that_new_limits_leave_no_room_for_...
//   an unread body is drained first   the_rest_of_a_dropped_body_... of client_stream.cpp

#include "client/keep_alive_hint.hpp"
#include "net/client_fixture.hpp"

#include <optional>
#include <utility>

using namespace client_test;

namespace {

/// What a client did with its first connection, after the peer had answered `message` with `text`.
struct aftermath {
  error_code error;
  bool is_kept = false;
  close_reason why = close_reason::dropped; ///< If it is not.
};

aftermath after(loop& run, request message, script plan) {
  scripted_peer peer(run.context, {std::move(plan), script().answers(ok("next"))});
  client sender(run.context, "127.0.0.1", peer.port);
  aftermath result;
  result.error = run.send(sender, std::move(message)).error;
  const httpool::pool_stats s = sender.pool().stats();
  BOOST_TEST(s.leased == 0u);
  result.is_kept = s.idle == 1;
  for (std::size_t i = 0; i != httpool::close_reason_count; ++i)
    if (s.closed_by[i] != 0)
      result.why = close_reason(i);
  // Whatever happened, the next exchange gets its own response.
  const outcome next = run.send(sender, get());
  if (!result.is_kept) {
    BOOST_TEST(next.error == error_code());
    BOOST_TEST(next.response.body() == "next");
    BOOST_TEST(next.response.connection_id() == 2u);
  }
  check_nothing_is_left(run, sender, peer);
  return result;
}

void check_kept(loop& run, const request& message, const std::string& response) {
  const aftermath a = after(run, message, script().answers(response).answers(ok("next")));
  BOOST_TEST(a.error == error_code());
  BOOST_TEST(a.is_kept);
}

void check_closed(loop& run, const request& message, script plan, close_reason why) {
  const aftermath a = after(run, message, std::move(plan));
  BOOST_TEST(a.error == error_code());
  BOOST_TEST(!a.is_kept);
  BOOST_TEST(to_string(a.why) == to_string(why));
}

void check_closed(loop& run, const request& message, const std::string& response) {
  check_closed(run, message, script().answers(response), close_reason::dropped);
}

request with(const std::string& name, const std::string& value) {
  request message = get();
  message.fields().set(name, value);
  return message;
}

std::string http_1_0(const std::string& fields) {
  return "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n" + fields + "\r\nhi";
}

} // namespace

BOOST_FIXTURE_TEST_CASE(a_complete_exchange_keeps_the_connection, loop) {
  check_kept(*this, get(), ok());
  check_kept(*this, post(), ok());
  check_kept(*this, get(), ok("hi", "Connection: keep-alive\r\n"));
  check_kept(*this, get(),
             "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n");
  check_kept(*this, get(), "HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n");
}

// Framing -----------------------------------------------------------------------------------------

BOOST_FIXTURE_TEST_CASE(a_body_that_ends_with_the_connection_ends_it, loop) {
  check_closed(*this, get(), script().answers("HTTP/1.1 200 OK\r\n\r\nhi").closes(),
               close_reason::dropped);
}

BOOST_FIXTURE_TEST_CASE(scar_60_a_body_that_is_framed_twice_costs_the_connection, loop) {
  for (const std::string fields :
       {"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 2\r\n", "Content-Length: 2, 3\r\n",
        "Content-Length: 2\r\nContent-Length: 3\r\n"}) {
    const aftermath a =
        after(*this, get(),
              script().answers("HTTP/1.1 200 OK\r\n" + fields + "\r\n2\r\nhi\r\n0\r\n\r\n"));
    BOOST_TEST(a.error == error::protocol_error);
    BOOST_TEST(!a.is_kept);
  }
}

BOOST_FIXTURE_TEST_CASE(scar_53_bytes_beyond_the_response_cost_the_connection, loop) {
  const std::string long_body(20'000, 'b');
  for (const std::string& response : {ok(), ok(long_body), ok("")}) {
    check_closed(*this, get(), script().answers(response + "x"), close_reason::unread_bytes);
    check_closed(*this, get(), script().answers(response + ok("evil")), close_reason::unread_bytes);
  }
  check_closed(*this, request("HEAD", "/"), script().answers(ok("not for a HEAD")),
               close_reason::unread_bytes);
  check_closed(*this, get(), script().answers("HTTP/1.1 204 None\r\n\r\nbody all the same"),
               close_reason::unread_bytes);
}

BOOST_FIXTURE_TEST_CASE(scar_49_a_response_to_nobody_costs_the_idle_connection, loop) {
  scripted_peer peer(
      context, {script().answers(ok()).pauses().says(ok("evil")), script().answers(ok("good"))});
  client sender(context, "127.0.0.1", peer.port);
  warm_up(sender);
  peer.go_on(0);
  settle();
  const outcome end = send(sender, get());
  BOOST_TEST(end.error == error_code());
  BOOST_TEST(end.response.body() == "good");
  BOOST_TEST(sender.pool().stats().closed(close_reason::peer_spoke) == 1u);
}

// What either side says ---------------------------------------------------------------------------

BOOST_FIXTURE_TEST_CASE(scar_61_either_side_can_say_that_it_closes, loop) {
  check_closed(*this, get(), ok("hi", "Connection: close\r\n"));
  check_closed(*this, get(), ok("hi", "Connection: x, Close\r\n"));
  check_closed(*this, get(), ok("hi", "Connection: keep-alive\r\nConnection: close\r\n"));
  check_closed(*this, with("Connection", "close"), ok());
  check_closed(*this, with("Connection", "TE, close"), ok("hi", "Connection: keep-alive\r\n"));
}

BOOST_FIXTURE_TEST_CASE(http_1_0_keeps_alive_only_what_both_sides_ask_for, loop) {
  check_closed(*this, get(), http_1_0(""));
  check_kept(*this, get(), http_1_0("Connection: keep-alive\r\n"));
  request old = get();
  old.version(httpool::http_version::http_1_0);
  check_closed(*this, old, ok());
  old.fields().set("Connection", "keep-alive");
  check_kept(*this, old, http_1_0("Connection: keep-alive\r\n"));
  check_closed(*this, old, http_1_0(""));
}

BOOST_FIXTURE_TEST_CASE(a_hint_that_the_peer_closes_within_a_second_closes_now, loop) {
  check_closed(*this, get(), ok("hi", "Keep-Alive: timeout=1\r\n"));
  check_closed(*this, get(), ok("hi", "Keep-Alive: timeout=0\r\n"));
  check_closed(*this, get(), ok("hi", "Keep-Alive: max=100, timeout=1\r\n"));
  check_closed(*this, get(), ok("hi", "keep-alive: Timeout = 1\r\n"));
  check_closed(*this, get(), ok("hi", "Keep-Alive: timeout=5, max=0\r\n"));
  check_closed(*this, get(), ok("hi", "Keep-Alive: max=9\r\nKeep-Alive: max=0\r\n"));
  check_kept(*this, get(), ok("hi", "Keep-Alive: timeout=2, max=1\r\n"));
  check_kept(*this, get(), ok("hi", "Keep-Alive: timeout=15, max=100\r\n"));
  check_kept(*this, get(), ok("hi", "Keep-Alive: timeout=99999999999999999999\r\n"));
  check_kept(*this, get(), ok("hi", "Keep-Alive: timeout, max=, timeout=x, other=0\r\n"));
}

BOOST_FIXTURE_TEST_CASE(a_connection_that_changes_its_protocol_does_not_come_back, loop) {
  const aftermath a =
      after(*this, with("Upgrade", "other"),
            script().answers("HTTP/1.1 101 Switching Protocols\r\nUpgrade: other\r\n\r\n"));
  BOOST_TEST(a.error == error::protocol_error);
  BOOST_TEST(!a.is_kept);
}

// The request -------------------------------------------------------------------------------------

BOOST_FIXTURE_TEST_CASE(scar_51_whatever_answers_an_expectation_the_next_exchange_is_in_step,
                        loop) {
  const std::string go = "HTTP/1.1 100 Continue\r\n\r\n";
  for (const unsigned status : {200u, 417u, 500u})
    for (const bool continues : {true, false})
      for (const bool early : {true, false}) {
        request message = post();
        message.fields().set("Expect", "100-continue");
        const std::string response = (continues ? go : "") + "HTTP/1.1 " + std::to_string(status) +
                                     " X\r\nContent-Length: 0\r\n\r\n";
        // A server that answers the head alone does not get the body, nor another request on that
        // connection; one that waits for the body gets it after a while.
        script first = early ? script().hears_head() : script().hears();
        scripted_peer peer(context, {std::move(first).says(response).answers(ok("next")),
                                     script().answers(ok("next"))});
        client_options options;
        options.continue_timeout = early ? 1h : 1ms;
        client sender(context, "127.0.0.1", peer.port, options);
        const outcome end = send(sender, message);
        BOOST_TEST(end.error == error_code());
        BOOST_TEST(end.response.status() == status);
        BOOST_TEST(end.response.body().empty());
        const outcome next = send(sender, get());
        BOOST_TEST(next.response.body() == "next");
        BOOST_TEST(next.response.connection_id() == (early ? 2u : 1u));
        BOOST_TEST_REQUIRE(peer.heard.size() == 2u);
        BOOST_TEST(peer.heard[0].ends_with("order") == !early);
        BOOST_TEST(peer.heard[1].starts_with("GET / "));
        check_nothing_is_left(*this, sender, peer);
      }
}

BOOST_FIXTURE_TEST_CASE(a_body_is_sent_once_the_peer_gives_leave, loop) {
  for (const bool is_large : {true, false}) {
    request message = post(std::string(is_large ? 1'000'000 : 5, 'x'));
    message.fields().set("Expect", "100-continue");
    scripted_peer peer(context, {script()
                                     .hears_head()
                                     .says("HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n")
                                     .says("HTTP/1.1 100 Continue\r\n\r\n")
                                     .hears_bytes(message.body().size())
                                     .says(ok("thanks"))
                                     .answers(ok("next"))});
    client_options patient;
    patient.continue_timeout = 1h;
    client sender(context, "127.0.0.1", peer.port, patient);
    BOOST_TEST(send(sender, message).response.body() == "thanks");
    BOOST_TEST(peer.heard.back() == message.body());
    const outcome next = send(sender, get());
    BOOST_TEST(next.response.body() == "next");
    BOOST_TEST(next.response.connection_id() == 1u);
    check_nothing_is_left(*this, sender, peer);
  }
}

BOOST_FIXTURE_TEST_CASE(an_expectation_without_a_body_is_not_sent, loop) {
  scripted_peer peer(context, {script().answers(ok())});
  client sender(context, "127.0.0.1", peer.port);
  BOOST_TEST(send(sender, with("Expect", "100-continue")).error == error::invalid_request);
  BOOST_TEST(peer.accepted() == 0u);
}

BOOST_FIXTURE_TEST_CASE(a_response_before_the_whole_request_counts_but_ends_the_connection, loop) {
  const std::string refusal = "HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nno!";
  const aftermath a = after(*this, post(std::string(30'000'000, 'x')),
                            script().hears_head().says(refusal).closes());
  BOOST_TEST(!a.is_kept);
  // The reset that a close with unread bytes causes may overtake the response.
  BOOST_TEST((a.error == error_code() || a.error == error::connection_closed));

  scripted_peer deaf(context, {script().hears_head().says(refusal).stalls()});
  client sender(context, "127.0.0.1", deaf.port);
  const outcome end = send(sender, post(std::string(30'000'000, 'x')));
  BOOST_TEST(end.error == error_code());
  BOOST_TEST(end.response.status() == 413u);
  BOOST_TEST(sender.pool().stats().closed(close_reason::dropped) == 1u);
}

// The end of use ----------------------------------------------------------------------------------

BOOST_FIXTURE_TEST_CASE(a_failed_exchange_closes_the_connection, loop) {
  const auto check_failed = [this](script plan, error_code expected) {
    const aftermath a = after(*this, get(), std::move(plan));
    BOOST_TEST(a.error == expected);
    BOOST_TEST(!a.is_kept);
  };
  check_failed(script().hears().closes(), error::connection_closed);
  check_failed(script().hears().resets(), error::connection_closed);
  check_failed(script().answers("HTTP/1.1 20").closes(), error::connection_closed);
  check_failed(script().answers("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nhi").closes(),
               error::connection_closed);
  check_failed(script().answers("HTTP/1.1 200 OK\r\nContent-Length: 30000\r\n\r\nhi").closes(),
               error::connection_closed);
  check_failed(
      script().answers("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n").closes(),
      error::connection_closed);
  check_failed(
      script().answers("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n").closes(),
      error::connection_closed);
  check_failed(script().answers("no HTTP at all\r\n\r\n"), error::protocol_error);
}

BOOST_FIXTURE_TEST_CASE(a_reset_is_no_end_of_a_body, loop) {
  scripted_peer peer(context, {script().answers("HTTP/1.1 200 OK\r\n\r\npart").pauses().resets()});
  client sender(context, "127.0.0.1", peer.port);
  const call under_way = start(sender, get());
  BOOST_TEST(until([&] { return peer.is_paused(0); }));
  settle();
  peer.go_on(0);
  BOOST_TEST(end_of(under_way).error == error::connection_closed);
}

BOOST_FIXTURE_TEST_CASE(a_connection_does_not_serve_beyond_its_uses_nor_its_pool, loop) {
  scripted_peer peer(context, {script().answers(ok()).repeats()});
  client_options twice;
  twice.pool.max_uses = 2;
  client sender(context, "127.0.0.1", peer.port, twice);
  for (int i = 0; i != 4; ++i)
    BOOST_TEST(send(sender, get()).error == error_code());
  BOOST_TEST(sender.pool().stats().closed(close_reason::max_uses) == 2u);
  BOOST_TEST(peer.accepted() == 2u);

  client closed(context, "127.0.0.1", peer.port);
  const call under_way = start(closed, get());
  BOOST_TEST(until([&] { return closed.pool().stats().leased == 1; }));
  closed.pool().close();
  BOOST_TEST(end_of(under_way).error == error_code());
  BOOST_TEST(closed.pool().stats().closed(close_reason::pool_closed) == 1u);
  BOOST_TEST(send(closed, get()).error == error::pool_closed);
}

BOOST_FIXTURE_TEST_CASE(a_connection_does_not_serve_beyond_its_lifetime, loop) {
  scripted_peer peer(context, {script().answers(ok()).repeats()});
  client_options brief;
  brief.pool.max_lifetime = 1ns;
  client sender(context, "127.0.0.1", peer.port, brief);
  for (std::size_t i = 1; i <= 2; ++i) {
    BOOST_TEST(send(sender, get()).error == error_code());
    BOOST_TEST(
        until([&] { return sender.pool().stats().closed(close_reason::max_lifetime) == i; }));
  }
  BOOST_TEST(peer.accepted() == 2u);
  check_nothing_is_left(*this, sender, peer);
}

BOOST_FIXTURE_TEST_CASE(a_connection_that_new_limits_leave_no_room_for_ends_with_its_exchange,
                        loop) {
  scripted_peer peer(context, {script().hears().pauses().says(ok())});
  client sender(context, "127.0.0.1", peer.port);
  const call calls[] = {start(sender, get()), start(sender, get())};
  BOOST_TEST(until([&] { return peer.is_paused(0) && peer.is_paused(1); }));
  sender.pool().set_limits({.max_connections = 1});
  for (std::size_t i = 0; i != 2; ++i)
    peer.go_on(i);
  for (const call& each : calls)
    BOOST_TEST(end_of(each).error == error_code());
  BOOST_TEST(sender.pool().stats().idle == 1u);
  BOOST_TEST(sender.pool().stats().closed(close_reason::surplus) == 1u);
  check_nothing_is_left(*this, sender, peer);
}

BOOST_FIXTURE_TEST_CASE(scar_80_a_hint_limits_how_often_and_how_long_a_connection_is_kept, loop) {
  scripted_peer peer(context, {script().answers(ok("hi", "Keep-Alive: max=1\r\n")).answers(ok()),
                               script().answers(ok("hi", "Keep-Alive: timeout=2\r\n"))});
  client sender(context, "127.0.0.1", peer.port);
  BOOST_TEST(send(sender, get()).response.connection_id() == 1u);
  BOOST_TEST(send(sender, get()).response.connection_id() == 1u);
  BOOST_TEST(sender.pool().stats().closed(close_reason::max_uses) == 1u);

  const auto asked = std::chrono::steady_clock::now();
  BOOST_TEST(send(sender, get()).response.connection_id() == 2u);
  BOOST_TEST(sender.pool().stats().idle == 1u);
  BOOST_TEST(until([&] { return sender.pool().stats().idle == 0; }));
  BOOST_TEST((std::chrono::steady_clock::now() - asked >= 1s));
  BOOST_TEST(sender.pool().stats().closed(close_reason::idle_timeout) == 1u);
  BOOST_TEST(peer.open() <= 1u);
  check_nothing_is_left(*this, sender, peer);
}

BOOST_AUTO_TEST_CASE(scar_80_a_hint_is_read_in_seconds_and_heeded_with_a_margin_of_one) {
  httpool::fields head;
  head.add("Keep-Alive", "timeout=5, max=7");
  const httpool::detail::keep_alive_hint hint = httpool::detail::hint_of(head);
  BOOST_TEST((hint.idle_time() == std::optional(4s)));
  BOOST_TEST((hint.requests == std::optional<std::uint64_t>(7)));
  BOOST_TEST(!hint.announces_end());
}

BOOST_FIXTURE_TEST_CASE(an_upgraded_connection_ends_with_its_lease, loop) {
  request asks = with("Upgrade", "other");
  asks.fields().set("Connection", "upgrade");
  for (const bool is_taken : {true, false}) {
    scripted_peer peer(context,
                       {script().answers("HTTP/1.1 101 Switching Protocols\r\nUpgrade: other\r\n"
                                         "Connection: upgrade\r\n\r\n")});
    client sender(context, "127.0.0.1", peer.port);
    std::optional<httpool::response_stream> answer;
    sender.async_open(asks, [&](error_code ec, httpool::response_stream stream) {
      BOOST_TEST(ec == error_code());
      answer = std::move(stream);
    });
    BOOST_TEST_REQUIRE(until([&] { return answer.has_value(); }));
    if (is_taken)
      BOOST_TEST(bool(answer->upgraded()));
    answer.reset();
    BOOST_TEST(until([&] { return sender.pool().stats().leased == 0; }));
    BOOST_TEST(sender.pool().stats().closed(close_reason::dropped) == 1u);
    check_nothing_is_left(*this, sender, peer);
  }
}
