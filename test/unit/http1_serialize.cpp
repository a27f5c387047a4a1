#include "http1/serialize.hpp"

#include <httpool/error.hpp>

#include <boost/test/unit_test.hpp>

#include <string>

using namespace httpool;
using http1::body_form;

namespace {

std::string head_of(const request& message, body_form expected, std::string_view host = "a.test") {
  std::string out = "before|";
  body_form form = body_form::none;
  const auto ec = http1::append_head(out, message, host, form);
  BOOST_TEST(!ec);
  BOOST_TEST((form == expected));
  return out.substr(7);
}

std::string head_of(const response& message, body_form expected,
                    const http1::response_context& context = {}) {
  std::string out = "before|";
  BOOST_TEST((http1::append_head(out, message, context) == expected));
  return out.substr(7);
}

} // namespace

BOOST_AUTO_TEST_CASE(a_request_goes_out_with_host_and_nothing_else_unasked) {
  request message("GET", "/x");
  BOOST_TEST(head_of(message, body_form::none) == "GET /x HTTP/1.1\r\nHost: a.test\r\n\r\n");
  message.fields().add("Accept", "*/*");
  BOOST_TEST(head_of(message, body_form::none) ==
             "GET /x HTTP/1.1\r\nHost: a.test\r\nAccept: */*\r\n\r\n");
  message.fields().add("host", "other.test:81");
  message.version(http_version::http_1_0);
  BOOST_TEST(head_of(message, body_form::none) ==
             "GET /x HTTP/1.0\r\nAccept: */*\r\nhost: other.test:81\r\n\r\n");
}

BOOST_AUTO_TEST_CASE(a_request_says_how_long_its_body_is_when_the_method_calls_for_it) {
  request message("POST", "/");
  BOOST_TEST(head_of(message, body_form::none) ==
             "POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 0\r\n\r\n");
  message.body("hello");
  BOOST_TEST(head_of(message, body_form::plain) ==
             "POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 5\r\n\r\n");
  message.method("DELETE");
  BOOST_TEST(head_of(message, body_form::plain) ==
             "DELETE / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 5\r\n\r\n");
  message.fields().set("Content-Length", "5");
  BOOST_TEST(head_of(message, body_form::plain) ==
             "DELETE / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 5\r\n\r\n");
  message.fields().erase("Content-Length");
  message.trailers().add("Check", "sum");
  BOOST_TEST(head_of(message, body_form::chunked) ==
             "DELETE / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n");
  message.fields().set("Transfer-Encoding", "chunked");
  BOOST_TEST(head_of(message, body_form::chunked) ==
             "DELETE / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n");
}

BOOST_AUTO_TEST_CASE(a_request_that_contradicts_itself_is_not_sent) {
  const auto refused = [](auto&& change, std::string_view host = "a.test") {
    request message("POST", "/");
    message.body("hello");
    change(message);
    std::string out = "before";
    body_form form = body_form::none;
    return http1::append_head(out, message, host, form) == error::invalid_request &&
           out == "before";
  };
  BOOST_TEST(refused([](request& m) { m.fields().add("Content-Length", "4"); }));
  BOOST_TEST(refused([](request& m) { m.fields().add("Content-Length", "five"); }));
  BOOST_TEST(refused([](request& m) { m.fields().add("Transfer-Encoding", "gzip"); }));
  BOOST_TEST(refused([](request& m) { m.fields().add("Transfer-Encoding", "gzip, chunked"); }));
  BOOST_TEST(refused([](request& m) { m.fields().add("Host", "a b"); }));
  BOOST_TEST(refused([](request& m) {
    m.fields().add("Host", "a");
    m.fields().add("Host", "a");
  }));
  BOOST_TEST(refused([](request& m) {
    m.fields().add("Content-Length", "5");
    m.fields().add("Transfer-Encoding", "chunked");
  }));
  BOOST_TEST(refused([](request& m) {
    m.fields().add("Content-Length", "5");
    m.trailers().add("Check", "sum");
  }));
  BOOST_TEST(refused([](request& m) {
    m.version(http_version::http_1_0);
    m.trailers().add("Check", "sum");
  }));
  for (const char* never : {"Content-Length", "transfer-encoding", "Host", "Trailer"})
    BOOST_TEST(refused([&](request& m) { m.trailers().add(never, "1"); }), never);
  BOOST_TEST(refused([](request&) {}, "a\r\nb"));
}

