// Exchanges over TLS: bodies both ways, ends, deadlines, and cancellation at each step.

#include "net/tls_loop.hpp"

#include <httpool/exchange_trace.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <memory>
#include <optional>
#include <sstream>

using namespace client_test;

namespace {

constexpr int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
constexpr std::size_t large = 300'000;

body_source pieces_of(const std::string& text, std::size_t size, bool is_sized) {
  const auto at = std::make_shared<std::size_t>(0);
  return body_source(
      [text, size, at](asio::mutable_buffer room) -> asio::awaitable<std::size_t> {
        const std::size_t got =
            asio::buffer_copy(asio::buffer(room, size), asio::buffer(text) + *at);
        *at += got;
        co_return got;
      },
      is_sized ? std::optional<std::uint64_t>(text.size()) : std::nullopt);
}

std::string chunked(const std::string& text) {
  std::ostringstream out;
  for (std::size_t at = 0; at < text.size(); at += 40'000) {
    const std::string piece = text.substr(at, 40'000);
    out << std::hex << piece.size() << "\r\n" << piece << "\r\n";
  }
  out << "0\r\n\r\n";
  return out.str();
}

tls_script then(tls_script plan, const tls_script& more) {
  plan.steps.insert(plan.steps.end(), more.steps.begin(), more.steps.end());
  return plan;
}

} // namespace

BOOST_FIXTURE_TEST_CASE(a_truncated_response_is_told_from_a_whole_one, tls_loop) {
  struct row {
    tls_script end;
    error_code result;
  };
  const row rows[] = {
      {tls_script().says_end().closes(), {}},
      {tls_script().says_end(), {}},
      {tls_script().closes(), error::connection_closed},
      {tls_script().finishes(), error::connection_closed},
  };
  for (const int version : versions)
    for (const char* response : {"HTTP/1.1 200 OK\r\n\r\nhalf", "HTTP/1.0 200 OK\r\n\r\nhalf"})
      for (const row& one : rows) {
        server_options server = good();
        server.max_version = version;
        tls_peer peer(context, server,
                      {then(tls_script().handshakes().answers(response), one.end)});
        client sender(context, https_to(peer), trusting());
        const outcome came = send(sender, get());
        BOOST_TEST(came.error == one.result);
        if (!came.error)
          BOOST_TEST(came.response.body() == "half");
        opened streamed = open(sender, get());
        BOOST_TEST(streamed.error == error_code());
        const piece all = read_all(streamed.stream, 3);
        BOOST_TEST(all.text == "half");
        BOOST_TEST(all.error == (one.result ? one.result : error_code(asio::error::eof)));
        streamed.stream = response_stream();
        check_nothing_is_left(*this, sender, peer);
      }
}

BOOST_FIXTURE_TEST_CASE(a_response_with_a_length_needs_no_word_of_the_end, tls_loop) {
  tls_peer peer(context, good(), {tls_script().handshakes().answers(ok()).closes()});
  client sender(context, https_to(peer), trusting());
  BOOST_TEST(send(sender, get()).response.body() == "hi");
  tls_peer cut(context, good(),
               {tls_script()
                    .handshakes()
                    .answers("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhi")
                    .says_end()
                    .closes()});
  client unlucky(context, https_to(cut), trusting());
  BOOST_TEST(send(unlucky, get()).error == error::connection_closed);
}

BOOST_FIXTURE_TEST_CASE(a_context_may_end_while_an_encrypted_exchange_waits, tls_loop) {
  for (const bool context_first : {true, false}) {
    tls_peer peer(context, good(), {tls_script().handshakes().answers(ok()).hears().pauses()});
    auto own = std::make_unique<asio::io_context>();
    auto sender = std::make_unique<client>(*own, https_to(peer), trusting());
    const auto runs_both_until = [&](auto condition) {
      return until([&] {
        own->restart();
        own->poll();
        return condition();
      });
    };
    const request question = get();
    client_response answer;
    const auto alive = std::make_shared<int>();
    bool has_answer = false;
    sender->async_send(question, answer, [&has_answer](error_code) { has_answer = true; });
    BOOST_TEST(runs_both_until([&] { return has_answer; }));
    sender->async_send(question, answer, [alive](error_code) { BOOST_TEST(false); });
    BOOST_TEST(runs_both_until([&] { return peer.heard.size() == 2; }));
    if (!context_first)
      sender.reset(); // the last who would have the exchange's memory
    own.reset();
    BOOST_TEST(alive.use_count() == 1);
  }
}

BOOST_FIXTURE_TEST_CASE(large_bodies_travel_both_ways, tls_loop) {
  const std::string body = letters(large);
  for (const int version : versions)
    for (const bool is_chunked : {false, true}) {
      server_options server = good();
      server.max_version = version;
      const std::string answer =
          is_chunked ? "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked(body)
                     : ok(body);
      tls_peer peer(context, server, {serves(answer)});
      client sender(context, https_to(peer), trusting());
      const outcome whole = send(sender, post(body));
      BOOST_TEST(whole.error == error_code());
      BOOST_TEST((whole.response.body() == body));
      BOOST_TEST(peer.heard.at(0).ends_with("\r\n\r\n" + body));
      for (const std::size_t size : {1u << 20, 5'000u}) {
        opened sourced = open(sender, request("PUT", "/"), {}, pieces_of(body, size, !is_chunked));
        BOOST_TEST(sourced.error == error_code());
        const piece all = read_all(sourced.stream, 7'000);
        BOOST_TEST(all.error == asio::error::eof);
        BOOST_TEST((all.text == body));
        sourced.stream = response_stream();
      }
      BOOST_TEST(peer.accepted == 1u);
      check_nothing_is_left(*this, sender, peer);
    }
}

/// Both directions of one connection are busy at once.
BOOST_FIXTURE_TEST_CASE(a_body_can_go_while_another_comes, tls_loop) {
  const std::string body = letters(large);
  tls_peer peer(context, good(),
                {tls_script()
                     .handshakes()
                     .hears_head()
                     .says("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
                     .echoes_chunks()
                     .answers(ok())});
  client sender(context, https_to(peer), trusting());
  opened both = open(sender, post(""), {}, pieces_of(body, 9'000, false));
  BOOST_TEST(both.error == error_code());
  const piece all = read_all(both.stream, 5'000);
  BOOST_TEST(all.error == asio::error::eof);
  BOOST_TEST((all.text == body));
  both.stream = response_stream();
  BOOST_TEST(send(sender, get()).response.connection_id() == 1u);
  check_nothing_is_left(*this, sender, peer);
}

BOOST_FIXTURE_TEST_CASE(expectations_are_met_over_tls, tls_loop) {
  tls_peer peer(context, good(),
                {tls_script()
                     .handshakes()
                     .hears_head()
                     .says("HTTP/1.1 100 Continue\r\n\r\n")
                     .hears_bytes(5)
                     .says(ok())
                     .hears_head()
                     .says("HTTP/1.1 417 No\r\nContent-Length: 0\r\n\r\n")});
  client_options options = trusting();
  options.continue_timeout = patience;
  client sender(context, https_to(peer), options);
  request message = post();
  message.fields().set("Expect", "100-continue");
  BOOST_TEST(send(sender, message).response.status() == 200u);
  BOOST_TEST(peer.heard.at(1) == "order");
  BOOST_TEST(send(sender, message).response.status() == 417u);
  check_nothing_is_left(*this, sender, peer);
}

BOOST_FIXTURE_TEST_CASE(deadlines_hold_over_tls, tls_loop) {
  struct row {
    const char* response;
    std::optional<std::chrono::nanoseconds> send_options::*which;
    error result;
  };
  constexpr auto half = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhi";
  const row rows[] = {
      {"", &send_options::first_byte_timeout, error::first_byte_timeout},
      {"", &send_options::timeout, error::exchange_timeout},
      {"HTTP/1.1 2", &send_options::timeout, error::exchange_timeout},
      {half, &send_options::timeout, error::exchange_timeout},
      {half, &send_options::read_timeout, error::read_timeout},
  };
  for (const int version : versions)
    for (const row& one : rows) {
      server_options server = good();
      server.max_version = version;
      tls_peer peer(context, server,
                    {tls_script().handshakes().answers(ok()).answers(one.response), serves()});
      client sender(context, https_to(peer), trusting());
      warm_up(sender);
      send_options brief;
      brief.*one.which = 30ms;
      BOOST_TEST(send(sender, post(), brief).error == one.result);
      BOOST_TEST(send(sender, get()).response.connection_id() == 2u);
      check_nothing_is_left(*this, sender, peer);
    }
}

/// At every step of the loop in turn, so that no moment is left out: of the dial, of the handshake,
/// of writing and of reading.
BOOST_FIXTURE_TEST_CASE(a_cancellation_at_any_step_leaves_nothing_behind_over_tls, tls_loop) {
  const server_options server = good();
  { const tls_peer makes_the_context_open_its_own(context, server, {serves()}); }
  settle();
  const std::size_t before = descriptors();
  for (const auto type : {asio::cancellation_type::terminal, asio::cancellation_type::total})
    for (const bool has_idle : {false, true})
      for (int step = 0; step != 40; ++step) {
        tls_peer peer(context, server, {serves()});
        client_options one = trusting();
        one.pool.max_connections = 1;
        client sender(context, https_to(peer), one);
        if (has_idle)
          warm_up(sender);
        asio::cancellation_signal signal;
        const auto under_way = std::make_shared<outcome>();
        sender.async_send(post(std::string(20'000, 'x')),
                          asio::bind_cancellation_slot(signal.slot(), into(under_way)));
        const call waits = start(sender, get());
        for (int i = 0; i != step; ++i) {
          context.restart();
          context.poll_one();
        }
        signal.emit(type);
        const error_code ec = end_of(under_way).error;
        BOOST_TEST((!ec || ec == asio::error::operation_aborted), ec);
        BOOST_TEST(end_of(waits).error == error_code());
        BOOST_TEST(sender.pool().stats().total() <= 1u);
        check_nothing_is_left(*this, sender, peer);
      }
  settle();
  BOOST_TEST(descriptors() == before);
}

BOOST_FIXTURE_TEST_CASE(a_trace_tells_when_the_connection_was_secured, tls_loop) {
  struct : httpool::exchange_trace {
    void got_connection(const httpool::traced_connection& c) override { seen = c; }
    httpool::traced_connection seen;
  } told;
  for (const int version : versions) {
    server_options server = good();
    server.max_version = version;
    tls_peer peer(context, server, {tls_script().handshakes().answers(ok()).answers(ok())});
    client sender(context, https_to(peer), trusting());
    BOOST_TEST(send(sender, get(), {.trace = &told}).error == error_code());
    const httpool::traced_dial made = told.seen.dial;
    BOOST_TEST_REQUIRE(made.secured.has_value());
    BOOST_TEST((made.began <= made.connected));
    BOOST_TEST((made.connected <= *made.secured));
    BOOST_TEST((*made.secured <= made.ended));
    BOOST_TEST(send(sender, get(), {.trace = &told}).error == error_code());
    BOOST_TEST(told.seen.reused);
    BOOST_TEST((told.seen.dial.secured == made.secured));
  }
}
