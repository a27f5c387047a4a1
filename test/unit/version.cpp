#include <httpool/version.hpp>

#include <boost/test/unit_test.hpp>

#include <string>

BOOST_AUTO_TEST_CASE(the_library_is_of_the_version_of_its_headers) {
  BOOST_TEST(httpool::version() == HTTPOOL_VERSION_STRING);
}

BOOST_AUTO_TEST_CASE(the_text_is_made_of_the_numbers) {
  const std::string text = std::to_string(HTTPOOL_VERSION_MAJOR) + '.' +
                           std::to_string(HTTPOOL_VERSION_MINOR) + '.' +
                           std::to_string(HTTPOOL_VERSION_PATCH);
  BOOST_TEST(text == HTTPOOL_VERSION_STRING);
}
