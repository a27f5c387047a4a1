// What looks at sixteen bytes at a time against what looks at one.

#include "http1/chars.hpp"
#include "http1/scan.hpp"

#include <boost/test/unit_test.hpp>

#include <cstddef>
#include <string>

using namespace httpool;

namespace {

constexpr std::size_t longest = 40;

/// Calls `check` with every text of up to `longest` bytes that are the same but for one.
template <class Check>
void for_each_odd_byte(Check check) {
  for (std::size_t size = 0; size <= longest; ++size)
    for (std::size_t at = 0; at < size; ++at)
      for (unsigned c = 0; c < 256; ++c) {
        std::string text(size, 'x');
        text[at] = static_cast<char>(c);
        check(text);
      }
}

} // namespace

BOOST_AUTO_TEST_CASE(a_control_is_found_where_the_portable_scan_finds_it) {
  for_each_odd_byte([](const std::string& text) {
    const char* const end = text.data() + text.size();
    const char* const found = http1::find_control_portable(text.data(), end);
    BOOST_REQUIRE(http1::find_control(text.data(), end) == found);
    BOOST_REQUIRE(http1::is_text(text) == (found == end));
  });
  BOOST_TEST(http1::is_text(""));
}

BOOST_AUTO_TEST_CASE(a_name_is_a_token) {
  for_each_odd_byte([](const std::string& text) {
    BOOST_REQUIRE(http1::is_name(text) == http1::is_token(text));
    const char* const end = text.data() + text.size();
    const char* const word_end = http1::end_of_word(text.data(), end);
    BOOST_REQUIRE(http1::is_name({text.data(), word_end}) == (word_end != text.data()));
  });
  BOOST_TEST(!http1::is_name(""));
}
