// Which requests are sent a second time, and which never. The rows, and tests that fail when one is
// changed:
//
//   kept connection, nothing written, any request     scar_74_what_was_not_even_begun_...
//   kept, written, idempotent, can begin again        scar_74_an_idempotent_request_survives_...
//   kept, written, marked safe                        a_call_says_whether_..._was_written_...
//   kept, written, other requests                     scar_77_a_request_that_may_have_had_...
//   fresh connection                                  scar_76_a_fresh_connection_allows_none
//   a byte of a response, a timeout, malformed        one_byte_of_a_response_..., scar_81_...
//   over a fresh dial, and once                       the_second_try_has_..., a_request_is_sent_...

#include "net/client_fixture.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/error.hpp>

#include <optional>
#include <stdexcept>
#include <utility>

#include <poll.h>

using namespace client_test;

namespace {

/// A connection that serves once and then plays `end`, and healthy ones.
std::vector<script> one_that_then(script end) {
  script first = script().answers(ok("first"));
  for (script::step& next : end.steps)
    first.steps.push_back(std::move(next));
  return {std::move(first), script().answers(ok("again")).repeats()};
}

/// What comes of a request whose connection dies before the first byte is written.
///
/// An idle connection goes to somebody who leaves before it is delivered, and on to the client,
/// whose step it then waits for: the only moment between the look at it and the first byte.
outcome end_of_unbegun(loop& run, request message, send_options how = {}) {
  scripted_peer peer(run.context, one_that_then(script().hears()));
  client_options one;
  one.pool.max_connections = 1;
  client sender(run.context, "127.0.0.1", peer.port, one);
  run.warm_up(sender);

  auto elsewhere = std::make_unique<asio::io_context>();
  sender.pool().async_acquire(
      asio::bind_executor(elsewhere->get_executor(), [](error_code, httpool::lease) {}));
  const call under_way = start(sender, std::move(message), how);
  BOOST_TEST(sender.pool().stats().waiting == 1u);
  elsewhere.reset();
  BOOST_TEST(sender.pool().stats().leased == 1u);
  peer.reset(0);

  const outcome end = run.end_of(under_way);
  BOOST_TEST(peer.heard.size() == (end.error ? 1u : 2u));
  return end;
}

} // namespace

// Kept before, no byte of a response --------------------------------------------------------------

BOOST_FIXTURE_TEST_CASE(scar_74_an_idempotent_request_survives_the_end_of_an_idle_connection,
                        loop) {
  for (const char* method : {"GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE"})
    for (const bool resets : {false, true}) {
      script end = script().hears();
      scripted_peer peer(context,
                         one_that_then(resets ? std::move(end).resets() : std::move(end).closes()));
      client sender(context, "127.0.0.1", peer.port);
      warm_up(sender);
      const outcome second = send(sender, request(method, "/"));
      BOOST_TEST(second.error == error_code());
      BOOST_TEST(second.response.attempts() == 2u);
      BOOST_TEST(second.response.connection_id() == 2u);
      BOOST_TEST(!second.response.reused());
      BOOST_TEST_REQUIRE(peer.heard.size() == 3u);
      BOOST_TEST(peer.heard[1] == peer.heard[2]);
      BOOST_TEST(peer.accepted() == 2u);
      BOOST_TEST(sender.pool().stats().peak_total == 1u);
      check_nothing_is_left(*this, sender, peer);
    }
}

