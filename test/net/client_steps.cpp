// A cancellation after the n-th step of the loop, for every n until the operation ends by itself:
// whatever it interrupts, the limits stay exact and no descriptor is left.

#include "net/client_fixture.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <cstring>
#include <functional>
#include <optional>

using namespace client_test;
using httpool::body_source;
using httpool::response_stream;

namespace {

/// An operation, or several one after the other, which one signal cancels.
struct attempt {
  attempt(client& to, asio::cancellation_signal& by) : sender(to), signal(by) {}

  template <class Handler>
  auto cancellable(Handler handler) {
    return asio::bind_cancellation_slot(signal.slot(), std::move(handler));
  }

  void send(request message, body_source body = {}) {
    sender.async_send(std::move(message), std::move(body), {},
                      cancellable([this](error_code ec, const client_response& response) {
                        text = response.body();
                        done(ec);
                      }));
  }

  /// Reads the response to its end, in pieces of `piece` bytes.
  void open(request message, std::size_t piece, body_source body = {}) {
    room.resize(piece);
    sender.async_open(std::move(message), std::move(body), {},
                      cancellable([this](error_code ec, response_stream answer) {
                        if (ec)
                          return done(ec);
                        stream = std::move(answer);
                        read();
                      }));
  }

  void read() {
    stream.async_read_some(asio::buffer(room), cancellable([this](error_code ec, std::size_t size) {
                             text.append(room, 0, size);
                             if (!ec)
                               return read();
                             done(ec == asio::error::eof ? error_code() : ec);
                           }));
  }

  void drain() {
    sender.async_drain(1h, cancellable([this](error_code ec) { done(ec); }));
  }

  void done(error_code ec) {
    BOOST_TEST(!is_done);
    is_done = true;
    error = ec;
  }

