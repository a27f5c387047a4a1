// What an exchange tells of itself, and that nothing of it does harm.

#include "net/client_fixture.hpp"

#include <httpool/exchange_trace.hpp>

#include <boost/asio/read.hpp>

#include <sstream>
#include <stdexcept>

using namespace client_test;
using httpool::traced_connection;

namespace {

/// Writes down what it is told.
struct diary : httpool::exchange_trace {
  std::vector<std::string> lines;
  std::vector<traced_connection> connections;
  bool has_to_throw = false;

  template <class... Words>
  void write(const Words&... words) {
    std::ostringstream line;
    (line << ... << words);
    lines.push_back(line.str());
    if (has_to_throw)
      throw std::runtime_error("a trace's own affair");
  }
  void queued() override { write("queued"); }
  void got_connection(const traced_connection& c) override {
    connections.push_back(c);
    write("connection ", c.id, c.reused ? " reused" : " new");
  }
  void request_written() override { write("written"); }
  void first_byte() override { write("first byte"); }
  void retried(error_code why) override { write("retried ", word(why)); }
  void done(error_code why, unsigned status) override { write("done ", word(why), " ", status); }

  /// A code's name alone.
  static std::string word(error_code ec) {
    const std::string message = ec.message();
    return ec ? message.substr(0, message.find(':')) : "well";
  }
};

using lines = std::vector<std::string>;

#define EXPECT_LINES(trace, ...)                                                                   \
  BOOST_TEST((trace).lines == (lines{__VA_ARGS__}), boost::test_tools::per_element())

} // namespace

BOOST_FIXTURE_TEST_CASE(a_new_connection_and_one_that_was_idle, loop) {
  scripted_peer peer(context, {script().answers(ok()).repeats()});
  client sender(context, "127.0.0.1", peer.port);
  for (const bool has_to_throw : {false, true}) {
    diary first, second;
    first.has_to_throw = second.has_to_throw = has_to_throw;
    client other(context, "127.0.0.1", peer.port);
    BOOST_TEST(send(other, get(), {.trace = &first}).response.status() == 200u);
    EXPECT_LINES(first, "queued", "connection 1 new", "written", "first byte", "done well 200");
    BOOST_TEST(send(other, get(), {.trace = &second}).response.status() == 200u);
    EXPECT_LINES(second, "connection 1 reused", "written", "first byte", "done well 200");
    const traced_connection& made = first.connections.at(0);
    BOOST_TEST((made.dial.began <= made.dial.connected));
    BOOST_TEST((made.dial.connected <= made.dial.ended));
    BOOST_TEST((made.dial.connected > std::chrono::steady_clock::time_point()));
    BOOST_TEST(!made.dial.secured.has_value());
    BOOST_TEST((second.connections.at(0).idle >= 0ns));
    BOOST_TEST((second.connections.at(0).dial.ended == made.dial.ended));
    other.close();
  }
}

BOOST_FIXTURE_TEST_CASE(a_status_other_than_200, loop) {
  scripted_peer peer(context,
                     {script().answers("HTTP/1.1 100 Continue\r\n\r\n"
                                       "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")});
  client sender(context, "127.0.0.1", peer.port);
  diary told;
  BOOST_TEST(send(sender, get(), {.trace = &told}).response.status() == 404u);
  EXPECT_LINES(told, "queued", "connection 1 new", "written", "first byte", "done well 404");
}

BOOST_FIXTURE_TEST_CASE(a_request_that_is_sent_again_begins_again, loop) {
  for (const bool has_to_throw : {false, true}) {
    scripted_peer peer(context, {script().answers(ok()).hears().closes(), script().answers(ok())});
    client sender(context, "127.0.0.1", peer.port);
    warm_up(sender);
    diary told;
    told.has_to_throw = has_to_throw;
    const outcome end = send(sender, get(), {.trace = &told});
    BOOST_TEST(end.error == error_code());
    BOOST_TEST(end.response.attempts() == 2u);
    EXPECT_LINES(told, "connection 1 reused", "written", "retried connection_closed",
                 "connection 2 new", "written", "first byte", "done well 200");
    sender.close();
  }
}

BOOST_FIXTURE_TEST_CASE(failures_omit_what_was_not_reached, loop) {
  scripted_peer peer(context, {script().hears().closes(), script().answers("nonsense\r\n\r\n")});
  client sender(context, "127.0.0.1", peer.port);
  diary closed, malformed, refused, unsendable;
  send(sender, get(), {.trace = &closed});
  EXPECT_LINES(closed, "queued", "connection 1 new", "written", "done connection_closed 0");
  send(sender, get(), {.trace = &malformed});
  EXPECT_LINES(malformed, "queued", "connection 2 new", "written", "first byte",
               "done protocol_error 0");
  send(sender, request("CONNECT", "/"), {.trace = &unsendable});
  EXPECT_LINES(unsendable, "done invalid_request 0");
  peer.refuse();
  send(sender, get(), {.trace = &refused});
  EXPECT_LINES(refused, "queued", "done connection_refused 0");
}

BOOST_FIXTURE_TEST_CASE(a_deadline, loop) {
  scripted_peer peer(context, {script().hears()});
  client sender(context, "127.0.0.1", peer.port);
  diary told;
  const outcome end = send(sender, get(), {.timeout = 200ms, .trace = &told});
  BOOST_TEST(end.error == error_code(error::exchange_timeout));
  BOOST_TEST(told.lines.back() == "done exchange_timeout 0");
}

BOOST_FIXTURE_TEST_CASE(a_streamed_response_is_done_when_it_has_been_read_or_dropped, loop) {
  scripted_peer peer(context, {script().answers(ok("hello")).repeats()});
  client sender(context, "127.0.0.1", peer.port);
  diary read, dropped;
  for (diary* told : {&read, &dropped}) {
    httpool::response_stream stream;
    bool is_open = false;
    sender.async_open(get(), send_options{.trace = told},
                      [&](error_code ec, httpool::response_stream got) {
                        BOOST_TEST(!ec);
                        stream = std::move(got);
                        is_open = true;
                      });
    BOOST_REQUIRE(until([&] { return is_open; }));
    BOOST_TEST(told->lines.back() == "first byte");
    std::string body(10, ' ');
    bool is_at_end = false;
    if (told == &read)
      asio::async_read(stream, asio::buffer(body),
                       [&](error_code, std::size_t) { is_at_end = true; });
    else
      stream = httpool::response_stream();
    BOOST_REQUIRE(until([&] { return told->lines.back().starts_with("done"); }));
    BOOST_TEST(told->lines.back() == "done well 200");
    BOOST_REQUIRE(until([&] { return is_at_end || told == &dropped; }));
  }
}

BOOST_AUTO_TEST_CASE(a_context_that_goes_ends_the_exchange) {
  diary told;
  {
    loop run;
    scripted_peer peer(run.context, {script().hears()});
    client sender(run.context, "127.0.0.1", peer.port);
    start(sender, get(), {.trace = &told});
    BOOST_REQUIRE(run.until([&] { return !told.lines.empty() && told.lines.back() == "written"; }));
  }
  BOOST_TEST(told.lines.back().starts_with("done "));
}

BOOST_FIXTURE_TEST_CASE(a_traced_exchange_has_its_connection_alone, loop) {
  scripted_peer peer(context, {script().answers(ok()).repeats()});
  client sender(context, "127.0.0.1", peer.port, {.pipeline_depth = 8});
  warm_up(sender);
  diary told;
  BOOST_TEST(send(sender, get(), {.trace = &told}).response.status() == 200u);
  EXPECT_LINES(told, "connection 1 reused", "written", "first byte", "done well 200");
}