BOOST_AUTO_TEST_CASE(a_response_carries_the_date_and_the_length_of_its_body) {
  response message(200, "hello", "text/plain");
  http1::response_context context;
  context.date = "Mon, 01 Jan 2024 00:00:00 GMT";
  const std::string rest = "Content-Type: text/plain\r\n"
                           "Date: Mon, 01 Jan 2024 00:00:00 GMT\r\n";
  BOOST_TEST(head_of(message, body_form::plain, context) ==
             "HTTP/1.1 200 OK\r\n" + rest + "Content-Length: 5\r\n\r\n");
  context.keep_alive = false;
  BOOST_TEST(head_of(message, body_form::plain, context) ==
             "HTTP/1.1 200 OK\r\n" + rest + "Connection: close\r\nContent-Length: 5\r\n\r\n");
  context.keep_alive = true;
  context.peer = http_version::http_1_0;
  BOOST_TEST(head_of(message, body_form::plain, context) ==
             "HTTP/1.1 200 OK\r\n" + rest + "Connection: keep-alive\r\nContent-Length: 5\r\n\r\n");
  message.fields().set("Date", "x");
  message.status(299, "Odd");
  BOOST_TEST(head_of(message, body_form::plain) ==
             "HTTP/1.1 299 Odd\r\nContent-Type: text/plain\r\nDate: x\r\n"
             "Content-Length: 5\r\n\r\n");
}

BOOST_AUTO_TEST_CASE(framing_fields_of_a_response_are_the_servers) {
  response message(200);
  message.body("hello");
  message.fields().add("Content-Length", "4");
  message.fields().add("A", "b");
  message.fields().add("Connection", "close, upgrade");
  BOOST_TEST(head_of(message, body_form::plain) ==
             "HTTP/1.1 200 OK\r\nA: b\r\nContent-Length: 5\r\n\r\n");
  message.fields().add("Transfer-Encoding", "chunked");
  BOOST_TEST(head_of(message, body_form::chunked) ==
             "HTTP/1.1 200 OK\r\nA: b\r\nTransfer-Encoding: chunked\r\n\r\n");
  http1::response_context old;
  old.peer = http_version::http_1_0;
  BOOST_TEST(head_of(message, body_form::plain, old) ==
             "HTTP/1.1 200 OK\r\nA: b\r\nConnection: keep-alive\r\nContent-Length: 5\r\n\r\n");
}

BOOST_AUTO_TEST_CASE(responses_that_have_no_body_send_none) {
  http1::response_context head;
  head.to_head = true;
  response message(200);
  message.body("hello");
  BOOST_TEST(head_of(message, body_form::none, head) ==
             "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
  message.fields().add("Transfer-Encoding", "chunked");
  BOOST_TEST(head_of(message, body_form::none, head) ==
             "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
  response announced(200);
  announced.fields().add("Content-Length", "1000");
  BOOST_TEST(head_of(announced, body_form::none, head) ==
             "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
  BOOST_TEST(head_of(announced, body_form::none) == "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");

  response none(204);
  none.body("ignored");
  BOOST_TEST(head_of(none, body_form::none) == "HTTP/1.1 204 No Content\r\n\r\n");
  response unchanged(304);
  BOOST_TEST(head_of(unchanged, body_form::none) == "HTTP/1.1 304 Not Modified\r\n\r\n");
  unchanged.fields().add("Content-Length", "7");
  BOOST_TEST(head_of(unchanged, body_form::none) ==
             "HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n");
  response reset(205);
  reset.body("ignored");
  BOOST_TEST(head_of(reset, body_form::none) ==
             "HTTP/1.1 205 Reset Content\r\nContent-Length: 0\r\n\r\n");
  reset.fields().add("Transfer-Encoding", "chunked");
  reset.trailers().add("Check", "sum");
  BOOST_TEST(head_of(reset, body_form::none) ==
             "HTTP/1.1 205 Reset Content\r\nContent-Length: 0\r\n\r\n");
  http1::response_context connect;
  connect.to_connect = true;
  BOOST_TEST(head_of(response(200), body_form::none, connect) == "HTTP/1.1 200 OK\r\n\r\n");
  BOOST_TEST(head_of(response(404), body_form::none, connect) ==
             "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
}

BOOST_AUTO_TEST_CASE(chunks_are_framed_and_trailers_end_them) {
  std::string out;
  fields trailers;
  http1::append_chunk_size(out, 0xabc);
  BOOST_TEST(out == "abc\r\n");
  out.clear();
  http1::append_last_chunk(out, 5, trailers);
  BOOST_TEST(out == "\r\n0\r\n\r\n");
  out.clear();
  trailers.add("A", "b");
  http1::append_last_chunk(out, 0, trailers);
  BOOST_TEST(out == "0\r\nA: b\r\n\r\n");
  out.clear();
  for (const char* never : {"Content-Length", "transfer-encoding", "Host", "Trailer"})
    trailers.add(never, "1");
  trailers.add("C", "d");
  http1::append_last_chunk(out, 0, trailers);
  BOOST_TEST(out == "0\r\nA: b\r\nC: d\r\n\r\n");
}
