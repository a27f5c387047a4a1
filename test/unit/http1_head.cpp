#include "http1/framing.hpp"
#include "http1/head_parser.hpp"

#include <httpool/error.hpp>

#include <boost/test/unit_test.hpp>

#include <string>
#include <string_view>
#include <vector>

using namespace httpool;
using namespace std::string_literals;
using http1::body_kind;
using http1::head_limits;
using http1::problem;
using http1::progress;

namespace {

template <class Message>
struct outcome {
  progress step = progress::need_more;
  problem trouble = problem::none;
  std::size_t size = 0;
  Message message;
};

// Feeds `text` in pieces of `piece` bytes, always with all that came before, as a read buffer does.
template <class Parser, class Message>
outcome<Message> parse(const std::string& text, std::size_t piece, head_limits limits = {}) {
  Parser parser(limits);
  outcome<Message> result;
  for (std::size_t end = 0; end < text.size() && result.step == progress::need_more;) {
    end = std::min(end + piece, text.size());
    // A copy of exactly these bytes, so that a sanitizer sees who reads beyond them.
    const std::vector<char> seen(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(end));
    result.step = parser.parse({seen.data(), seen.size()}, result.message);
  }
  result.trouble = parser.trouble();
  result.size = result.step == progress::done ? parser.size() : 0;
  return result;
}

auto parse_request(const std::string& text, std::size_t piece = 1u << 20, head_limits limits = {}) {
  return parse<http1::request_parser, request>(text, piece, limits);
}

auto parse_response(const std::string& text, std::size_t piece = 1u << 20,
                    head_limits limits = {}) {
  return parse<http1::response_parser, response>(text, piece, limits);
}

std::string all_of(const fields& lines) {
  std::string text;
  for (const field line : lines)
    text.append(line.name).append("=").append(line.value).append(";");
  return text;
}

problem framed(const std::string& text, http1::request_framing& out) {
  const auto result = parse_request(text);
  if (result.step != progress::done)
    return result.trouble;
  return http1::frame(result.message, out);
}

struct bad_head {
  std::string text;
  problem what;
};

const std::string get = "GET / HTTP/1.1\r\n";

} // namespace

namespace httpool::http1 {
std::ostream& operator<<(std::ostream& out, problem what) {
  return out << text_of(what);
}
std::ostream& operator<<(std::ostream& out, progress step) {
  return out << static_cast<int>(step);
}
std::ostream& operator<<(std::ostream& out, body_kind kind) {
  return out << static_cast<int>(kind);
}
} // namespace httpool::http1

BOOST_AUTO_TEST_CASE(a_request_is_the_same_however_its_bytes_arrive) {
  const std::string head = "POST /a?b=c HTTP/1.1\r\n"
                           "Host: example.test\r\n"
                           "Empty:\r\n"
                           "empty-too: \t \r\n"
                           "X-Long: " +
                           std::string(200, 'v') +
                           "\r\n"
                           "Text:  spaces and\ttabs \xe4\xf6 inside\t \r\n"
                           "\r\n";
  for (std::size_t piece = 1; piece <= head.size() + 9; ++piece) {
    const auto result = parse_request(head + "body here", piece);
    BOOST_TEST(result.step == progress::done);
    BOOST_TEST(result.size == head.size());
    BOOST_TEST(result.message.method() == "POST");
    BOOST_TEST(result.message.target() == "/a?b=c");
    BOOST_TEST(all_of(result.message.fields()) ==
               "Host=example.test;Empty=;empty-too=;X-Long=" + std::string(200, 'v') +
                   ";Text=spaces and\ttabs \xe4\xf6 inside;");
  }
}

BOOST_AUTO_TEST_CASE(a_parsed_head_can_be_changed_like_any_other) {
  auto result = parse_request(get + "A: 1\r\nB:2\r\nC:  3  \r\n\r\n");
  result.message.fields().set("B", "twenty-two");
  result.message.fields().erase("A");
  result.message.fields().add("D", "4");
  result.message.target("/elsewhere");
  BOOST_TEST(all_of(result.message.fields()) == "B=twenty-two;C=3;D=4;");
  BOOST_TEST(result.message.target() == "/elsewhere");
}

