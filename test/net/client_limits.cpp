// What the client does not take from a peer, and what it does not send.

#include "net/client_fixture.hpp"

#include <boost/system/system_error.hpp>

#include <functional>
#include <string_view>

using namespace client_test;
using namespace std::string_literals;

namespace {

/// The error that a peer's bytes lead to; the peer closes after them if told to.
error_code error_of(loop& run, const std::string& response, const client_options& options = {},
                    bool closes = false) {
  script plan = script().answers(response);
  if (closes)
    plan = std::move(plan).closes();
  scripted_peer peer(run.context, {std::move(plan)});
  client sender(run.context, "127.0.0.1", peer.port, options);
  const outcome end = run.send(sender, get());
  if (end.error) {
    BOOST_TEST(end.response.body().empty());
    BOOST_TEST(end.response.connection_id() == 0u);
    BOOST_TEST(sender.pool().stats().total() == 0u);
    // It does not wait for the end of a response that it cannot take.
    BOOST_TEST(run.until([&] { return peer.open() == 0; }));
  }
  check_nothing_is_left(run, sender, peer);
  return end.error;
}

std::string chunked(const std::string& rest) {
  return "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + rest;
}

} // namespace

// Limits ------------------------------------------------------------------------------------------

BOOST_FIXTURE_TEST_CASE(a_head_may_be_as_long_as_the_limit_and_no_longer, loop) {
  const std::string head = ok("");
  client_options exact;
  exact.max_head_bytes = head.size();
  BOOST_TEST(error_of(*this, head, exact) == error_code());
  client_options less;
  less.max_head_bytes = head.size() - 1;
  BOOST_TEST(error_of(*this, head, less) == error::head_too_large);
  // One that never ends is not gathered for ever.
  BOOST_TEST(error_of(*this, "HTTP/1.1 200 OK\r\nX: " + std::string(1'000'000, 'x')) ==
             error::head_too_large);
  BOOST_TEST(error_of(*this, "HTTP/1.1 100 C\r\n\r\nHTTP/1.1 200 OK\r\nX: " +
                                 std::string(1'000'000, 'x')) == error::head_too_large);
}

BOOST_FIXTURE_TEST_CASE(informational_heads_count_towards_the_limit_of_the_final_one, loop) {
  const std::string informed = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n";
  const std::string heads = informed + informed + ok("");
  client_options exact;
  exact.max_head_bytes = heads.size();
  BOOST_TEST(error_of(*this, heads, exact) == error_code());
  client_options less;
  less.max_head_bytes = heads.size() - 1;
  BOOST_TEST(error_of(*this, heads, less) == error::head_too_large);
  std::string many;
  while (many.size() < 1'000'000)
    many += informed;
  BOOST_TEST(error_of(*this, many, {}, true) == error::head_too_large);
}

BOOST_FIXTURE_TEST_CASE(a_head_may_have_as_many_fields_as_the_limit_and_no_more, loop) {
  client_options three;
  three.max_fields = 3;
  BOOST_TEST(error_of(*this, ok("", "A: 1\r\nB: 2\r\n"), three) == error_code());
  BOOST_TEST(error_of(*this, ok("", "A: 1\r\nB: 2\r\nC: 3\r\n"), three) == error::head_too_large);
  BOOST_TEST(error_of(*this, chunked("0\r\nA: 1\r\nB: 2\r\nC: 3\r\n\r\n"), three) == error_code());
  BOOST_TEST(error_of(*this, chunked("0\r\nA: 1\r\nB: 2\r\nC: 3\r\nD: 4\r\n\r\n"), three) ==
             error::head_too_large);
  BOOST_TEST(error_of(*this, chunked("0\r\nX: " + std::string(1'000'000, 'x'))) ==
             error::head_too_large);
}

