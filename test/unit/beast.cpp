// Messages on their way between Beast and httpool: nothing is lost, nothing is doubled.

#include "http1/serialize.hpp"

#include <httpool/beast.hpp>

#include <boost/beast/core/buffers_to_string.hpp>
#include <boost/beast/core/file.hpp>
#include <boost/beast/core/ostream.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/dynamic_body.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/file_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/serializer.hpp>
#include <boost/beast/http/span_body.hpp>
#include <boost/beast/http/vector_body.hpp>
#include <boost/test/unit_test.hpp>

#include <cstdio>
#include <random>
#include <string>
#include <vector>

namespace beast = boost::beast;
namespace http = boost::beast::http;
using boost::system::error_code;
using httpool::error;
using httpool::from_beast;
using httpool::http_version;
using httpool::to_beast;

namespace {

template <class Fields>
std::vector<std::string> lines_of(const Fields& fields) {
  std::vector<std::string> lines;
  for (const auto& line : fields)
    lines.push_back(std::string(line.name_string()).append("=").append(std::string(line.value())));
  return lines;
}

std::vector<std::string> lines_of(const httpool::fields& fields) {
  std::vector<std::string> lines;
  for (const httpool::field line : fields)
    lines.push_back(std::string(line.name).append("=").append(line.value));
  return lines;
}

/// Messages as programs make them.
class generator {
public:
  explicit generator(std::uint64_t seed) : random_(seed) {}

  template <class Message>
  void fill(Message& message) {
    message.version(below(2) == 0 ? 10 : 11);
    for (std::size_t n = below(6); n > 0; --n)
      message.insert(pick({"Accept", "X-One", "x-one", "Cookie", "User-Agent", "b!d"}),
                     pick({"", "a", "a, b", "text/plain; q=\"x y\"", "\xe4\xf6", "a\tb"}));
    message.body() = std::string(below(3) == 0 ? 0 : below(5000), static_cast<char>(below(256)));
    if (message.version() == 11 && !message.body().empty() && below(3) == 0)
      message.chunked(true);
    else if (below(2) == 0)
      message.prepare_payload();
    message.keep_alive(below(2) == 0);
  }

  http::request<http::string_body> request() {
    http::request<http::string_body> message;
    message.method_string(pick({"GET", "POST", "PUT", "DELETE", "PURGE", "x-odd", "M-SEARCH"}));
    message.target(pick({"/", "/a/b?c=d", "http://a.test/x", "/%20"}));
    fill(message);
    return message;
  }

  http::response<http::string_body> response() {
    http::response<http::string_body> message;
    message.result(static_cast<unsigned>(200 + below(400)));
    if (message.result() == http::status::no_content ||
        message.result() == http::status::not_modified)
      message.result(http::status::ok);
    if (below(2) == 0)
      message.reason(pick({"Fine", "As you like it", "\xe4"}));
    fill(message);
    return message;
  }

  std::size_t below(std::size_t n) { return static_cast<std::size_t>(random_() % n); }

private:
  const char* pick(std::initializer_list<const char*> from) {
    return from.begin()[below(from.size())];
  }

  std::mt19937_64 random_;
};

/// What the client would send.
std::string wire(const httpool::request& message) {
  std::string text;
  httpool::http1::body_form form{};
  const error_code ec = httpool::http1::append_head(text, message, "default.test", form);
  BOOST_TEST_REQUIRE(ec == error_code());
  const std::size_t size = message.body().size();
  if (form == httpool::http1::body_form::chunked && size > 0)
    httpool::http1::append_chunk_size(text, size);
  text += message.body();
  if (form == httpool::http1::body_form::chunked)
    httpool::http1::append_last_chunk(text, size, message.trailers());
  return text;
}

template <bool IsRequest>
http::message<IsRequest, http::string_body> parsed(const std::string& text) {
  http::parser<IsRequest, http::string_body> parser;
  parser.eager(true);
  error_code ec;
  const std::size_t used = parser.put(boost::asio::buffer(text), ec);
  BOOST_TEST(ec == error_code());
  BOOST_TEST(used == text.size(), text);
  BOOST_TEST_REQUIRE(parser.is_done());
  return parser.release();
}

template <class Message>
std::string serialized(Message& message) {
  http::serializer<Message::is_request::value, typename Message::body_type> serializer(message);
  std::string text;
  error_code ec;
  while (!ec && !serializer.is_done())
    serializer.next(ec, [&](error_code&, const auto& buffers) {
      text += beast::buffers_to_string(buffers);
      serializer.consume(beast::buffer_bytes(buffers));
    });
  BOOST_TEST(ec == error_code());
  return text;
}

template <class Message>
error_code refusal(Message& message) {
  const auto made = from_beast(message);
  return made ? error_code() : made.error();
}

} // namespace

