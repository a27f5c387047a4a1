// What the values of enumerations are called.

#include "http1/problem.hpp"

#include <httpool/pool_stats.hpp>

#include <boost/test/unit_test.hpp>

#include <set>
#include <string>

using httpool::close_reason;
using httpool::http1::problem;

BOOST_AUTO_TEST_CASE(each_reason_of_a_close_has_a_name_of_its_own) {
  std::set<std::string> names;
  for (std::size_t i = 0; i != httpool::close_reason_count; ++i)
    names.insert(to_string(static_cast<close_reason>(i)));
  BOOST_TEST(names.size() == httpool::close_reason_count);
  BOOST_TEST(names.count("unknown") == 0u);
  BOOST_TEST(to_string(static_cast<close_reason>(httpool::close_reason_count)) == "unknown");
}

BOOST_AUTO_TEST_CASE(each_problem_of_a_message_is_told_in_a_line_of_its_own) {
  constexpr std::size_t count = static_cast<std::size_t>(problem::truncated) + 1;
  std::set<std::string> texts;
  for (std::size_t i = 0; i != count; ++i) {
    const std::string text = text_of(static_cast<problem>(i));
    BOOST_TEST(text.find('\n') == std::string::npos);
    texts.insert(text);
  }
  BOOST_TEST(texts.size() == count);
}
