// Leases that last for suspiciously long.

#include "unit/ledger_fixture.hpp"

namespace httpool::test {

BOOST_AUTO_TEST_SUITE(overdue_leases)

BOOST_AUTO_TEST_CASE(each_is_reported_once_to_the_nanosecond) {
  ledger_fixture pool({.lease_warning = 1min});
  connection& first = pool.lease();
  pool.later(10s);
  connection& second = pool.lease();
  pool.pass(50s - 1ns);
  BOOST_TEST(pool.overdue.empty());
  BOOST_TEST(pool.stats().overdue == 0u);
  BOOST_TEST((pool.next_wake() == 1ns));
  pool.pass(1ns);
  BOOST_TEST(pool.overdue == (std::vector{&first}), boost::test_tools::per_element());
  BOOST_TEST(pool.stats().overdue == 1u);
  BOOST_TEST((pool.next_wake() == 10s));
  pool.pass(1h);
  BOOST_TEST(pool.overdue == (std::vector{&first, &second}), boost::test_tools::per_element());
  BOOST_TEST(pool.stats().overdue == 2u);
  BOOST_TEST((pool.next_wake() == for_ever));
}

BOOST_AUTO_TEST_CASE(those_that_are_due_together_are_reported_together) {
  ledger_fixture pool({.lease_warning = 1s});
  const auto all = pool.leases(3);
  pool.later(500ms);
  connection& later = pool.lease();
  pool.later(500ms);
  BOOST_TEST((pool.next_wake() == 0s));
  pool.tick();
  BOOST_TEST(pool.overdue == all, boost::test_tools::per_element());
  BOOST_TEST((pool.next_wake() == 500ms));
  pool.later(500ms);
  pool.tick();
  BOOST_TEST(pool.overdue.size() == 4u);
  BOOST_TEST(pool.overdue.back() == &later);
  BOOST_TEST((pool.next_wake() == for_ever));
}

BOOST_AUTO_TEST_CASE(one_that_has_ended_is_not_and_its_connection_is_as_good_as_new) {
  ledger_fixture pool({.idle_timeout = 1h, .lease_warning = 1min});
  connection& c = pool.lease();
  pool.pass(59s);
  pool.give_back(c);
  pool.pass(2s);
  BOOST_TEST(pool.overdue.empty());
  BOOST_REQUIRE(pool.try_acquire() == &c);
  pool.pass(1min);
  BOOST_TEST(pool.overdue.size() == 1u);
  pool.give_back(c);
  BOOST_TEST(pool.stats().overdue == 0u);
  BOOST_REQUIRE(pool.try_acquire() == &c);
  BOOST_TEST(pool.stats().overdue == 0u);
  pool.pass(1min);
  BOOST_TEST(pool.overdue.size() == 2u);
}

BOOST_AUTO_TEST_CASE(those_who_ask_are_told_of_leases_that_are_due_the_longest_first) {
  ledger_fixture pool({.lease_warning = 10s});
  const auto told = [&] {
    std::vector<const connection*> all;
    pool.mind.each_overdue(pool.now, [&](const connection& c) { all.push_back(&c); });
    return all;
  };
  const connection& first = pool.lease();
  pool.later(1s);
  const connection& second = pool.lease();
  pool.later(9s - 1ns);
  BOOST_TEST(told().empty());
  pool.later(1ns);
  BOOST_TEST(told() == std::vector{&first}, boost::test_tools::per_element());
  pool.later(1s);
  BOOST_TEST(told() == (std::vector{&first, &second}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_probe_is_never_overdue) {
  ledger_fixture pool(
      {.lease_warning = 1s,
       .probe = {.ask = [](lease&) -> boost::asio::awaitable<bool> { co_return true; }}});
  pool.idles(1);
  pool.pass(10s);
  BOOST_REQUIRE(!pool.probes.empty());
  pool.pass(5s);
  BOOST_TEST(pool.overdue.empty());
  pool.mind.each_overdue(pool.now, [](const connection&) { BOOST_ERROR("a probe"); });
}

BOOST_AUTO_TEST_CASE(a_closed_pool_does_not_wake_for_a_lease) {
  ledger_fixture pool({.lease_warning = 1s});
  pool.lease();
  pool.close();
  BOOST_TEST((pool.next_wake() == for_ever));
}

BOOST_AUTO_TEST_CASE(a_lease_that_has_ended_wakes_nobody) {
  ledger_fixture pool({.lease_warning = 1s});
  pool.drop(pool.lease());
  BOOST_TEST((pool.next_wake() == for_ever));
}

BOOST_AUTO_TEST_CASE(without_a_limit_nothing_is_due) {
  ledger_fixture pool;
  pool.lease();
  BOOST_TEST((pool.next_wake() == for_ever));
  pool.pass(24h * 365);
  BOOST_TEST(pool.overdue.empty());
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace httpool::test
