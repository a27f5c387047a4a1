#include "dial/endpoint_memory.hpp"

#include <boost/asio/ip/address_v4.hpp>
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <string>
#include <thread>

using boost::asio::ip::tcp;
using httpool::detail::endpoint_memory;
using httpool::detail::time_point;
using namespace std::chrono_literals;

namespace {

tcp::endpoint named(char name) {
  return {boost::asio::ip::address_v4(static_cast<unsigned char>(name)), 80};
}

/// A memory with a clock that the test sets, and endpoints named by letters.
struct scene {
  void failed(char name) { memory.failed(named(name), now); }
  void worked(char name) { memory.worked(named(name), now); }

  std::string order(const std::string& names) {
    std::vector<tcp::endpoint> endpoints;
    for (const char name : names)
      endpoints.push_back(named(name));
    std::string result;
    for (const tcp::endpoint& e : memory.order(endpoints, now))
      result += static_cast<char>(e.address().to_v4().to_uint());
    return result;
  }

  endpoint_memory memory;
  time_point now = time_point() + 1h;
};

} // namespace

BOOST_FIXTURE_TEST_CASE(without_a_failure_the_order_is_the_resolver_s, scene) {
  BOOST_TEST(order("") == "");
  BOOST_TEST(order("abc") == "abc");
  worked('c');
  BOOST_TEST(order("abc") == "abc");
  BOOST_TEST(order("bca") == "bca");
}

BOOST_FIXTURE_TEST_CASE(an_endpoint_that_failed_comes_after_those_that_did_not, scene) {
  failed('a');
  BOOST_TEST(order("abc") == "bca");
  failed('b');
  BOOST_TEST(order("abcd") == "cdab");
  failed('c');
  failed('d');
  BOOST_TEST(order("abcd") == "abcd");
}

BOOST_FIXTURE_TEST_CASE(while_one_has_failed_the_one_that_worked_last_comes_first, scene) {
  failed('a');
  worked('c');
  BOOST_TEST(order("abcd") == "cbda");
  worked('d');
  BOOST_TEST(order("abcd") == "dbca");
  failed('d');
  BOOST_TEST(order("abcd") == "bcad");
}

BOOST_FIXTURE_TEST_CASE(a_success_makes_up_for_failures_before_its_attempt_alone, scene) {
  const time_point before = now;
  now += 1s;
  failed('a');
  memory.worked(named('a'), before); // asked for before the failure, told of after it
  BOOST_TEST(order("ab") == "ba");
  now += 1s;
  worked('a');
  BOOST_TEST(order("ab") == "ab");
}

BOOST_FIXTURE_TEST_CASE(failures_fade_so_that_traffic_goes_back, scene) {
  failed('a');
  now += endpoint_memory::fades_after - 1ns;
  BOOST_TEST(order("ab") == "ba");
  now += 1ns;
  BOOST_TEST(order("ab") == "ab");
  failed('a');
  BOOST_TEST(order("ab") == "ba");
}

BOOST_FIXTURE_TEST_CASE(a_failure_that_happens_again_counts_from_then, scene) {
  failed('a');
  now += endpoint_memory::fades_after - 1ns;
  failed('a');
  now += endpoint_memory::fades_after - 1ns;
  BOOST_TEST(order("ab") == "ba");
}

BOOST_FIXTURE_TEST_CASE(a_success_fades_however_often_it_happens_again, scene) {
  failed('a');
  worked('c');
  for (int i = 0; i != 29; ++i) {
    now += 1s;
    failed('d');
    worked('c');
    BOOST_TEST(order("abcd").front() == 'c');
  }
  now += 1s;
  BOOST_TEST(order("abcd") == "abcd"); // d alone has failed lately, and a has its chance
  worked('c');
  BOOST_TEST(order("abcd") == "cabd");
}

BOOST_FIXTURE_TEST_CASE(endpoints_that_the_name_no_longer_has_are_forgotten, scene) {
  failed('a');
  failed('b');
  worked('c');
  BOOST_TEST(order("bd") == "db");
  BOOST_TEST(order("abcd") == "acdb");
}

BOOST_FIXTURE_TEST_CASE(the_oldest_of_too_many_failures_is_forgotten, scene) {
  std::string many;
  for (std::size_t i = 0; i != endpoint_memory::most_failures + 2; ++i) {
    many += static_cast<char>('a' + i);
    failed(many.back());
    now += 1ms;
  }
  failed('c'); // known, so it takes nobody's place
  BOOST_TEST(order(many) == many);
  BOOST_TEST(order("x" + many) == "xab" + many.substr(2));
  BOOST_TEST(order(many.substr(1) + "a") == "ba" + many.substr(2));
}

BOOST_FIXTURE_TEST_CASE(threads_may_share_a_memory, scene) {
  std::atomic<std::size_t> seen = 0;
  const auto work = [&](char own) {
    for (int i = 0; i != 1000; ++i) {
      memory.failed(named(own), now);
      seen += memory.order({named('a'), named('b')}, now).size();
      memory.worked(named(own), now);
    }
  };
  std::thread other(work, 'a');
  work('b');
  other.join();
  BOOST_TEST(seen == 4000u);
  BOOST_TEST(order("ab") == "ab");
}