BOOST_FIXTURE_TEST_CASE(a_body_may_be_as_long_as_the_limit_and_no_longer, loop) {
  for (const std::size_t size : {10u, 100'000u}) {
    client_options limited;
    limited.max_body_bytes = size;
    const std::string fits(size, 'b');
    const std::string half(size / 2, 'b');
    std::string chunk = "00000";
    for (std::size_t rest = half.size(), i = 5; rest != 0; rest /= 16)
      chunk[--i] = "0123456789abcdef"[rest % 16];
    chunk.append("\r\n").append(half).append("\r\n");
    const std::string until_close = "HTTP/1.1 200 OK\r\n\r\n";
    BOOST_TEST(error_of(*this, ok(fits), limited) == error_code());
    BOOST_TEST(error_of(*this, chunked(chunk + chunk + "0\r\n\r\n"), limited) == error_code());
    BOOST_TEST(error_of(*this, until_close + fits, limited, true) == error_code());
    BOOST_TEST(error_of(*this, ok(fits + "b"), limited) == error::body_too_large);
    BOOST_TEST(error_of(*this, chunked(chunk + chunk + "1\r\n"), limited) == error::body_too_large);
    BOOST_TEST(error_of(*this, until_close + fits + "b", limited) == error::body_too_large);
  }
  // What is announced is refused before it comes.
  BOOST_TEST(error_of(*this, "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n") ==
             error::body_too_large);
  BOOST_TEST(error_of(*this, chunked("7fffffffffffffff\r\n")) == error::body_too_large);
  BOOST_TEST(error_of(*this, chunked("10000000000000000\r\n")) == error::body_too_large);
}

// Malformed responses -----------------------------------------------------------------------------

BOOST_FIXTURE_TEST_CASE(a_malformed_response_is_a_protocol_error_and_costs_the_connection, loop) {
  const std::string line = "HTTP/1.1 200 OK\r\n";
  for (const std::string& response : {
           "\r\n\r\n"s,
           "HTTP/1.1\r\n\r\n"s,
           "HTTP/2.0 200 OK\r\n\r\n"s,
           "HTTP/1.1 20 OK\r\n\r\n"s,
           "HTTP/1.1 2000 OK\r\n\r\n"s,
           "HTTP/1.1 099 OK\r\n\r\n"s,
           "HTTP/1.1 2x0 OK\r\n\r\n"s,
           "http/1.1 200 OK\r\n\r\n"s,
           "ICY 200 OK\r\n\r\n"s,
           "HTTP/1.1 200 O\0K\r\n\r\n"s,
           line + "no colon\r\n\r\n",
           line + "Name : value\r\n\r\n",
           line + ": value\r\n\r\n",
           line + "Na me: value\r\n\r\n",
           line + "Name: va\0lue\r\n\r\n"s,
           line + "Name: va\rlue\r\n\r\n",
           line + "Content-Length: -1\r\n\r\n",
           line + "Content-Length: +1\r\n\r\n",
           line + "Content-Length: 0x1\r\n\r\n",
           line + "Content-Length: 1 1\r\n\r\n",
           line + "Content-Length: \r\n\r\n",
           line + "Content-Length: 1\r\nContent-Length: 2\r\n\r\n",
           line + "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
           line + "Transfer-Encoding: gzip, chunked\r\n\r\n",
           line + "Transfer-Encoding: chunked, gzip\r\n\r\n",
           line + "Transfer-Encoding: chunked, chunked\r\n\r\n",
           "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"s,
           chunked("\r\n"),
           chunked("x\r\n"),
           chunked("-1\r\n"),
           chunked("0x2\r\nhi\r\n0\r\n\r\n"),
           chunked("2\nhi\r\n0\r\n\r\n"),
           chunked("2\r\nhi!\r\n0\r\n\r\n"),
           chunked("2\r\nhi0\r\n\r\n"),
           chunked("2 2\r\nhi\r\n0\r\n\r\n"),
           chunked("0\r\nno colon\r\n\r\n"),
           "HTTP/1.1 101 Switching Protocols\r\n\r\n"s,
       }) {
    BOOST_TEST_CONTEXT(response) {
      BOOST_TEST(error_of(*this, response) == error::protocol_error);
    }
  }
}

// Requests ----------------------------------------------------------------------------------------

BOOST_FIXTURE_TEST_CASE(a_line_break_or_a_nul_never_gets_into_a_request, loop) {
  using change = std::function<void(request&, const std::string&)>;
  const change changes[] = {
      [](request& r, const std::string& bad) { r.method(bad); },
      [](request& r, const std::string& bad) { r.target(bad); },
      [](request& r, const std::string& bad) { r.fields().add(bad, "v"); },
      [](request& r, const std::string& bad) { r.fields().add("N", bad); },
      [](request& r, const std::string& bad) { r.trailers().add("N", bad); },
  };
  for (const std::string& bad : {"a\rb"s, "a\nb"s, "a\0b"s, "a\r\nEvil: yes\r\nb"s})
    for (const change& make : changes) {
      request message = get();
      BOOST_CHECK_EXCEPTION(make(message, bad), boost::system::system_error,
                            [](const auto& e) { return e.code() == error::invalid_request; });
    }
}

BOOST_FIXTURE_TEST_CASE(a_request_that_contradicts_itself_is_an_error_and_nothing_is_sent, loop) {
  scripted_peer peer(context, {script()});
  client sender(context, "127.0.0.1", peer.port);
  const std::vector<std::vector<httpool::field>> contradictions{
      {{"Content-Length", "3"}},       {{"Content-Length", "5"}, {"Content-Length", "5"}},
      {{"Content-Length", "five"}},    {{"Content-Length", "5"}, {"Transfer-Encoding", "chunked"}},
      {{"Transfer-Encoding", "gzip"}}, {{"Transfer-Encoding", "chunked, chunked"}},
      {{"Host", "a"}, {"Host", "b"}},  {{"Host", "a b"}},
  };
  for (const auto& fields : contradictions) {
    request message = post("12345");
    for (const httpool::field& line : fields)
      message.fields().add(line.name, line.value);
    BOOST_TEST(send(sender, message).error == error::invalid_request);
  }
  request old_chunked = post();
  old_chunked.version(httpool::http_version::http_1_0);
  old_chunked.trailers().add("X-Sum", "1");
  BOOST_TEST(send(sender, old_chunked).error == error::invalid_request);
  settle();
  BOOST_TEST(peer.accepted() == 0u);
  BOOST_TEST(sender.pool().stats().acquires == 0u);
}

BOOST_FIXTURE_TEST_CASE(a_target_that_its_method_does_not_allow_is_an_error_and_nothing_is_sent,
                        loop) {
  scripted_peer peer(context, {script().answers(ok()).repeats()});
  client sender(context, "127.0.0.1", peer.port);
  struct row {
    std::string method;
    std::string target;
    error expected;
  };
  const row illegal[] = {
      {"GET", "foo", error::invalid_url},
      {"GET", "*", error::invalid_request},
      {"GET", "/a#b", error::invalid_request},
      {"CONNECT", "/", error::invalid_request},
      {"CONNECT", "example.org:443", error::invalid_request},
  };
  for (const row& one : illegal)
    BOOST_TEST(send(sender, request(one.method, one.target)).error == one.expected);
  const std::string told = send(sender, request("GET", "foo")).error.message();
  BOOST_TEST(told.ends_with("a path, which begins with '/'"), told);
  BOOST_TEST(peer.accepted() == 0u);
  const std::string url = "http://127.0.0.1:" + std::to_string(peer.port) + "/a";
  for (const auto& [method, target] : std::vector<std::pair<std::string, std::string>>{
           {"OPTIONS", "*"}, {"GET", url}, {"GET", "/a?b"}})
    BOOST_TEST(send(sender, request(method, target)).error == error_code());
}

BOOST_FIXTURE_TEST_CASE(options_that_make_no_sense_are_named, loop) {
  const auto check_refused = [this](const client_options& bad, const std::string& named) {
    BOOST_CHECK_EXCEPTION(
        client(context, "127.0.0.1", 80, bad), std::invalid_argument,
        [&](const auto& e) { return std::string(e.what()).find(named) != std::string::npos; });
  };
  client_options bad;
  bad.exchange_timeout = 0ns;
  check_refused(bad, "exchange_timeout is 0");
  bad.exchange_timeout = -1ns;
  check_refused(bad, "exchange_timeout is -1");
  bad = {};
  bad.max_head_bytes = 0;
  check_refused(bad, "max_head_bytes is 0");
  bad.max_head_bytes = (std::size_t{1} << 31) + 1;
  check_refused(bad, "max_head_bytes is 2147483649");
  bad = {};
  bad.max_fields = 0;
  check_refused(bad, "max_fields is 0");
  bad = {};
  bad.pool.max_connections = 0;
  check_refused(bad, "max_connections is 0");
  bad = {};
  bad.continue_timeout = -1ns;
  check_refused(bad, "continue_timeout is -1 ns");
  bad = {};
  bad.unsafe_max_idle = -1ns;
  check_refused(bad, "unsafe_max_idle is -1 ns");
  bad = {};
  bad.pool.budget = std::make_shared<httpool::connection_budget>(8);
  bad.max_total_connections = 9;
  check_refused(bad, "max_total_connections is 9");
  bad = {};
  bad.probe_path = "/health";
  bad.pool.probe.ask = [](httpool::lease&) -> asio::awaitable<bool> { co_return true; };
  check_refused(bad, "probe_path is \"/health\"");
  bad = {};
  bad.probe_path = "no path";
  check_refused(bad, "probe_path is \"no path\"");
}

BOOST_AUTO_TEST_CASE(an_empty_executor_is_refused) {
  const auto is_named = [](const std::invalid_argument& e) {
    return std::string(e.what()).starts_with("httpool: executor is empty, but ");
  };
  const asio::any_io_executor none;
  BOOST_CHECK_EXCEPTION(client{none}, std::invalid_argument, is_named);
  BOOST_CHECK_EXCEPTION(client(none, httpool::origin("localhost")), std::invalid_argument,
                        is_named);
  BOOST_CHECK_EXCEPTION(client(none, "localhost", 80), std::invalid_argument, is_named);
}