BOOST_AUTO_TEST_CASE(generated_requests_come_back_as_they_were) {
  generator generate(1);
  for (int i = 0; i < 3000; ++i) {
    const auto theirs = generate.request();
    const httpool::request ours = from_beast(theirs).value();
    BOOST_TEST(ours.method() == std::string_view(theirs.method_string()));
    BOOST_TEST(ours.target() == std::string_view(theirs.target()));
    BOOST_TEST((ours.version() == http_version::http_1_0) == (theirs.version() == 10));
    BOOST_TEST(ours.keep_alive() == theirs.keep_alive());
    BOOST_TEST(ours.body() == theirs.body());
    BOOST_TEST(lines_of(ours.fields()) == lines_of(theirs));

    auto again = to_beast(ours).value();
    BOOST_TEST(again.method_string() == theirs.method_string());
    BOOST_TEST(again.target() == theirs.target());
    BOOST_TEST(again.version() == theirs.version());
    BOOST_TEST(again.body() == theirs.body());
    if (!theirs.has_content_length())
      again.erase("Content-Length");
    BOOST_TEST(lines_of(again) == lines_of(theirs));
  }
}

BOOST_AUTO_TEST_CASE(generated_responses_come_back_as_they_were) {
  generator generate(2);
  for (int i = 0; i < 3000; ++i) {
    const auto theirs = generate.response();
    const httpool::response ours = from_beast(theirs).value();
    BOOST_TEST(ours.status() == theirs.result_int());
    BOOST_TEST(ours.body() == theirs.body());
    BOOST_TEST(lines_of(ours.fields()) == lines_of(theirs));

    auto again = to_beast(ours).value();
    BOOST_TEST(again.result_int() == theirs.result_int());
    BOOST_TEST(again.version() == theirs.version());
    BOOST_TEST(again.reason() == theirs.reason());
    BOOST_TEST(again.body() == theirs.body());
    if (!theirs.has_content_length())
      again.erase("Content-Length");
    BOOST_TEST(lines_of(again) == lines_of(theirs));
  }
}

BOOST_AUTO_TEST_CASE(beast_reads_what_we_send_of_its_own_request) {
  generator generate(3);
  for (int i = 0; i < 3000; ++i) {
    auto theirs = generate.request();
    const auto seen = parsed<true>(wire(from_beast(theirs).value()));
    BOOST_TEST(seen.method_string() == theirs.method_string());
    BOOST_TEST(seen.target() == theirs.target());
    BOOST_TEST(seen.version() == theirs.version());
    BOOST_TEST(seen.body() == theirs.body());
    BOOST_TEST(seen.keep_alive() == theirs.keep_alive());
    BOOST_TEST(seen.chunked() == theirs.chunked());
    BOOST_TEST(
        seen.count(http::field::content_length) + seen.count(http::field::transfer_encoding) <= 1u);
    BOOST_TEST(seen["Host"] == "default.test");
  }
}

BOOST_AUTO_TEST_CASE(beast_can_send_what_we_give_it) {
  generator generate(4);
  for (int i = 0; i < 1000; ++i) {
    auto request = to_beast(from_beast(generate.request()).value()).value();
    BOOST_TEST(parsed<true>(serialized(request)).body() == request.body());
    auto response = to_beast(from_beast(generate.response()).value()).value();
    if (response.need_eof())
      continue;
    BOOST_TEST(parsed<false>(serialized(response)).body() == response.body());
  }
}

