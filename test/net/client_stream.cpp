// Responses whose body is read while it comes, and what becomes of those that nobody reads to the
// end.

#include "net/stream_fixture.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/read.hpp>

#include <cstdio>
#include <optional>

using namespace client_test;

namespace {

std::string chunked(const std::string& body, std::size_t size, const std::string& trailers = "") {
  std::string text = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (std::size_t i = 0; i < body.size(); i += size) {
    const std::string part = body.substr(i, size);
    char line[32];
    std::snprintf(line, sizeof line, "%zx\r\n", part.size());
    text += line + part + "\r\n";
  }
  return text + "0\r\n" + trailers + "\r\n";
}

} // namespace

BOOST_FIXTURE_TEST_CASE(a_body_comes_in_pieces_of_any_size_and_the_connection_serves_on,
                        stream_loop) {
  const std::string body = letters(100'000);
  for (const std::string& response : {ok(body), chunked(body, 1'000), chunked(body, 70'000)})
    for (const std::size_t size : {1'000'000u, 8192u, 4096u, 100u}) {
      scripted_peer peer(context, {script().answers(response).answers(ok("next"))});
      client sender(context, "127.0.0.1", peer.port);
      opened answer = open(sender, get());
      BOOST_TEST_REQUIRE(answer.error == error_code());
      BOOST_TEST(answer.stream.head().status() == 200u);
      BOOST_TEST(answer.stream.head().connection_id() == 1u);
      BOOST_TEST(sender.pool().stats().leased == 1u);
      const piece all = read_all(answer.stream, size);
      BOOST_TEST(all.error == asio::error::eof);
      BOOST_TEST((all.text == body));
      BOOST_TEST(read(answer.stream, size).error == asio::error::eof);
      BOOST_TEST(send(sender, get()).response.connection_id() == 1u);
      check_nothing_is_left(*this, sender, peer);
    }
}

BOOST_FIXTURE_TEST_CASE(trailers_are_there_at_the_end, stream_loop) {
  scripted_peer peer(context, {script().answers(chunked("hello", 2, "Digest: x\r\n"))});
  client sender(context, "127.0.0.1", peer.port);
  opened answer = open(sender, get());
  BOOST_TEST(read_all(answer.stream, 3).text == "hello");
  BOOST_TEST(answer.stream.head().trailers().value("Digest") == "x");
}

BOOST_FIXTURE_TEST_CASE(a_response_without_a_body_gives_its_connection_back_at_once, stream_loop) {
  scripted_peer peer(context, {script()
                                   .answers("HTTP/1.1 204 No Content\r\n\r\n")
                                   .answers(ok(""))
                                   .answers("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n")});
  client sender(context, "127.0.0.1", peer.port);
  for (request message : {get(), get(), request("HEAD", "/")}) {
    opened answer = open(sender, std::move(message));
    BOOST_TEST(answer.error == error_code());
    BOOST_TEST(sender.pool().stats().idle == 1u);
    BOOST_TEST(read(answer.stream, 10).error == asio::error::eof);
  }
  BOOST_TEST(peer.accepted() == 1u);
}

BOOST_FIXTURE_TEST_CASE(a_streamed_body_has_no_limit_but_its_end_must_come, stream_loop) {
  struct row {
    script plan;
    std::string text;
    error_code end;
  };
  const std::string long_body = letters(1'000);
  const row rows[] = {
      {script().answers(ok(long_body)), long_body, asio::error::eof},
      {script().answers("HTTP/1.1 200 OK\r\n\r\nall of it").closes(), "all of it",
       asio::error::eof},
      {script().answers("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf").closes(), "half",
       error::connection_closed},
      {script()
           .answers("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
           .closes(),
       "abc", error::connection_closed},
      {script().answers("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nx\r\n"),
       "abc", error::protocol_error},
  };
  client_options small;
  small.max_body_bytes = 10;
  for (const row& one : rows) {
    scripted_peer peer(context, {one.plan});
    client sender(context, "127.0.0.1", peer.port, small);
    opened answer = open(sender, get());
    BOOST_TEST_REQUIRE(answer.error == error_code());
    const piece all = read_all(answer.stream, 64);
    BOOST_TEST(all.text == one.text);
    BOOST_TEST(all.error == one.end);
    BOOST_TEST(read(answer.stream, 64).error == one.end); // and it stays so
    check_nothing_is_left(*this, sender, peer);
  }
}

BOOST_FIXTURE_TEST_CASE(a_stream_is_an_async_read_stream, stream_loop) {
  scripted_peer peer(context, {script().answers(chunked(letters(5'000), 7))});
  client sender(context, "127.0.0.1", peer.port);
  opened answer = open(sender, get());
  std::string body;
  bool is_done = false;
  asio::async_read(answer.stream, asio::dynamic_buffer(body), [&](error_code ec, std::size_t) {
    BOOST_TEST(ec == error_code(asio::error::eof));
    is_done = true;
  });
  BOOST_TEST(until([&] { return is_done; }));
  BOOST_TEST((body == letters(5'000)));
}

BOOST_FIXTURE_TEST_CASE(a_stream_can_be_moved_even_into_itself, stream_loop) {
  scripted_peer peer(context, {script().answers(ok("body")).repeats()});
  client sender(context, "127.0.0.1", peer.port);
  opened answer = open(sender, get());
  BOOST_TEST((answer.stream.get_executor() == context.get_executor()));
  response_stream& also = answer.stream;
  answer.stream = std::move(also);
  response_stream moved = std::move(answer.stream);
  BOOST_TEST(read_all(moved, 64).text == "body");
  moved = open(sender, get()).stream;
  BOOST_TEST(read_all(moved, 64).text == "body");
  check_nothing_is_left(*this, sender, peer);
}

BOOST_FIXTURE_TEST_CASE(the_rest_of_a_dropped_body_is_thrown_away_if_it_is_short, stream_loop) {
  struct row {
    std::string response;
    bool is_kept;
  };
  const row rows[] = {
      {ok(letters(60'000)), true},
      {chunked(letters(60'000), 1'000), true},
      {ok(letters(90'000)), false},
      {chunked(letters(900'000), 10'000), false},
      {ok(letters(60'000)).substr(0, 30'000), false}, // and the rest does not come within 50 ms
  };
  for (const row& one : rows)
    for (const bool has_read : {true, false}) {
      scripted_peer peer(context, {script().answers(one.response).answers(ok("next"))});
      client sender(context, "127.0.0.1", peer.port);
      {
        opened answer = open(sender, get());
        if (has_read)
          BOOST_TEST(read(answer.stream, 10).text == letters(10));
      }
      BOOST_TEST(until([&] { return sender.pool().stats().leased == 0; }));
      BOOST_TEST(sender.pool().stats().idle == one.is_kept, one.response.substr(0, 50));
      if (one.is_kept)
        BOOST_TEST(send(sender, get()).response.body() == "next");
      check_nothing_is_left(*this, sender, peer);
    }
}

BOOST_FIXTURE_TEST_CASE(scar_57_a_body_that_nobody_read_for_a_while_leaves_no_pause_behind,
                        stream_loop) {
  constexpr std::size_t more_than_buffers_take = 20'000'000;
  scripted_peer peer(context,
                     {script().answers(ok(letters(more_than_buffers_take))).answers(ok("next"))});
  client sender(context, "127.0.0.1", peer.port);
  opened answer = open(sender, get());
  settle();
  BOOST_TEST(read_all(answer.stream, 1'000'000).text.size() == more_than_buffers_take);
  BOOST_TEST(send(sender, get()).response.body() == "next");
  BOOST_TEST(peer.accepted() == 1u);
}

BOOST_FIXTURE_TEST_CASE(a_read_can_be_cancelled_which_costs_the_connection, stream_loop) {
  scripted_peer peer(context, {script().answers(ok(letters(100)).substr(0, 60))});
  client sender(context, "127.0.0.1", peer.port);
  opened answer = open(sender, get());
  BOOST_TEST(read(answer.stream, 1'000).error == error_code());
  asio::cancellation_signal signal;
  std::string room(10, ' ');
  std::optional<error_code> end;
  answer.stream.async_read_some(
      asio::buffer(room),
      asio::bind_cancellation_slot(signal.slot(), [&](error_code ec, std::size_t) { end = ec; }));
  settle();
  signal.emit(asio::cancellation_type::total);
  BOOST_TEST(until([&] { return end.has_value(); }));
  BOOST_TEST(*end == error_code(asio::error::operation_aborted));
  signal.emit(asio::cancellation_type::total); // too late, and harmless
  BOOST_TEST(sender.pool().stats().total() == 0u);
}

BOOST_FIXTURE_TEST_CASE(reads_meet_the_deadlines, stream_loop) {
  for (const bool between : {true, false}) {
    scripted_peer peer(context, {script().answers(ok(letters(100)).substr(0, 60))});
    client sender(context, "127.0.0.1", peer.port);
    send_options options;
    (between ? options.read_timeout : options.timeout) = 20ms;
    opened answer = open(sender, get(), options);
    BOOST_TEST(read(answer.stream, 1'000).error == error_code());
    const piece late = read(answer.stream, 1'000);
    BOOST_TEST(late.error == (between ? error::read_timeout : error::exchange_timeout));
    BOOST_TEST(sender.pool().stats().total() == 0u);
  }
}

BOOST_FIXTURE_TEST_CASE(a_stream_outlives_its_client, loop) {
  for (const std::size_t come : {0u, 20u}) {
    scripted_peer peer(context, {script().answers(ok(letters(100)).substr(0, 40 + come))});
    asio::io_context short_lived;
    response_stream kept;
    std::string room(10, ' ');
    {
      client sender(short_lived, "127.0.0.1", peer.port);
      sender.async_open(get(),
                        [&](error_code, response_stream stream) { kept = std::move(stream); });
      while (!kept) {
        short_lived.poll();
        settle();
      }
    }
    // Its handler is dropped with the context.
    kept.async_read_some(asio::buffer(room),
                         [](error_code, std::size_t) { BOOST_ERROR("called"); });
  }
}

// Another protocol --------------------------------------------------------------------------------

BOOST_FIXTURE_TEST_CASE(a_protocol_is_changed_only_if_that_was_asked_for, stream_loop) {
  const std::string go = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\n"
                         "Connection: upgrade\r\n\r\nhello";
  request asks = get();
  asks.fields().set("Upgrade", "echo");
  asks.fields().set("Connection", "upgrade");
  {
    scripted_peer peer(context, {script().hears_head().says(go).hears_bytes(5).says("world")});
    client sender(context, "127.0.0.1", peer.port);
    opened answer = open(sender, asks);
    BOOST_TEST(answer.error == error_code());
    BOOST_TEST(answer.stream.head().status() == 101u);
    BOOST_TEST(read(answer.stream, 64).error == asio::error::eof); // what comes is no body
    httpool::lease changed = answer.stream.upgraded();
    BOOST_TEST_REQUIRE(bool(changed));
    BOOST_TEST(!answer.stream.upgraded());
    BOOST_TEST(changed.buffer().size() == 5u);
    tcp::socket socket = changed.detach();
    bool has_answered = false;
    std::string room(5, ' ');
    asio::write(socket, asio::buffer("ping!", 5));
    asio::async_read(socket, asio::buffer(room),
                     [&](error_code, std::size_t) { has_answered = true; });
    BOOST_TEST(until([&] { return has_answered; }));
    BOOST_TEST(room == "world");
    BOOST_TEST(sender.pool().stats().total() == 0u);
  }
  {
    scripted_peer peer(context, {script().hears_head().says(go)});
    client sender(context, "127.0.0.1", peer.port);
    BOOST_TEST(open(sender, get()).error == error::protocol_error);
    BOOST_TEST(send(sender, asks).error == error::protocol_error); // nobody could take it over
    { const opened dropped = open(sender, asks); }
    BOOST_TEST(until([&] { return sender.pool().stats().total() == 0; }));
  }
}
