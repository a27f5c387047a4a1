#include "http1/body_decoder.hpp"

#include <httpool/error.hpp>

#include <boost/test/unit_test.hpp>

#include <string>
#include <utility>
#include <vector>

using namespace httpool;
using namespace std::string_literals;
using http1::body_decoder;
using http1::body_kind;
using http1::framing;
using http1::problem;

namespace httpool::http1 {
std::ostream& operator<<(std::ostream& out, problem what) {
  return out << text_of(what);
}
} // namespace httpool::http1

namespace {

constexpr std::uint64_t no_limit = ~std::uint64_t{0};

struct decoded {
  bool done = false;
  problem trouble = problem::none;
  std::size_t used = 0;
  std::string body;
  fields trailers;
};

decoded decode(framing how, const std::string& text, std::size_t piece,
               std::uint64_t limit = no_limit, http1::head_limits trailer_limits = {}) {
  decoded result;
  body_decoder decoder;
  decoder.start(how, limit, trailer_limits);
  while (result.used < text.size() && !decoder.done() && decoder.trouble() == problem::none) {
    const std::string seen = text.substr(result.used, piece);
    result.used += decoder.decode(seen, result.body, result.trailers);
  }
  result.done = decoder.done();
  result.trouble = decoder.trouble();
  return result;
}

const framing chunked{body_kind::chunked, 0};

} // namespace

BOOST_AUTO_TEST_CASE(a_body_of_known_length_ends_there_and_leaves_the_rest) {
  for (const std::size_t piece : {1u, 2u, 5u, 100u}) {
    const decoded result = decode({body_kind::length, 5}, "helloGET /", piece);
    BOOST_TEST(result.done);
    BOOST_TEST(result.body == "hello");
    BOOST_TEST(result.used == 5u);
  }
  body_decoder decoder;
  BOOST_TEST(decoder.start({body_kind::length, 6}, 5) == problem::body_too_large);
  BOOST_TEST(decoder.direct() == 0u);
  BOOST_TEST(decoder.start({body_kind::length, 5}, 5) == problem::none);
  BOOST_TEST(decoder.end_of_stream() == problem::truncated);
  BOOST_TEST((http1::error_of(problem::truncated) == error::connection_closed));
  decoder.start({}, 5);
  BOOST_TEST(decoder.done());
  BOOST_TEST(decoder.end_of_stream() == problem::none);
}

BOOST_AUTO_TEST_CASE(a_large_body_may_be_read_past_the_decoder) {
  body_decoder decoder;
  std::string body;
  fields trailers;
  decoder.start({body_kind::length, 10}, no_limit);
  BOOST_TEST(decoder.decode("abc", body, trailers) == 3u);
  BOOST_TEST(decoder.direct() == 7u);
  BOOST_TEST(decoder.took(6) == problem::none);
  BOOST_TEST(!decoder.done());
  BOOST_TEST(decoder.took(1) == problem::none);
  BOOST_TEST(decoder.done());
  BOOST_TEST(decoder.direct() == 0u);

  decoder.start(chunked, no_limit);
  BOOST_TEST(decoder.direct() == 0u);
  BOOST_TEST(decoder.decode("5\r\n", body, trailers) == 3u);
  BOOST_TEST(decoder.direct() == 5u);
  BOOST_TEST(decoder.took(5) == problem::none);
  BOOST_TEST(decoder.direct() == 0u);
  BOOST_TEST(decoder.decode("\r\n0\r\n\r\n", body, trailers) == 7u);
  BOOST_TEST(decoder.done());
}

BOOST_AUTO_TEST_CASE(a_body_that_ends_with_the_connection_takes_all_up_to_the_limit) {
  body_decoder decoder;
  std::string body;
  fields trailers;
  decoder.start({body_kind::until_close, 0}, 6);
  BOOST_TEST(decoder.decode("abc", body, trailers) == 3u);
  BOOST_TEST(decoder.took(3) == problem::none);
  BOOST_TEST(!decoder.done());
  BOOST_TEST(decoder.end_of_stream() == problem::none);
  BOOST_TEST(decoder.done());
  decoder.start({body_kind::until_close, 0}, 2);
  decoder.decode("abc", body, trailers);
  BOOST_TEST(decoder.trouble() == problem::body_too_large);
  BOOST_TEST(decoder.end_of_stream() == problem::body_too_large);
}

BOOST_AUTO_TEST_CASE(a_chunked_body_is_the_same_however_its_bytes_arrive) {
  const std::string wire = "5\r\nhello\r\n"
                           "1;name;other=value\r\n \r\n"
                           "05 ; a = \"quoted \\\" text\" \t;b\r\nworld\r\n"
                           "A;x=\"\"\r\n0123456789\r\n"
                           "000 ;last\r\n"
                           "Check: sum\r\n"
                           "Other:\t x \r\n"
                           "\r\n";
  for (std::size_t piece = 1; piece <= wire.size() + 3; ++piece) {
    const decoded result = decode(chunked, wire + "GET", piece);
    BOOST_TEST(result.done);
    BOOST_TEST(result.trouble == problem::none);
    BOOST_TEST(result.body == "hello world0123456789");
    BOOST_TEST(result.used == wire.size());
    BOOST_TEST(result.trailers.size() == 2u);
    BOOST_TEST(result.trailers.value("check") == "sum");
    BOOST_TEST(result.trailers.value("other") == "x");
  }
  BOOST_TEST(decode(chunked, "0\r\n\r\n", 100).done);
  BOOST_TEST(decode(chunked, "aB\r\n" + std::string(0xab, 'x') + "\r\n0\r\n\r\n", 7).body.size() ==
             0xabu);
}

