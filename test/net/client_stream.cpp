// Bodies piece by piece: of responses that are read while they come, of requests that are produced
// while they are sent, and what becomes of those that nobody reads to the end.

#include "net/client_fixture.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <cstdio>
#include <cstdlib>
#include <optional>
#include <stdexcept>

#include <unistd.h>

using namespace client_test;
using httpool::body_source;
using httpool::response_stream;

namespace {

struct opened {
  bool is_done = false;
  error_code error;
  response_stream stream;
};

struct stream_loop : loop {
  opened open(client& sender, request message, send_options options = {}, body_source body = {}) {
    opened result;
    sender.async_open(std::move(message), std::move(body), options,
                      [&](error_code ec, response_stream stream) {
                        result.error = ec;
                        result.stream = std::move(stream);
                        result.is_done = true;
                      });
    BOOST_TEST_REQUIRE(until([&] { return result.is_done; }));
    return result;
  }

  struct piece {
    error_code error;
    std::string text;
  };

  piece read(response_stream& stream, std::size_t size) {
    std::string room(size, '?');
    bool is_done = false;
    piece result;
    stream.async_read_some(asio::buffer(room), [&](error_code ec, std::size_t got) {
      result.error = ec;
      room.resize(got);
      is_done = true;
    });
    BOOST_TEST_REQUIRE(until([&] { return is_done; }));
    result.text = room;
    return result;
  }

  /// Reads to the end, which must be one.
  piece read_all(response_stream& stream, std::size_t size) {
    piece all;
    for (;;) {
      const piece next = read(stream, size);
      all.text += next.text;
      all.error = next.error;
      if (next.error)
        return all;
    }
  }
};

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

std::string letters(std::size_t size) {
  std::string text(size, ' ');
  for (std::size_t i = 0; i != size; ++i)
    text[i] = static_cast<char>('a' + i * 7 % 26);
  return text;
}

/// Gives `text` in pieces of at most `size` bytes.
body_source pieces_of(const std::string& text, std::size_t size, bool is_sized, bool can_rewind) {
  struct state {
    std::string text;
    std::size_t at = 0;
  };
  const auto where = std::make_shared<state>(state{text});
  return body_source(
      [where, size](asio::mutable_buffer room) -> asio::awaitable<std::size_t> {
        const std::size_t got =
            asio::buffer_copy(asio::buffer(room, size), asio::buffer(where->text) + where->at);
        where->at += got;
        co_return got;
      },
      is_sized ? std::optional<std::uint64_t>(text.size()) : std::nullopt,
      can_rewind ? body_source::rewind_function([where] { where->at = 0; }) : nullptr);
}

} // namespace

// Responses ---------------------------------------------------------------------------------------

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

// Requests ----------------------------------------------------------------------------------------