  client& sender;
  asio::cancellation_signal& signal;
  bool is_done = false;
  error_code error;
  std::string text;
  std::string room;
  response_stream stream;
};

struct operation {
  std::string name;
  std::vector<script> peer;
  std::function<void(attempt&)> start;
  std::string text;        ///< What the response says if nobody cancels.
  bool is_warm = false;    ///< A connection is idle at first.
  bool is_crowded = false; ///< Somebody else has the only connection at first.
  bool is_uncancellable = false;
};

/// Gives `size` bytes in pieces, with a step of the loop before each.
body_source stepwise(std::size_t size, bool is_sized) {
  const auto left = std::make_shared<std::size_t>(size);
  return body_source(
      [left](asio::mutable_buffer room) -> asio::awaitable<std::size_t> {
        const auto executor = co_await asio::this_coro::executor;
        co_await asio::post(executor, asio::use_awaitable);
        const std::size_t got = std::min({*left, room.size(), std::size_t{700}});
        std::memset(room.data(), 's', got);
        *left -= got;
        co_return got;
      },
      is_sized ? std::optional<std::uint64_t>(size) : std::nullopt, [left, size] { *left = size; });
}

request expecting(request message) {
  message.fields().set("Expect", "100-continue");
  return message;
}

request put(std::size_t size) {
  request message("PUT", "/file");
  message.body(std::string(size, 'p'));
  return message;
}

std::string chunked_answer() {
  return "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
         "4\r\nchun\r\n3\r\nked\r\n0\r\nX-Sum: 1\r\n\r\n";
}

std::vector<operation> operations() {
  const script serves = script().answers(ok("served")).repeats();
  const script gives_leave =
      script().hears_head().says("HTTP/1.1 100 Continue\r\n\r\n").hears_bytes(5).says(ok("served"));
  const script refuses =
      script().hears_head().says("HTTP/1.1 417 No\r\nContent-Length: 2\r\n\r\nno");
  const script dies = script().answers(ok()).hears().closes();
  const script trickles = script().hears().trickles(chunked_answer());
  const request upload("POST", "/upload");
  return {
      {"send on a fresh connection", {serves}, [](attempt& a) { a.send(get()); }, "served"},
      {"send on an idle connection", {serves}, [](attempt& a) { a.send(get()); }, "served", true},
      {"send when somebody else has the connection",
       {serves},
       [](attempt& a) { a.send(get()); },
       "served",
       false,
       true},
      {"send, and receive a chunked response byte by byte",
       {trickles},
       [](attempt& a) { a.send(get()); },
       "chunked"},
      {"send, and receive a large response",
       {script().answers(ok(std::string(300'000, 'r')))},
       [](attempt& a) { a.send(get()); },
       std::string(300'000, 'r')},
      {"send a large body", {serves}, [](attempt& a) { a.send(put(300'000)); }, "served"},
      {"send a second time", {dies, serves}, [](attempt& a) { a.send(get()); }, "served", true},
      {"send a large body a second time",
       {dies, serves},
       [](attempt& a) { a.send(put(100'000)); },
       "served",
       true},
      {"send a produced body of known size",
       {serves},
       [upload](attempt& a) { a.send(upload, stepwise(3'000, true)); },
       "served"},
      {"send a produced body of any size",
       {serves},
       [upload](attempt& a) { a.send(upload, stepwise(3'000, false)); },
       "served",
       true},
      {"send a produced body a second time",
       {dies, serves},
       [](attempt& a) { a.send(request("PUT", "/"), stepwise(3'000, true)); },
       "served",
       true},
      {"send with leave", {gives_leave}, [](attempt& a) { a.send(expecting(post())); }, "served"},
      {"send a produced body with leave",
       {gives_leave},
       [upload](attempt& a) { a.send(expecting(upload), stepwise(5, true)); },
       "served"},
      {"send without leave", {refuses}, [](attempt& a) { a.send(expecting(post())); }, "no"},
      {"send and be answered early",
       {script().hears_head().says(ok("early"))},
       [upload](attempt& a) { a.send(upload, stepwise(3'000, true)); },
       "early"},
      {"open and read to the end", {trickles}, [](attempt& a) { a.open(get(), 2); }, "chunked"},
      {"open on an idle connection and read large pieces",
       {script().answers(ok()).answers(ok(std::string(100'000, 'r')))},
       [](attempt& a) { a.open(get(), 20'000); },
       std::string(100'000, 'r'),
       true},
      {"open without a body",
       {script().answers("HTTP/1.1 204 None\r\n\r\n")},
       [](attempt& a) { a.open(get(), 10); },
       ""},
      {"open with a produced body",
       {serves},
       [upload](attempt& a) { a.open(upload, 3, stepwise(3'000, false)); },
       "served"},
      {"open with leave",
       {gives_leave},
       [](attempt& a) { a.open(expecting(post()), 100); },
       "served"},
      {"open a second time", {dies, serves}, [](attempt& a) { a.open(get(), 4); }, "served", true},
      {"read a body while the request's is produced",
       {script()
            .hears_head()
            .says("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            .echoes_chunks()},
       [upload](attempt& a) {
         request message = upload;
         message.fields().set("Transfer-Encoding", "chunked");
         a.open(std::move(message), 1'000, stepwise(2'000, false));
       },
       std::string(2'000, 's')},
      {"drain an idle client", {serves}, [](attempt& a) { a.drain(); }, "", true, false, true},
      {"drain a busy client", {serves}, [](attempt& a) { a.drain(); }, "", false, true, true},
  };
}

/// Starts the operation, and cancels it after so many steps. False if it had ended before.
bool cancel_after(loop& run, const operation& tried, unsigned steps, asio::cancellation_type type) {
  scripted_peer peer(run.context, tried.peer);
  client_options one;
  one.pool.max_connections = 1;
  one.continue_timeout = 1h;
  client sender(run.context, "127.0.0.1", peer.port, one);
  if (tried.is_warm)
    run.warm_up(sender);
  const call other = tried.is_crowded ? start(sender, get()) : call();
  asio::cancellation_signal signal;
  attempt operation(sender, signal);
  tried.start(operation);
  const auto work = asio::make_work_guard(run.context);
  run.context.restart();
  for (unsigned i = 0; i != steps && !operation.is_done; ++i)
    run.context.run_one();
  const bool had_ended = operation.is_done;
  signal.emit(type);
  BOOST_TEST_REQUIRE(run.until([&] { return operation.is_done; }));
  if (other) {
    const error_code ec = run.end_of(other).error;
    BOOST_TEST((!ec || (tried.is_uncancellable && ec == error::pool_closed)));
  }

  if (had_ended || tried.is_uncancellable)
    BOOST_TEST(operation.error == error_code());
  if (!operation.error)
    BOOST_TEST((operation.text == tried.text));
  else
    BOOST_TEST(operation.error == asio::error::operation_aborted);
  // What a cancellation has interrupted does not serve again.
  BOOST_TEST(sender.pool().stats().total() <= 1u);
  operation.stream = response_stream();
  check_nothing_is_left(run, sender, peer);
  return !had_ended;
}

} // namespace

BOOST_FIXTURE_TEST_CASE(scar_1_a_cancellation_at_any_step_of_any_operation_leaves_nothing_behind,
                        loop) {
  const std::vector<operation> all = operations();
  cancel_after(*this, all.front(), 0, asio::cancellation_type::terminal); // opens the loop's own
  settle();
  const std::size_t before = descriptors();
  for (const operation& tried : all)
    BOOST_TEST_CONTEXT(tried.name) {
      unsigned steps = 0;
      constexpr asio::cancellation_type types[] = {asio::cancellation_type::terminal,
                                                   asio::cancellation_type::partial,
                                                   asio::cancellation_type::total};
      while (cancel_after(*this, tried, steps, types[steps % std::size(types)]))
        ++steps;
      settle();
      BOOST_TEST(steps > 0u);
      BOOST_TEST(descriptors() == before);
      BOOST_TEST_MESSAGE(steps << " steps: " << tried.name);
    }
}

/// The next caller gets the connection, or a new one, whatever was cancelled before.
BOOST_FIXTURE_TEST_CASE(scar_5_whoever_waits_is_served_at_whichever_step_another_is_cancelled,
                        loop) {
  bool had_ended = false;
  for (unsigned steps = 0; !had_ended; ++steps) {
    scripted_peer peer(context, {script().answers(ok("served")).repeats()});
    client_options one;
    one.pool.max_connections = 1;
    client sender(context, "127.0.0.1", peer.port, one);
    asio::cancellation_signal signal;
    attempt operation(sender, signal);
    operation.open(get(), 2);
    const call waits = start(sender, get());
    const auto work = asio::make_work_guard(context);
    context.restart();
    for (unsigned i = 0; i != steps && !operation.is_done; ++i)
      context.run_one();
    had_ended = operation.is_done;
    signal.emit(asio::cancellation_type::terminal);
    BOOST_TEST(end_of(waits).error == error_code());
    BOOST_TEST(waits->response.body() == "served");
    BOOST_TEST(until([&] { return operation.is_done; }));
    operation.stream = response_stream();
    check_nothing_is_left(*this, sender, peer);
  }
}