BOOST_AUTO_TEST_CASE(empty_lines_before_a_request_are_skipped) {
  for (const std::size_t piece : {1u, 2u, 3u, 100u}) {
    const auto result = parse_request("\r\n\r\n" + get + "Host: a\r\n\r\n", piece);
    BOOST_TEST(result.step == progress::done);
    BOOST_TEST(result.message.method() == "GET");
    BOOST_TEST(result.message.fields().value("Host") == "a");
    BOOST_TEST(result.size == 4 + get.size() + 11);
  }
  BOOST_TEST(parse_response("\r\nHTTP/1.1 200 OK\r\n\r\n").trouble == problem::bad_version);
}

BOOST_AUTO_TEST_CASE(odd_but_valid_requests_are_taken) {
  BOOST_TEST(parse_request("M-SEARCH * HTTP/1.1\r\n\r\n").trouble == problem::bad_target);
  BOOST_TEST(parse_request("OPTIONS * HTTP/1.1\r\n\r\n").step == progress::done);
  BOOST_TEST(parse_request("B~R'E^W / HTTP/1.1\r\n\r\n").message.method() == "B~R'E^W");
  BOOST_TEST(parse_request("GET http://a.test:80/x HTTP/1.1\r\n\r\n").message.target() ==
             "http://a.test:80/x");
  BOOST_TEST(parse_request("CONNECT a.test:443 HTTP/1.1\r\n\r\n").step == progress::done);
  BOOST_TEST(parse_request("CONNECT [::1]:443 HTTP/1.1\r\n\r\n").step == progress::done);
  BOOST_TEST(parse_request("GET /{a}|\"b\"^<c>`\\ HTTP/1.1\r\n\r\n").step == progress::done);
  const std::string target = "/" + std::string(8000, 'x');
  BOOST_TEST(parse_request("GET " + target + " HTTP/1.1\r\n\r\n", 1000).message.target() == target);
  BOOST_TEST((parse_request("GET / HTTP/1.9\r\n\r\n").message.version() == http_version::http_1_1));
  BOOST_TEST((parse_request("GET / HTTP/1.0\r\n\r\n").message.version() == http_version::http_1_0));
}