BOOST_AUTO_TEST_CASE(any_body_that_can_be_written_is_read) {
  http::request<http::vector_body<char>> vector(http::verb::put, "/", 11);
  vector.body() = {'a', '\0', 'b'};
  BOOST_TEST(from_beast(vector)->body() == std::string("a\0b", 3));

  http::request<http::dynamic_body> dynamic(http::verb::put, "/", 11);
  beast::ostream(dynamic.body()) << std::string(100'000, 'x');
  BOOST_TEST(from_beast(dynamic)->body() == std::string(100'000, 'x'));

  const http::request<http::empty_body> empty(http::verb::get, "/", 11);
  BOOST_TEST(from_beast(empty)->body().empty());

  std::string text = "spanned";
  http::request<http::span_body<char>> span(http::verb::put, "/", 11);
  span.body() = beast::span<char>(text.data(), text.size());
  BOOST_TEST(from_beast(span)->body() == text);

  http::request<http::buffer_body> buffer(http::verb::put, "/", 11);
  buffer.body().data = text.data();
  buffer.body().size = text.size();
  buffer.body().more = false;
  BOOST_TEST(from_beast(buffer)->body() == text);
  buffer.body().more = true;
  BOOST_TEST(refusal(buffer) == error_code(http::error::need_buffer));
}

BOOST_AUTO_TEST_CASE(the_body_of_a_file_is_read_if_its_message_may_change) {
  std::FILE* const file = std::tmpfile();
  BOOST_TEST_REQUIRE(file != nullptr);
  const std::string content(100'000, 'f');
  BOOST_TEST_REQUIRE(std::fwrite(content.data(), 1, content.size(), file) == content.size());
  std::fflush(file);
  http::request<http::file_body> message(http::verb::put, "/", 11);
  beast::file handle;
  error_code ec;
  handle.open(("/proc/self/fd/" + std::to_string(::fileno(file))).c_str(), beast::file_mode::read,
              ec);
  BOOST_TEST_REQUIRE(ec == error_code());
  message.body().reset(std::move(handle), ec);
  BOOST_TEST_REQUIRE(ec == error_code());
  message.prepare_payload();
  const httpool::request ours = from_beast(message).value();
  BOOST_TEST(ours.body() == content);
  BOOST_TEST(ours.fields().value("Content-Length") == "100000");
  static_assert(!httpool::detail::beast_source<const http::request<http::file_body>&>);
  std::fclose(file);
}

BOOST_AUTO_TEST_CASE(any_body_that_can_be_read_is_filled) {
  const httpool::response ours(200, std::string(100'000, 'x'), "text/plain");
  BOOST_TEST(to_beast<http::dynamic_body>(ours)->body().size() == 100'000u);
  BOOST_TEST(to_beast<http::vector_body<char>>(ours)->body() == std::vector<char>(100'000, 'x'));
  BOOST_TEST(to_beast<http::empty_body>(httpool::response(204))->result_int() == 204u);
  BOOST_TEST(to_beast<http::empty_body>(ours).error() == error_code(http::error::unexpected_body));
  BOOST_TEST(to_beast<http::span_body<char>>(ours).error() ==
             error_code(http::error::buffer_overflow));
  BOOST_TEST(to_beast<http::buffer_body>(ours).error() == error_code(http::error::need_buffer));
}

BOOST_AUTO_TEST_CASE(what_beast_lets_pass_but_the_wire_does_not_is_refused) {
  const error_code refused = error::invalid_request;
  http::request<http::string_body> message(http::verb::get, "/", 11);
  BOOST_TEST(refusal(message) == error_code());
  auto bad = message;
  bad.set("X", "a\r\nY: b");
  BOOST_TEST(refusal(bad) == refused);
  bad = message;
  bad.set("X Y", "a");
  BOOST_TEST(refusal(bad) == refused);
  bad = message;
  bad.target("/a b");
  BOOST_TEST(refusal(bad) == refused);
  bad = message;
  bad.target("");
  BOOST_TEST(refusal(bad) == refused);
  for (const unsigned version : {9u, 12u, 20u}) {
    bad = message;
    bad.version(version);
    BOOST_TEST(refusal(bad) == refused);
  }
  http::request<http::string_body> nothing;
  BOOST_TEST(refusal(nothing) == refused);
  http::response<http::string_body> answer(http::status::ok, 11);
  answer.reason("a\r\nX: y");
  BOOST_TEST(refusal(answer) == refused);
}

BOOST_AUTO_TEST_CASE(trailers_join_the_header_unless_they_would_change_its_meaning) {
  httpool::response ours(200, "content", "text/plain");
  ours.fields().add("Transfer-Encoding", "chunked");
  ours.trailers().add("X-Checksum", "7");
  for (const char* name : {"Content-Length", "Transfer-Encoding", "Connection", "Host",
                           "content-type", "Set-Cookie", "Trailer"})
    ours.trailers().add(name, "1");
  const auto theirs = to_beast(ours).value();
  BOOST_TEST(lines_of(theirs) ==
             (std::vector<std::string>{"Content-Type=text/plain", "Transfer-Encoding=chunked",
                                       "X-Checksum=7"}));
  BOOST_TEST(theirs.chunked());
}

BOOST_AUTO_TEST_CASE(a_request_for_beast_is_framed_once_and_right) {
  httpool::request ours("POST", "/");
  BOOST_TEST(to_beast(ours).value()["Content-Length"] == "0");
  BOOST_TEST(!to_beast(httpool::request()).value().has_content_length());
  ours.body("12345");
  BOOST_TEST(to_beast(ours).value()["Content-Length"] == "5");
  ours.fields().set("content-length", "5");
  BOOST_TEST(to_beast(ours).value().count("Content-Length") == 1u);
  ours.fields().set("Content-Length", "6");
  BOOST_TEST(to_beast(ours).error() == error_code(error::invalid_request));
  ours.fields().set("Content-Length", "5");
  ours.fields().add("Content-Length", "5");
  BOOST_TEST(to_beast(ours).error() == error_code(error::invalid_request));
  ours.fields().set("Content-Length", "5");
  ours.fields().add("Transfer-Encoding", "chunked");
  BOOST_TEST(to_beast(ours).error() == error_code(error::invalid_request));
  ours.fields().erase("Content-Length");
  BOOST_TEST(to_beast(ours).value().chunked());
}

BOOST_AUTO_TEST_CASE(a_response_for_beast_is_framed_by_its_content_or_as_it_says) {
  httpool::response ours(200);
  ours.fields().set("Content-Length", "123"); // of what a GET would have got
  BOOST_TEST(to_beast(ours).value()["Content-Length"] == "123");
  ours.body("12345");
  BOOST_TEST(to_beast(ours).value()["Content-Length"] == "5");
  ours.fields().set("Transfer-Encoding", "chunked");
  BOOST_TEST(!to_beast(ours).value().has_content_length());
}

BOOST_AUTO_TEST_CASE(what_is_chunked_and_empty_ends_once) {
  http::request<http::string_body> theirs(http::verb::post, "/", 11);
  theirs.chunked(true);
  const httpool::request ours = from_beast(theirs).value();
  BOOST_TEST(wire(ours).ends_with("Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"));
  auto again = to_beast(ours).value();
  BOOST_TEST(serialized(again) == "POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n");
  httpool::response answer;
  answer.fields().add("Transfer-Encoding", "chunked");
  auto for_beast = to_beast(answer).value();
  BOOST_TEST(for_beast.need_eof());
  BOOST_TEST(serialized(for_beast) == "HTTP/1.1 200 OK\r\n\r\n");
}

BOOST_AUTO_TEST_CASE(a_field_that_beast_has_no_room_for_is_an_error) {
  httpool::response ours(200);
  ours.fields().set(std::string(100'000, 'x'), "y");
  BOOST_TEST(to_beast(ours).error() == error_code(error::head_too_large));
}

BOOST_AUTO_TEST_CASE(reasons_are_kept_where_beast_can_tell_them) {
  httpool::response ours;
  ours.status(299);
  BOOST_TEST(from_beast(to_beast(ours).value())->reason() == "");
  ours.status(404);
  BOOST_TEST(from_beast(to_beast(ours).value())->reason() == "Not Found");
  ours.status(404, "Gone fishing");
  BOOST_TEST(from_beast(to_beast(ours).value())->reason() == "Gone fishing");
}
