// Requests whose body is produced while it is sent.

#include "net/stream_fixture.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <cerrno>
#include <cstdlib>
#include <exception>
#include <memory>
#include <optional>
#include <stdexcept>

#include <unistd.h>

using namespace client_test;

namespace {

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

BOOST_FIXTURE_TEST_CASE(a_file_can_be_read_again_and_what_hinders_that_is_told, loop) {
  /// What one read gives, or the negative code of its error.
  const auto read = [this](const body_source& source) {
    std::string room(64, ' ');
    int result = 0;
    asio::co_spawn(context, source.read(asio::buffer(room)),
                   [&](std::exception_ptr failure, std::size_t size) {
                     result = static_cast<int>(size);
                     try {
                       if (failure)
                         std::rethrow_exception(failure);
                     } catch (const boost::system::system_error& e) {
                       result = -e.code().value();
                     }
                   });
    settle();
    return result;
  };
  const body_source file = body_source::file("/proc/self/comm"); // a few bytes
  const int size = read(file);
  BOOST_TEST(size > 0);
  BOOST_TEST(read(file) == 0);
  file.rewind();
  BOOST_TEST(read(file) == size);
  // Nothing is mapped where it begins.
  BOOST_TEST(read(body_source::file("/proc/self/mem")) == -EIO);
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