BOOST_AUTO_TEST_CASE(each_malformed_request_head_has_its_own_problem) {
  const std::vector<bad_head> heads{
      {"GET / HTTP/1.1\n\n", problem::bad_line_break},
      {"GET / HTTP/1.1\r\r\n", problem::bad_line_break},
      {"GET / HTTP/1.1\rHost: a\r\n\r\n", problem::bad_line_break},
      {"\n\nGET / HTTP/1.1\r\n\r\n", problem::bad_line_break},
      {"\x16\x03\x01\x02", problem::bad_start_line},
      {"GET /\0 HTTP/1.1\r\n\r\n"s, problem::bad_start_line},
      {"GET\t/ HTTP/1.1\r\n\r\n", problem::bad_start_line},
      {"GET /\r\n\r\n", problem::bad_start_line},
      {" GET / HTTP/1.1\r\n\r\n", problem::bad_start_line},
      {"GET  / HTTP/1.1\r\n\r\n", problem::bad_start_line},
      {"G(T / HTTP/1.1\r\n\r\n", problem::bad_start_line},
      {"GET /  HTTP/1.1\r\n\r\n", problem::bad_version},
      {"GET / a HTTP/1.1\r\n\r\n", problem::bad_version},
      {"GET / HTTP/1.1 \r\n\r\n", problem::bad_version},
      {"GET / HTTP/11\r\n\r\n", problem::bad_version},
      {"GET / http/1.1\r\n\r\n", problem::bad_version},
      {"GET / HTTP/1.10\r\n\r\n", problem::bad_version},
      {"GET / HTTP/2.0\r\n\r\n", problem::unsupported_version},
      {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", problem::unsupported_version},
      {"GET / HTTP/0.9\r\n\r\n", problem::unsupported_version},
      {"GET x HTTP/1.1\r\n\r\n", problem::bad_target},
      {"GET * HTTP/1.1\r\n\r\n", problem::bad_target},
      {"GET /#fragment HTTP/1.1\r\n\r\n", problem::bad_target},
      {"GET /\xc3\xa4 HTTP/1.1\r\n\r\n", problem::bad_target},
      {"GET http: HTTP/1.1\r\n\r\n", problem::bad_target},
      {"GET http:/x HTTP/1.1\r\n\r\n", problem::bad_target},
      {"GET http:///x HTTP/1.1\r\n\r\n", problem::bad_target},
      {"GET HTTPS://:80/ HTTP/1.1\r\n\r\n", problem::bad_target},
      {"GET http://u@a/ HTTP/1.1\r\n\r\n", problem::bad_target},
      {"GET http://u:p@a?x HTTP/1.1\r\n\r\n", problem::bad_target},
      {"GET http://[zz]/ HTTP/1.1\r\n\r\n", problem::bad_target},
      {"CONNECT / HTTP/1.1\r\n\r\n", problem::bad_target},
      {"CONNECT a.test HTTP/1.1\r\n\r\n", problem::bad_target},
      {get + " A: b\r\n\r\n", problem::space_before_field},
      {get + "A : b\r\n\r\n", problem::space_before_colon},
      {get + "A\t: b\r\n\r\n", problem::space_before_colon},
      {get + "A\r\n\r\n", problem::bad_field_name},
      {get + ": b\r\n\r\n", problem::bad_field_name},
      {get + "A(: b\r\n\r\n", problem::bad_field_name},
      {get + "\xe4: b\r\n\r\n", problem::bad_field_name},
      {get + "A: b\n\r\n", problem::bad_line_break},
      {get + "A: b\rc\r\n\r\n", problem::bad_line_break},
      {get + "A: b\r\n\rX", problem::bad_line_break},
      {get + "A: \0\r\n\r\n"s, problem::bad_field_value},
      {get + "A: \x7f\r\n\r\n", problem::bad_field_value},
      {get + "A: \x0b"s + "b\r\n\r\n", problem::bad_field_value},
      {get + "A: b\r\n c\r\n\r\n", problem::obs_fold},
      {get + "A: b\r\n\tc\r\n\r\n", problem::obs_fold},
  };
  for (const bad_head& head : heads)
    for (const std::size_t piece : {1u, 2u, 3u, 1000u}) {
      const auto result = parse_request(head.text, piece);
      BOOST_TEST(result.step == progress::failed, head.text);
      BOOST_TEST(result.trouble == head.what, head.text << " gave " << result.trouble);
      BOOST_TEST(http1::status_of(result.trouble) ==
                 (result.trouble == problem::unsupported_version ? 505u : 400u));
    }
}

BOOST_AUTO_TEST_CASE(the_limits_of_a_head_are_exact) {
  const std::string head = get + "Host: a\r\nB: c\r\n\r\n";
  for (const std::size_t piece : {1u, 7u, 1000u}) {
    BOOST_TEST(parse_request(head + "more", piece, {head.size(), 2}).step == progress::done);
    BOOST_TEST(parse_request(head, piece, {head.size() - 1, 2}).trouble == problem::head_too_large);
    BOOST_TEST(parse_request(head, piece, {head.size(), 1}).trouble == problem::too_many_fields);
    BOOST_TEST(parse_request(head, piece, {10, 2}).trouble == problem::target_too_long);
    BOOST_TEST(parse_request("\r\n\r\n\r\n\r\n\r\n\r\n", piece, {10, 2}).step == progress::failed);
  }
  BOOST_TEST(http1::status_of(problem::head_too_large) == 431u);
  BOOST_TEST(http1::status_of(problem::too_many_fields) == 431u);
  BOOST_TEST(http1::status_of(problem::target_too_long) == 414u);
}

/// The fields of each head are counted alone, and the bytes of all of them together.
BOOST_AUTO_TEST_CASE(heads_that_are_passed_over_leave_less_for_the_next) {
  const std::string early = "HTTP/1.1 102 Processing\r\na: b\r\n\r\n";
  const std::string last = "HTTP/1.1 200 OK\r\nc: d\r\n\r\n";
  const auto step_of_last = [&](std::size_t limit, std::size_t piece) {
    http1::response_parser parser(head_limits{limit, 1});
    for (int i = 0; i != 2; ++i) {
      response passed;
      BOOST_TEST((parser.parse(early, passed) == progress::done));
      BOOST_TEST(parser.size() == early.size());
      parser.pass_over();
    }
    response got;
    progress step = progress::need_more;
    for (std::size_t end = 0; end < last.size() && step == progress::need_more;) {
      end = std::min(end + piece, last.size());
      step = parser.parse(std::string_view(last).substr(0, end), got);
    }
    return step;
  };
  const std::size_t all = 2 * early.size() + last.size();
  for (std::size_t piece = 1; piece <= last.size(); ++piece) {
    BOOST_TEST((step_of_last(all, piece) == progress::done));
    BOOST_TEST((step_of_last(all - 1, piece) == progress::failed));
  }
  BOOST_TEST((step_of_last(2 * early.size(), 1) == progress::failed));
  BOOST_TEST((step_of_last(2 * early.size(), last.size()) == progress::failed));

  http1::response_parser parser(head_limits{all, 1});
  response got;
  parser.parse(early, got);
  parser.reset();
  got = response();
  const std::string longest = "HTTP/1.1 200 " + std::string(all - 17, 'x') + "\r\n\r\n";
  BOOST_TEST(longest.size() == all);
  BOOST_TEST((parser.parse(longest, got) == progress::done));
}

BOOST_AUTO_TEST_CASE(a_response_is_the_same_however_its_bytes_arrive) {
  const std::string head = "HTTP/1.1 404 Not \xe4 Found\r\nA: 1\r\nContent-Length: 0\r\n\r\n";
  for (std::size_t piece = 1; piece <= head.size() + 4; ++piece) {
    const auto result = parse_response(head + "HTTP", piece);
    BOOST_TEST(result.step == progress::done);
    BOOST_TEST(result.size == head.size());
    BOOST_TEST(result.message.status() == 404u);
    BOOST_TEST(result.message.reason() == "Not \xe4 Found");
    BOOST_TEST(all_of(result.message.fields()) == "A=1;Content-Length=0;");
  }
  BOOST_TEST(parse_response("HTTP/1.1 200 \r\n\r\n").message.reason() == "");
  BOOST_TEST(parse_response("HTTP/1.1 200\r\n\r\n").message.reason() == "");
  BOOST_TEST(parse_response("HTTP/1.1 999 x\r\n\r\n").message.status() == 999u);
}

BOOST_AUTO_TEST_CASE(folded_fields_of_a_response_are_unfolded) {
  const std::string head = "HTTP/1.1 200 OK\r\n"
                           "A: one \r\n  two\r\n\tthree \r\n"
                           "B: \r\n four\r\n"
                           "C: five\r\n \r\n"
                           "D: six\r\n\r\n";
  for (const std::size_t piece : {1u, 2u, 1000u}) {
    const auto result = parse_response(head, piece);
    BOOST_TEST(result.step == progress::done);
    BOOST_TEST(all_of(result.message.fields()) == "A=one     two  \tthree;B=four;C=five;D=six;");
  }
  http1::response_framing how;
  const auto result = parse_response("HTTP/1.1 200 OK\r\nContent-Length:\r\n 5\r\n\r\n");
  BOOST_TEST(http1::frame(result.message, "GET", how) == problem::none);
  BOOST_TEST(how.body.length == 5u);
}

BOOST_AUTO_TEST_CASE(malformed_status_lines_are_refused) {
  const std::vector<bad_head> heads{
      {"HTTP/1.1\r\n\r\n", problem::bad_start_line},
      {"HTTP/1.1 20\r\n\r\n", problem::bad_start_line},
      {"HTTP/1.1 2000 OK\r\n\r\n", problem::bad_start_line},
      {"HTTP/1.1  200 OK\r\n\r\n", problem::bad_start_line},
      {"HTTP/1.1 2x0 OK\r\n\r\n", problem::bad_status},
      {"HTTP/1.1 099 OK\r\n\r\n", problem::bad_status},
      {"HTTP/1.1 -10 OK\r\n\r\n", problem::bad_status},
      {"HTTP/2.0 200 OK\r\n\r\n", problem::unsupported_version},
      {"ICY 200 OK\r\n\r\n", problem::bad_version},
      {"HTTP/1.1 200 O\0K\r\n\r\n"s, problem::bad_start_line},
      {"HTTP/1.1 200 OK\n\n", problem::bad_line_break},
      {"HTTP/1.1 200 OK\r\n A: b\r\n\r\n", problem::space_before_field},
      {"HTTP/1.1 200 OK\r\nA : b\r\n\r\n", problem::space_before_colon},
  };
  for (const bad_head& head : heads)
    BOOST_TEST(parse_response(head.text).trouble == head.what, head.text);
}

BOOST_AUTO_TEST_CASE(the_body_of_a_request_ends_where_rfc_9112_section_6_3_says) {
  const std::string host = get + "Host: a\r\n";
  http1::request_framing how;
  BOOST_TEST(framed(host + "\r\n", how) == problem::none);
  BOOST_TEST(how.body.kind == body_kind::none);
  BOOST_TEST(how.keep_alive);
  BOOST_TEST(framed(host + "content-LENGTH: 0\r\n\r\n", how) == problem::none);
  BOOST_TEST(how.body.kind == body_kind::none);
  for (const char* same : {"Content-Length: 42", "Content-Length: 42, 42 ,042",
                           "Content-Length: 42\r\nContent-Length: 42", "Content-Length: 0042"}) {
    BOOST_TEST(framed(host + same + "\r\n\r\n", how) == problem::none);
    BOOST_TEST(how.body.kind == body_kind::length);
    BOOST_TEST(how.body.length == 42u);
  }
  for (const char* chunked : {"Transfer-Encoding: chunked", "transfer-encoding: \tCHUNKED",
                              "Transfer-Encoding: , chunked ,"}) {
    BOOST_TEST(framed(host + chunked + "\r\n\r\n", how) == problem::none);
    BOOST_TEST(how.body.kind == body_kind::chunked);
  }
  BOOST_TEST(framed(host + "Content-Length: 99999999999999999999999999\r\n\r\n", how) ==
             problem::none);
  BOOST_TEST(how.body.length == ~std::uint64_t{0});
}

BOOST_AUTO_TEST_CASE(ambiguous_or_malformed_framing_of_a_request_is_refused) {
  const std::string host = get + "Host: a\r\n";
  const std::vector<bad_head> heads{
      {get + "\r\n", problem::host_missing},
      {host + "Host: a\r\n\r\n", problem::host_repeated},
      {"GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", problem::host_repeated},
      {get + "Host: a b\r\n\r\n", problem::bad_host},
      {get + "Host: u@a\r\n\r\n", problem::bad_host},
      {get + "Host: a:b\r\n\r\n", problem::bad_host},
      {get + "Host: a/b\r\n\r\n", problem::bad_host},
      {get + "Host: [::1\r\n\r\n", problem::bad_host},
      {get + "Host: []\r\n\r\n", problem::bad_host},
      {get + "Host: [zz]\r\n\r\n", problem::bad_host},
      {get + "Host: [::::::::::::]:1\r\n\r\n", problem::bad_host},
      {get + "Host: [v1.]\r\n\r\n", problem::bad_host},
      {get + "Host: [v.a]\r\n\r\n", problem::bad_host},
      {get + "Host: a%4\r\n\r\n", problem::bad_host},
      {host + "Content-Length: \r\n\r\n", problem::bad_length},
      {host + "Content-Length: +5\r\n\r\n", problem::bad_length},
      {host + "Content-Length: -5\r\n\r\n", problem::bad_length},
      {host + "Content-Length: 0x5\r\n\r\n", problem::bad_length},
      {host + "Content-Length: 5 5\r\n\r\n", problem::bad_length},
      {host + "Content-Length: 5,\r\n\r\n", problem::bad_length},
      {host + "Content-Length: 5, 6\r\n\r\n", problem::lengths_differ},
      {host + "Content-Length: 5\r\nContent-Length: 6\r\n\r\n", problem::lengths_differ},
      {host + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
       problem::length_and_coding},
      {host + "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n",
       problem::length_and_coding},
      {host + "Transfer-Encoding: identity\r\nContent-Length: 5\r\n\r\n",
       problem::length_and_coding},
      {host + "Transfer-Encoding: gzip\r\n\r\n", problem::chunked_not_last},
      {host + "Transfer-Encoding: xchunked\r\n\r\n", problem::chunked_not_last},
      {host + "Transfer-Encoding:\r\n\r\n", problem::chunked_not_last},
      {host + "Transfer-Encoding: chunked, gzip\r\n\r\n", problem::chunked_not_last},
      {host + "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n",
       problem::chunked_not_last},
      {host + "Transfer-Encoding: chunked, chunked\r\n\r\n", problem::bad_coding},
      {host + "Transfer-Encoding: ,\r\n\r\n", problem::chunked_not_last},
      {host + "Transfer-Encoding: chunked\r\nTransfer-Encoding:\r\n\r\n",
       problem::chunked_not_last},
      {host + "Transfer-Encoding:\r\nTransfer-Encoding: chunked\r\n\r\n", problem::unknown_coding},
      {host + "Transfer-Encoding: chunked;a=b\r\n\r\n", problem::bad_coding},
      {host + "Transfer-Encoding: \"chunked\"\r\n\r\n", problem::bad_coding},
      {host + "Transfer-Encoding: gzip, chunked\r\n\r\n", problem::unknown_coding},
      {host + "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n",
       problem::unknown_coding},
      {"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", problem::coding_before_http_1_1},
  };
  for (const bad_head& head : heads) {
    http1::request_framing how;
    const problem what = framed(head.text, how);
    BOOST_TEST(what == head.what, head.text << " gave " << what);
    BOOST_TEST(http1::status_of(what) == (what == problem::unknown_coding ? 501u : 400u));
  }
  http1::request_framing how;
  for (const char* good : {"Host:", "Host: a.test:80", "Host: [::1]:80", "Host: a%20b",
                           "Host: a:", "Host: [::ffff:192.0.2.1]", "Host: [v1.fe:a]:80"})
    BOOST_TEST(framed(get + good + "\r\n\r\n", how) == problem::none, good);
}

BOOST_AUTO_TEST_CASE(expectations_count_in_http_1_1_alone) {
  http1::request_framing how;
  BOOST_TEST(framed(get + "Host: a\r\nExpect: 100-Continue\r\n\r\n", how) == problem::none);
  BOOST_TEST(how.expects_continue);
  BOOST_TEST(!how.expects_something);
  BOOST_TEST(framed(get + "Host: a\r\nExpect: 100-continue, tea\r\n\r\n", how) == problem::none);
  BOOST_TEST(how.expects_something);
  BOOST_TEST(framed("GET / HTTP/1.0\r\nExpect: 100-continue, tea\r\n\r\n", how) == problem::none);
  BOOST_TEST(!how.expects_continue);
  BOOST_TEST(!how.expects_something);
}

BOOST_AUTO_TEST_CASE(the_body_of_a_response_depends_on_its_request_and_status) {
  const auto judge = [](const std::string& head, std::string_view method) {
    http1::response_framing how;
    const auto result = parse_response("HTTP/1.1 " + head + "\r\n\r\n");
    BOOST_TEST(result.step == progress::done);
    BOOST_TEST(http1::frame(result.message, method, how) == problem::none);
    return how;
  };
  BOOST_TEST(judge("200 OK\r\nContent-Length: 5", "GET").body.kind == body_kind::length);
  BOOST_TEST(judge("200 OK\r\nContent-Length: 5", "HEAD").body.kind == body_kind::none);
  BOOST_TEST(judge("200 OK\r\nTransfer-Encoding: chunked", "HEAD").body.kind == body_kind::none);
  BOOST_TEST(judge("304 x\r\nContent-Length: 5", "GET").body.kind == body_kind::none);
  BOOST_TEST(judge("204 x", "GET").body.kind == body_kind::none);
  BOOST_TEST(judge("204 x", "GET").keep_alive);
  BOOST_TEST(judge("103 x", "GET").body.kind == body_kind::none);
  BOOST_TEST(judge("200 OK\r\nTransfer-Encoding: chunked", "GET").body.kind == body_kind::chunked);
  BOOST_TEST(judge("200 OK", "GET").body.kind == body_kind::until_close);
  BOOST_TEST(!judge("200 OK", "GET").keep_alive);
  BOOST_TEST(judge("200 OK\r\nContent-Length: 0", "GET").keep_alive);
  BOOST_TEST(!judge("200 OK\r\nContent-Length: 0\r\nConnection: CLOSE", "GET").keep_alive);
  BOOST_TEST(judge("200 OK", "CONNECT").body.kind == body_kind::tunnel);
  BOOST_TEST(!judge("200 OK", "CONNECT").keep_alive);
  BOOST_TEST(judge("407 x\r\nContent-Length: 5", "CONNECT").body.kind == body_kind::length);
  BOOST_TEST(judge("101 x", "GET").body.kind == body_kind::tunnel);

  http1::response_framing how;
  for (const char* bad :
       {"Content-Length: 5\r\nTransfer-Encoding: chunked", "Content-Length: 5, 6",
        "Content-Length: -2", "Transfer-Encoding: gzip", "Transfer-Encoding: gzip, chunked"}) {
    // What is wrong with a Host, which means nothing here, must not hide it.
    for (const char* host_lines : {"", "Host: a b\r\n", "Host: a\r\nHost: b\r\n"}) {
      const auto result = parse_response("HTTP/1.1 200 OK\r\n"s + host_lines + bad + "\r\n\r\n");
      const problem what = http1::frame(result.message, "GET", how);
      BOOST_TEST((http1::error_of(what) == error::protocol_error), host_lines << bad);
    }
  }
  BOOST_TEST(judge("200 OK\r\nHost: a b\r\nHost: c\r\nContent-Length: 0", "GET").keep_alive);
}