BOOST_FIXTURE_TEST_CASE(a_body_is_sent_again_whole, loop) {
  request put("PUT", "/file");
  put.body(std::string(100'000, 'p'));
  put.trailers().add("X-Sum", "1");
  scripted_peer peer(context, one_that_then(script().hears().closes()));
  client sender(context, "127.0.0.1", peer.port);
  warm_up(sender);
  BOOST_TEST(send(sender, put).response.body() == "again");
  BOOST_TEST_REQUIRE(peer.heard.size() == 3u);
  BOOST_TEST((peer.heard[1] == peer.heard[2]));
}

BOOST_FIXTURE_TEST_CASE(scar_77_a_request_that_may_have_had_its_effect_is_never_sent_twice, loop) {
  for (const char* method : {"POST", "PATCH", "PURGE", "get"})
    for (const bool resets : {false, true}) {
      script end = script().hears();
      scripted_peer peer(context,
                         one_that_then(resets ? std::move(end).resets() : std::move(end).closes()));
      client sender(context, "127.0.0.1", peer.port);
      warm_up(sender);
      BOOST_TEST(send(sender, request(method, "/")).error == error::connection_closed);
      settle();
      BOOST_TEST(peer.heard.size() == 2u);
      BOOST_TEST(peer.accepted() == 1u);
    }
}

BOOST_FIXTURE_TEST_CASE(scar_74_what_was_not_even_begun_is_sent_again_whatever_it_is, loop) {
  const outcome end = end_of_unbegun(*this, post());
  BOOST_TEST(end.error == error_code());
  BOOST_TEST(end.response.attempts() == 2u);
}

BOOST_FIXTURE_TEST_CASE(a_request_is_sent_again_once_and_not_twice, loop) {
  std::vector<script> plans = one_that_then(script().hears().closes());
  plans.insert(plans.begin() + 1, script().hears().closes());
  scripted_peer peer(context, plans);
  client sender(context, "127.0.0.1", peer.port);
  warm_up(sender);
  BOOST_TEST(send(sender, get()).error == error::connection_closed);
  settle();
  BOOST_TEST(peer.heard.size() == 3u);
  BOOST_TEST(peer.accepted() == 2u);
}

BOOST_FIXTURE_TEST_CASE(the_second_try_has_a_connection_of_its_own_though_others_are_idle, loop) {
  const script dies = script().answers(ok()).hears().closes();
  scripted_peer peer(context, {dies, dies, dies, script().answers(ok("again"))});
  client sender(context, "127.0.0.1", peer.port);
  const call calls[] = {start(sender, get()), start(sender, get()), start(sender, get())};
  for (const call& each : calls)
    BOOST_TEST(end_of(each).error == error_code());
  BOOST_TEST(sender.pool().stats().idle == 3u);
  const outcome end = send(sender, get());
  BOOST_TEST(end.response.body() == "again");
  BOOST_TEST(end.response.connection_id() == 4u);
  BOOST_TEST(sender.pool().stats().idle == 3u);
}

BOOST_FIXTURE_TEST_CASE(scar_53_connections_that_died_while_idle_burn_no_retry, loop) {
  const script dies = script().answers(ok()).closes();
  scripted_peer peer(context, {dies, dies, dies, script().answers(ok("fresh"))});
  client sender(context, "127.0.0.1", peer.port);
  const call calls[] = {start(sender, get()), start(sender, get()), start(sender, get())};
  for (const call& each : calls)
    BOOST_TEST(end_of(each).error == error_code());
  BOOST_TEST(until([&] { return peer.open() == 0; }));
  const outcome end = send(sender, post());
  BOOST_TEST(end.response.body() == "fresh");
  BOOST_TEST(end.response.attempts() == 1u);
}

BOOST_FIXTURE_TEST_CASE(a_response_that_is_read_piece_by_piece_may_come_with_the_second_try, loop) {
  scripted_peer peer(context, one_that_then(script().hears().closes()));
  client sender(context, "127.0.0.1", peer.port);
  warm_up(sender);
  std::optional<httpool::response_stream> answer;
  sender.async_open(get(), [&](error_code ec, httpool::response_stream stream) {
    BOOST_TEST(ec == error_code());
    answer = std::move(stream);
  });
  BOOST_TEST_REQUIRE(until([&] { return answer.has_value(); }));
  BOOST_TEST_REQUIRE(bool(*answer));
  BOOST_TEST(answer->head().attempts() == 2u);
  std::string room(10, ' ');
  std::optional<std::size_t> size;
  answer->async_read_some(asio::buffer(room), [&](error_code, std::size_t got) { size = got; });
  BOOST_TEST(until([&] { return size.has_value(); }));
  BOOST_TEST(room.substr(0, *size) == "again");
}

BOOST_FIXTURE_TEST_CASE(a_dial_that_fails_the_second_try_gives_its_error, loop) {
  scripted_peer peer(context, one_that_then(script().hears().pauses().closes()));
  client sender(context, "127.0.0.1", peer.port);
  warm_up(sender);
  const call under_way = start(sender, get());
  BOOST_TEST(until([&] { return peer.is_paused(0); }));
  peer.refuse();
  peer.go_on(0);
  BOOST_TEST(end_of(under_way).error == error::connection_refused);
  BOOST_TEST(sender.pool().stats().total() == 0u);
}

/// The system completes the dial for a server that has not accepted it yet, and then ends.
BOOST_FIXTURE_TEST_CASE(a_dial_into_a_server_that_is_ending_says_that_the_peer_closed, loop) {
  tcp::acceptor acceptor(context, tcp::endpoint(asio::ip::address_v4::loopback(), 0));
  client sender(context, "127.0.0.1", acceptor.local_endpoint().port());
  const call under_way = start(sender, get());
  pollfd caller{acceptor.native_handle(), POLLIN, 0};
  BOOST_TEST_REQUIRE(until([&] { return ::poll(&caller, 1, 0) == 1; }));
  acceptor.close();
  BOOST_TEST(end_of(under_way).error == error::connection_closed);
  BOOST_TEST(sender.pool().stats().total() == 0u);
}

// What a call says of its request -----------------------------------------------------------------

BOOST_FIXTURE_TEST_CASE(a_call_says_whether_a_request_that_was_written_may_be_sent_again, loop) {
  using httpool::replay;
  struct row {
    const char* method;
    std::optional<replay> said;
    bool is_sent_again;
  };
  constexpr row rows[] = {
      {"GET", {}, true},
      {"GET", replay::safe, true},
      {"GET", replay::if_unsent, false},
      {"GET", replay::never, false},
      {"POST", {}, false},
      {"POST", replay::safe, true},
      {"POST", replay::if_unsent, false},
      {"POST", replay::never, false},
  };
  for (const row& one : rows) {
    scripted_peer peer(context, one_that_then(script().hears().closes()));
    client sender(context, "127.0.0.1", peer.port);
    warm_up(sender);
    send_options how;
    how.replay = one.said;
    const outcome end = send(sender, request(one.method, "/"), how);
    settle();
    BOOST_TEST(peer.heard.size() == (one.is_sent_again ? 3u : 2u));
    BOOST_TEST(peer.accepted() == (one.is_sent_again ? 2u : 1u));
    if (one.is_sent_again) {
      BOOST_TEST(end.error == error_code());
      BOOST_TEST(end.response.attempts() == 2u);
    } else {
      BOOST_TEST(end.error == error::connection_closed);
    }
  }
}

BOOST_FIXTURE_TEST_CASE(a_call_says_whether_a_request_that_was_not_begun_may_be_sent_again, loop) {
  using httpool::replay;
  for (const char* method : {"GET", "POST"})
    for (const auto said : {replay::safe, replay::if_unsent, replay::never}) {
      send_options how;
      how.replay = said;
      const outcome end = end_of_unbegun(*this, request(method, "/"), how);
      if (said == replay::never) {
        BOOST_TEST(end.error == error::connection_closed);
      } else {
        BOOST_TEST(end.error == error_code());
        BOOST_TEST(end.response.attempts() == 2u);
      }
    }
}

/// The source need not begin again if nothing of it was asked for.
BOOST_FIXTURE_TEST_CASE(a_produced_body_that_waits_for_leave_has_not_been_used, loop) {
  scripted_peer peer(context, {script().answers(ok()).hears_head().closes(),
                               script().hears_head().says(ok("again"))});
  client_options patient;
  patient.continue_timeout = 1h;
  client sender(context, "127.0.0.1", peer.port, patient);
  warm_up(sender);
  int pieces = 0;
  httpool::body_source once(
      [&](asio::mutable_buffer) -> asio::awaitable<std::size_t> {
        ++pieces;
        co_return 0;
      },
      {});
  request put("PUT", "/");
  put.fields().set("Expect", "100-continue");
  const auto result = std::make_shared<outcome>();
  sender.async_send(put, std::move(once), {}, into(result));
  BOOST_TEST(end_of(result).response.attempts() == 2u);
  BOOST_TEST(peer.accepted() == 2u);
  BOOST_TEST(pieces == 0);
}

BOOST_FIXTURE_TEST_CASE(a_source_that_fails_or_cannot_begin_again_ends_the_call, loop) {
  for (const bool fails : {true, false}) {
    scripted_peer peer(context, one_that_then(script().hears().closes()));
    client sender(context, "127.0.0.1", peer.port);
    warm_up(sender);
    int begun_again = 0;
    httpool::body_source broken(
        [fails](asio::mutable_buffer) -> asio::awaitable<std::size_t> {
          if (fails)
            throw std::runtime_error("nothing there");
          co_return 5;
        },
        5,
        [&] {
          if (++begun_again == 1)
            throw std::runtime_error("no way back");
        });
    const auto result = std::make_shared<outcome>();
    sender.async_send(request("PUT", "/"), std::move(broken), {}, into(result));
    BOOST_TEST(end_of(result).error == error::body_source_failed);
    BOOST_TEST(begun_again == (fails ? 0 : 1));
    settle();
    BOOST_TEST(peer.accepted() == 1u);
    check_nothing_is_left(*this, sender, peer);
  }
}

BOOST_FIXTURE_TEST_CASE(a_cancelled_call_is_not_sent_again, loop) {
  scripted_peer peer(context, one_that_then(script().hears().pauses().closes()));
  client sender(context, "127.0.0.1", peer.port);
  warm_up(sender);
  asio::cancellation_signal signal;
  const auto result = std::make_shared<outcome>();
  sender.async_send(get(), asio::bind_cancellation_slot(signal.slot(), into(result)));
  BOOST_TEST(until([&] { return peer.is_paused(0); }));
  signal.emit(asio::cancellation_type::terminal);
  peer.go_on(0);
  BOOST_TEST(end_of(result).error == asio::error::operation_aborted);
  settle();
  BOOST_TEST(peer.accepted() == 1u);
}

// Whether it had been kept ------------------------------------------------------------------------

BOOST_FIXTURE_TEST_CASE(scar_75_a_connection_that_was_idle_but_never_served_allows_the_retry,
                        loop) {
  scripted_peer peer(context, {script().hears().closes(), script().answers(ok("again"))});
  client sender(context, "127.0.0.1", peer.port);
  sender.pool().prewarm(1);
  BOOST_TEST(until([&] { return sender.pool().stats().idle == 1; }));
  const outcome end = send(sender, get());
  BOOST_TEST(end.error == error_code());
  BOOST_TEST(end.response.attempts() == 2u);
}

/// The peer may close what it has kept at any time, and not only while it is idle (RFC 9112 §9.5).
BOOST_FIXTURE_TEST_CASE(scar_74_a_connection_handed_over_hot_allows_the_retry_too, loop) {
  scripted_peer peer(context, one_that_then(script().hears().closes()));
  client_options one;
  one.pool.max_connections = 1;
  client sender(context, "127.0.0.1", peer.port, one);
  const call first = start(sender, get());
  const call second = start(sender, get());
  BOOST_TEST(end_of(first).error == error_code());
  BOOST_TEST(end_of(second).error == error_code());
  BOOST_TEST(end_of(second).response.attempts() == 2u);
  BOOST_TEST(peer.heard.size() == 3u);
  BOOST_TEST(peer.accepted() == 2u);
}

BOOST_FIXTURE_TEST_CASE(scar_76_a_fresh_connection_allows_none, loop) {
  for (const bool resets : {false, true}) {
    script plan = resets ? script().hears().resets() : script().hears().closes();
    scripted_peer peer(context, {std::move(plan)});
    client sender(context, "127.0.0.1", peer.port);
    BOOST_TEST(send(sender, get()).error == error::connection_closed);
    settle();
    BOOST_TEST(peer.heard.size() == 1u);
    BOOST_TEST(peer.accepted() == 1u);
  }
}

// A byte of a response, or no end of the connection -----------------------------------------------

BOOST_FIXTURE_TEST_CASE(one_byte_of_a_response_rules_the_retry_out, loop) {
  for (const char* bytes : {"H", "HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 200 OK\r\n"}) {
    scripted_peer peer(context, one_that_then(script().hears().says(bytes).closes()));
    client sender(context, "127.0.0.1", peer.port);
    warm_up(sender);
    BOOST_TEST(send(sender, get()).error == error::connection_closed);
    settle();
    BOOST_TEST(peer.heard.size() == 2u);
  }
}

BOOST_FIXTURE_TEST_CASE(a_malformed_response_rules_the_retry_out, loop) {
  scripted_peer peer(context, one_that_then(script().answers("\x16\x03\x01 what?\r\n\r\n")));
  client sender(context, "127.0.0.1", peer.port);
  warm_up(sender);
  BOOST_TEST(send(sender, get()).error == error::protocol_error);
  settle();
  BOOST_TEST(peer.heard.size() == 2u);
}

BOOST_FIXTURE_TEST_CASE(scar_81_a_late_response_rules_the_retry_out, loop) {
  scripted_peer peer(context, one_that_then(script().hears()));
  client sender(context, "127.0.0.1", peer.port);
  warm_up(sender);
  send_options soon;
  soon.timeout = 30ms;
  BOOST_TEST(send(sender, get(), soon).error == error::exchange_timeout);
  BOOST_TEST(until([&] { return peer.open() == 0; }));
  BOOST_TEST(peer.heard.size() == 2u);
  BOOST_TEST(peer.accepted() == 1u);
}

// What may not be sent again ----------------------------------------------------------------------

BOOST_FIXTURE_TEST_CASE(what_may_not_be_sent_again_goes_over_a_fresh_connection_if_it_can, loop) {
  client_options strict;
  strict.unsafe_max_idle = 0ns; // whatever is idle has been so for too long
  scripted_peer peer(context, {script().answers(ok()).repeats()});
  client sender(context, "127.0.0.1", peer.port, strict);
  warm_up(sender);
  BOOST_TEST(send(sender, get()).response.connection_id() == 1u);
  BOOST_TEST(send(sender, post()).response.connection_id() == 2u);
  send_options may_repeat;
  may_repeat.replay = httpool::replay::safe;
  BOOST_TEST(send(sender, post(), may_repeat).response.reused());
  BOOST_TEST(peer.accepted() == 2u);

  client_options single = strict;
  single.pool.max_connections = 1;
  scripted_peer other(context, {script().answers(ok()).repeats()});
  client crowded(context, "127.0.0.1", other.port, single);
  warm_up(crowded);
  BOOST_TEST(send(crowded, post()).response.connection_id() == 1u); // there is room for no other
}