BOOST_AUTO_TEST_CASE(no_trailer_is_to_be_seen_before_the_end) {
  body_decoder decoder;
  std::string body;
  fields trailers;
  decoder.start(chunked, no_limit);
  decoder.decode("2\r\nhi\r\n0\r\nCheck: sum\r\n", body, trailers);
  BOOST_TEST(trailers.empty());
  decoder.decode("Other: x\r\n\r\n", body, trailers);
  BOOST_TEST_REQUIRE(decoder.done());
  BOOST_TEST(trailers.value("check") == "sum");
  BOOST_TEST(trailers.value("other") == "x");

  const decoded broken = decode(chunked, "0\r\nCheck: sum\r\nOther\r\n\r\n", 100);
  BOOST_TEST(broken.trouble == problem::bad_field_name);
  BOOST_TEST(broken.trailers.empty());
}

BOOST_AUTO_TEST_CASE(each_malformed_chunked_body_has_its_own_problem) {
  const std::vector<std::pair<std::string, problem>> bodies{
      {"\r\n", problem::bad_chunk_size},
      {"x\r\n", problem::bad_chunk_size},
      {"0x5\r\nhello\r\n", problem::bad_chunk_size},
      {"-5\r\nhello\r\n", problem::bad_chunk_size},
      {"+5\r\nhello\r\n", problem::bad_chunk_size},
      {" 5\r\nhello\r\n", problem::bad_chunk_size},
      {";a=b\r\n", problem::bad_chunk_size},
      {"5g\r\nhello\r\n", problem::bad_chunk_size},
      {"5\nhello\r\n", problem::bad_chunk_size},
      {"5\r hello\r\n", problem::bad_line_break},
      {"5 \r\nhello\r\n", problem::bad_chunk_extension},
      {"5;\r\nhello\r\n", problem::bad_chunk_extension},
      {"5; \r\nhello\r\n", problem::bad_chunk_extension},
      {"5;a=\r\nhello\r\n", problem::bad_chunk_extension},
      {"5;a=b \r\nhello\r\n", problem::bad_chunk_extension},
      {"5;=b\r\nhello\r\n", problem::bad_chunk_extension},
      {"5;a b\r\nhello\r\n", problem::bad_chunk_extension},
      {"5;a=\"b\r\nhello\r\n", problem::bad_chunk_extension},
      {"5;a=\"b\"c\r\nhello\r\n", problem::bad_chunk_extension},
      {"5;a=\"\\\r\"\r\nhello\r\n", problem::bad_chunk_extension},
      {"5;a\nhello\r\n", problem::bad_chunk_extension},
      {"5;a\0\r\nhello\r\n"s, problem::bad_chunk_extension},
      {"5\r\nhelloX\r\n", problem::bad_chunk_end},
      {"5\r\nhello\rX", problem::bad_chunk_end},
      {"5\r\nhello\n", problem::bad_chunk_end},
      {"5\r\nhello0\r\n\r\n", problem::bad_chunk_end},
      {"FFFFFFFFFFFFFFFFF\r\n", problem::body_too_large},
      {"10000000000000000\r\n", problem::body_too_large},
      {"5;a=" + std::string(20'000, 'x'), problem::chunk_extension_too_long},
      {std::string(20'000, '0'), problem::chunk_extension_too_long},
      {"0\r\nA : b\r\n\r\n", problem::space_before_colon},
      {"0\r\n A: b\r\n\r\n", problem::space_before_field},
      {"0\r\nA: b\r\n c\r\n\r\n", problem::obs_fold},
      {"0\r\nA: b\n\r\n", problem::bad_line_break},
      {"0\r\nA\r\n\r\n", problem::bad_field_name},
      {"0\r\n\rX", problem::bad_line_break},
  };
  for (const auto& [text, what] : bodies)
    for (const std::size_t piece : {1u, 2u, 100'000u}) {
      const decoded result = decode(chunked, text, piece);
      BOOST_TEST(result.trouble == what, text << " gave " << result.trouble);
      BOOST_TEST(!result.done);
    }
}

BOOST_AUTO_TEST_CASE(the_largest_chunk_size_is_not_an_overflow) {
  body_decoder decoder;
  std::string body;
  fields trailers;
  decoder.start(chunked, no_limit);
  decoder.decode("0000000FFFFFFFFFFFFFFFF\r\n", body, trailers);
  BOOST_TEST(decoder.trouble() == problem::none);
  BOOST_TEST(decoder.direct() == no_limit);
}

BOOST_AUTO_TEST_CASE(the_limits_of_a_chunked_body_are_exact) {
  const std::string wire = "3\r\nabc\r\n3\r\ndef\r\n0\r\nA: b\r\n\r\n";
  for (const std::size_t piece : {1u, 1000u}) {
    BOOST_TEST(decode(chunked, wire, piece, 6).done);
    BOOST_TEST(decode(chunked, wire, piece, 5).trouble == problem::body_too_large);
    BOOST_TEST(decode(chunked, wire, piece, 6, {8, 1}).done);
    BOOST_TEST(decode(chunked, wire, piece, 6, {7, 1}).trouble == problem::head_too_large);
    BOOST_TEST(decode(chunked, wire, piece, 6, {8, 0}).trouble == problem::too_many_fields);
  }
}

BOOST_AUTO_TEST_CASE(many_small_extensions_count_together) {
  std::string wire;
  for (int i = 0; i < 2000; ++i)
    wire += "1;extension\r\nx\r\n";
  BOOST_TEST(decode(chunked, wire, 1000).trouble == problem::chunk_extension_too_long);
}
