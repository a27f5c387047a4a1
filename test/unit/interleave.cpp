#include "dial/interleave.hpp"

#include <boost/asio/ip/address.hpp>
#include <boost/test/unit_test.hpp>

#include <string>

using boost::asio::ip::tcp;

namespace {

/// Endpoints in short: "4a" is an IPv4 address, "6a" an IPv6 one.
std::string interleaved(const std::string& names) {
  std::vector<tcp::endpoint> endpoints;
  for (std::size_t i = 0; i != names.size(); i += 2) {
    const std::string prefix = names[i] == '4' ? "127.0.0." : "::";
    const int number = names[i + 1] - 'a' + 1;
    endpoints.emplace_back(boost::asio::ip::make_address(prefix + std::to_string(number)), 80);
  }
  std::string result;
  for (const tcp::endpoint& e : httpool::detail::interleave_families(endpoints)) {
    const std::string address = e.address().to_string();
    BOOST_TEST(e.port() == 80);
    result += e.address().is_v4() ? '4' : '6';
    result += static_cast<char>('a' + (address.back() - '1'));
  }
  return result;
}

} // namespace

BOOST_AUTO_TEST_CASE(families_take_turns_and_keep_their_order) {
  BOOST_TEST(interleaved("6a6b6c4a4b4c") == "6a4a6b4b6c4c");
  BOOST_TEST(interleaved("4a4b6a6b") == "4a6a4b6b");
  BOOST_TEST(interleaved("6a4a6b4b") == "6a4a6b4b");
}

BOOST_AUTO_TEST_CASE(what_is_left_of_the_larger_family_comes_last) {
  BOOST_TEST(interleaved("6a6b6c4a") == "6a4a6b6c");
  BOOST_TEST(interleaved("6a4a4b4c") == "6a4a4b4c");
}

BOOST_AUTO_TEST_CASE(one_family_stays_as_it_is) {
  BOOST_TEST(interleaved("") == "");
  BOOST_TEST(interleaved("4b") == "4b");
  BOOST_TEST(interleaved("4c4a4b") == "4c4a4b");
  BOOST_TEST(interleaved("6c6a6b") == "6c6a6b");
}
