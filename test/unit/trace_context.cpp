// The examples of W3C Trace Context §3.2, and what is none.

#include <httpool/trace_context.hpp>

#include <boost/test/unit_test.hpp>

using httpool::trace_context;

namespace {

const std::string good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

bool is_good(const std::string& field) {
  return trace_context::parse(field).has_value();
}

/// With another text at a place.
std::string with(std::size_t at, const std::string& text) {
  return std::string(good).replace(at, text.size(), text);
}

} // namespace

BOOST_AUTO_TEST_CASE(what_is_read_is_written) {
  const auto read = trace_context::parse(good);
  BOOST_REQUIRE(read.has_value());
  BOOST_TEST(read->trace_id[0] == 0x4b);
  BOOST_TEST(read->trace_id[15] == 0x36);
  BOOST_TEST(read->parent_id[7] == 0xb7);
  BOOST_TEST(read->sampled());
  BOOST_TEST(read->to_string() == good);
  BOOST_TEST(!trace_context::parse(with(53, "00"))->sampled());
  BOOST_TEST(!trace_context::parse(with(53, "02"))->sampled());
}

BOOST_AUTO_TEST_CASE(flags_that_version_00_does_not_define_are_not_sent) {
  BOOST_TEST(trace_context::parse(with(53, "ff"))->flags == 0xff);
  BOOST_TEST(trace_context::parse(with(53, "ff"))->to_string() == with(53, "01"));
  BOOST_TEST(trace_context::parse(with(53, "fe"))->to_string() == with(53, "00"));
  BOOST_TEST(trace_context::parse(with(53, "02"))->to_string() == with(53, "00"));
}

BOOST_AUTO_TEST_CASE(without_both_ids_it_is_not_valid) {
  trace_context made;
  BOOST_TEST(!made.is_valid());
  made.trace_id[15] = 1;
  BOOST_TEST(!made.is_valid());
  made.parent_id[0] = 1;
  BOOST_TEST(made.is_valid());
  BOOST_TEST(trace_context::parse(made.to_string()).has_value());
  made.trace_id = {};
  BOOST_TEST(!made.is_valid());
}

BOOST_AUTO_TEST_CASE(a_later_version_is_read_as_far_as_it_is_known) {
  BOOST_TEST(is_good(with(0, "01")));
  BOOST_TEST(is_good(with(0, "cc") + "-what-will-be"));
  BOOST_TEST(!is_good(with(0, "cc") + ".what"));
  BOOST_TEST(trace_context::parse(with(0, "cc") + "-x")->to_string() == good);
  BOOST_TEST(!is_good(good + "-x"));
  BOOST_TEST(!is_good(with(0, "ff")));
}

BOOST_AUTO_TEST_CASE(what_is_malformed_is_nothing) {
  for (std::size_t size = 0; size != good.size(); ++size)
    BOOST_TEST(!is_good(good.substr(0, size)), size);
  for (std::size_t at = 0; at != good.size(); ++at) {
    for (const char* bad : {"g", "G", "A", " ", "_", "\n"})
      BOOST_TEST(!is_good(with(at, bad)), at << bad);
  }
  BOOST_TEST(!is_good(with(3, std::string(32, '0'))));
  BOOST_TEST(!is_good(with(36, std::string(16, '0'))));
  BOOST_TEST(!is_good(" " + good));
}