BOOST_FIXTURE_TEST_CASE(a_body_is_produced_while_it_is_sent, stream_loop) {
  const std::string body = letters(300'000);
  for (const bool is_sized : {true, false})
    for (const std::size_t size : {1u << 20, 5'000u}) {
      scripted_peer peer(context, {script().hears().says(ok("thanks")).answers(ok("next"))});
      client sender(context, "127.0.0.1", peer.port);
      const auto result = std::make_shared<outcome>();
      sender.async_send(request("PUT", "/"), pieces_of(body, size, is_sized, false), {},
                        into(result));
      BOOST_TEST(end_of(result).response.body() == "thanks");
      BOOST_TEST_REQUIRE(peer.heard.size() == 1u);
      if (is_sized)
        BOOST_TEST(
            (peer.heard[0] == "PUT / HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(peer.port) +
                                  "\r\nContent-Length: 300000\r\n\r\n" + body));
      else
        BOOST_TEST(peer.heard[0].ends_with("\r\n0\r\n\r\n"));
      BOOST_TEST(send(sender, get()).response.connection_id() == 1u);
      check_nothing_is_left(*this, sender, peer);
    }
}

BOOST_FIXTURE_TEST_CASE(a_file_is_a_body, stream_loop) {
  char path[] = "/tmp/httpool-client-stream-XXXXXX";
  const int descriptor = mkstemp(path);
  BOOST_TEST_REQUIRE(descriptor >= 0);
  const std::string body = letters(200'000);
  BOOST_TEST(::write(descriptor, body.data(), body.size()) == ssize_t(body.size()));
  ::close(descriptor);
  const scripted_peer nobody(context, {}); // so that the context has what it needs for sockets
  const std::size_t descriptors_before = descriptors();
  {
    scripted_peer peer(context, {script().answers(ok())});
    client sender(context, "127.0.0.1", peer.port);
    const auto result = std::make_shared<outcome>();
    sender.async_send(request("POST", "/"), body_source::file(path), {}, into(result));
    BOOST_TEST(end_of(result).error == error_code());
    BOOST_TEST(peer.heard[0].ends_with("\r\n\r\n" + body));
    check_nothing_is_left(*this, sender, peer);
  }
  BOOST_TEST(descriptors() == descriptors_before);
  ::unlink(path);
  BOOST_CHECK_THROW(body_source::file(path), boost::system::system_error);
  BOOST_CHECK_THROW(body_source::file("/"), boost::system::system_error);
}

BOOST_FIXTURE_TEST_CASE(a_source_that_fails_ends_the_call, stream_loop) {
  const auto throws = [](auto what) {
    return [what](asio::mutable_buffer) -> asio::awaitable<std::size_t> {
      throw what;
      co_return 0;
    };
  };
  struct row {
    body_source source;
    error_code end;
  };
  const row rows[] = {
      {body_source(throws(std::runtime_error("disk"))), error::body_source_failed},
      {body_source(throws(boost::system::system_error(asio::error::fault))), asio::error::fault},
      {body_source(throws(boost::system::system_error(error_code()))), error::body_source_failed},
      {body_source([](asio::mutable_buffer) -> asio::awaitable<std::size_t> {
         throw std::runtime_error("no coroutine");
       }),
       error::body_source_failed},
      {pieces_of("short", 3, false, false), error_code()},
      {body_source(pieces_of("short", 3, false, false).read, 6), error::body_source_failed},
      {body_source(
           [](asio::mutable_buffer) -> asio::awaitable<std::size_t> { co_return 1'000'000; }),
       error::body_source_failed},
  };
  for (const row& one : rows) {
    scripted_peer peer(context, {script().answers(ok())});
    client sender(context, "127.0.0.1", peer.port);
    const auto result = std::make_shared<outcome>();
    sender.async_send(request("POST", "/"), one.source, {}, into(result));
    BOOST_TEST(end_of(result).error == one.end);
    check_nothing_is_left(*this, sender, peer);
  }
  scripted_peer peer(context, {script().answers(ok())});
  client sender(context, "127.0.0.1", peer.port);
  const auto result = std::make_shared<outcome>();
  sender.async_send(post("a body"), pieces_of("another", 3, true, false), {}, into(result));
  BOOST_TEST(end_of(result).error == error::invalid_request);
}

BOOST_FIXTURE_TEST_CASE(an_error_of_a_source_is_not_taken_for_the_connections, stream_loop) {
  scripted_peer peer(context, {script().answers(ok()).hears().repeats()});
  client sender(context, "127.0.0.1", peer.port);
  warm_up(sender);
  int begun = 0;
  body_source fails(
      [&](asio::mutable_buffer) -> asio::awaitable<std::size_t> {
        ++begun;
        throw boost::system::system_error(error::connection_closed);
        co_return 0;
      },
      std::nullopt, [] {});
  const auto result = std::make_shared<outcome>();
  sender.async_send(request("PUT", "/"), std::move(fails), {}, into(result));
  BOOST_TEST(end_of(result).error == error::connection_closed);
  BOOST_TEST(begun == 1);
}

BOOST_FIXTURE_TEST_CASE(a_source_is_waited_for_when_the_call_ends_first, stream_loop) {
  scripted_peer peer(
      context, {script().hears_head().says("HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")});
  client sender(context, "127.0.0.1", peer.port);
  bool has_ended = false;
  struct at_end {
    bool& flag;
    ~at_end() { flag = true; }
  };
  body_source endless([&](asio::mutable_buffer room) -> asio::awaitable<std::size_t> {
    static int calls = 0;
    if (calls++ == 0)
      co_return room.size();
    const at_end mark{has_ended};
    asio::steady_timer never(co_await asio::this_coro::executor, 1h);
    co_await never.async_wait(asio::use_awaitable);
    co_return 0;
  });
  const auto result = std::make_shared<outcome>();
  sender.async_send(request("POST", "/"), std::move(endless), {}, into(result));
  BOOST_TEST(end_of(result).response.status() == 413u);
  BOOST_TEST(has_ended);
}

BOOST_FIXTURE_TEST_CASE(a_produced_body_is_sent_again_only_if_it_can_begin_again, stream_loop) {
  for (const bool can_rewind : {true, false}) {
    scripted_peer peer(context,
                       {script().answers(ok()).hears().closes(), script().answers(ok("2"))});
    client sender(context, "127.0.0.1", peer.port);
    warm_up(sender);
    const auto result = std::make_shared<outcome>();
    sender.async_send(request("PUT", "/"), pieces_of("content", 3, true, can_rewind), {},
                      into(result));
    if (can_rewind) {
      BOOST_TEST(end_of(result).response.body() == "2");
      BOOST_TEST(peer.heard.back().ends_with("content"));
    } else {
      BOOST_TEST(end_of(result).error == error::connection_closed);
    }
    check_nothing_is_left(*this, sender, peer);
  }
}

BOOST_FIXTURE_TEST_CASE(a_response_may_come_while_its_request_is_sent, stream_loop) {
  // An echo: it answers as it reads, with more than the buffers of the sockets hold.
  scripted_peer peer(context, {script()
                                   .hears_head()
                                   .says("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
                                   .echoes_chunks()});
  client sender(context, "127.0.0.1", peer.port);
  const std::string body = letters(30'000'000);
  request message("POST", "/echo");
  message.fields().set("Transfer-Encoding", "chunked");
  opened answer = open(sender, message, {}, pieces_of(body, 1 << 20, false, false));
  BOOST_TEST_REQUIRE(answer.error == error_code());
  const piece all = read_all(answer.stream, 100'000);
  BOOST_TEST(all.error == error_code(asio::error::eof));
  BOOST_TEST((all.text == body));
  check_nothing_is_left(*this, sender, peer);
}

// Deadlines of phases -----------------------------------------------------------------------------

BOOST_FIXTURE_TEST_CASE(the_first_byte_and_the_time_between_bytes_have_limits_of_their_own, loop) {
  struct row {
    script plan;
    error end;
  };
  const row rows[] = {
      {script().hears(), error::first_byte_timeout},
      {script().answers("HTTP/1.1 103 Early Hints\r\n\r\n"), error::first_byte_timeout},
      {script().hears().trickles("HTTP/1.1 103 Early Hints\r\n\r\n"), error::first_byte_timeout},
      {script().answers("HTTP/1.1 200 O"), error::read_timeout},
      {script().answers("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n12"), error::read_timeout},
  };
  for (const row& one : rows) {
    scripted_peer peer(context, {one.plan});
    client sender(context, "127.0.0.1", peer.port);
    send_options options;
    options.first_byte_timeout = options.read_timeout = 20ms;
    const outcome end = send(sender, get(), options);
    BOOST_TEST(end.error == one.end);
    BOOST_TEST((end.error == httpool::errc::timeout));
    check_nothing_is_left(*this, sender, peer);
  }
}

BOOST_FIXTURE_TEST_CASE(a_slow_response_is_in_time_if_each_byte_is, loop) {
  scripted_peer peer(context, {script().hears().trickles(ok("trickle")).answers(ok("next"))});
  client sender(context, "127.0.0.1", peer.port);
  send_options options;
  options.first_byte_timeout = options.read_timeout = 10s;
  BOOST_TEST(send(sender, get(), options).response.body() == "trickle");
  BOOST_TEST(send(sender, get()).response.connection_id() == 1u); // without those limits
}
