// When the ledger dials: for whom, and how many at once.

#include "unit/ledger_fixture.hpp"

#include <limits>

namespace httpool::test {

BOOST_AUTO_TEST_SUITE(the_need_for_dials)

BOOST_AUTO_TEST_CASE(each_waiter_has_a_dial_up_to_max_connections) {
  ledger_fixture pool({.max_connections = 3});
  for (int i = 0; i < 5; ++i)
    pool.acquire();
  BOOST_TEST(pool.dials.size() == 3);
}

BOOST_AUTO_TEST_CASE(no_more_dials_are_in_flight_than_max_dials) {
  ledger_fixture pool({.max_dials = 2});
  for (int i = 0; i < 5; ++i)
    pool.acquire();
  BOOST_TEST(pool.dials.size() == 2);
  pool.dialed();
  BOOST_TEST(pool.dials.size() == 2);
  BOOST_TEST(pool.stats().dials == 3);
}

BOOST_AUTO_TEST_CASE(connections_go_to_the_oldest_waiter_whichever_dial_gave_them) {
  ledger_fixture pool;
  caller& first = pool.acquire();
  caller& second = pool.acquire();
  connection& slow = *pool.dials[0];
  connection& quick = *pool.dials[1];
  pool.dialed(quick);
  BOOST_TEST(first.got == &quick);
  pool.dialed(slow);
  BOOST_TEST(second.got == &slow);
}

BOOST_AUTO_TEST_CASE(a_dial_in_flight_serves_whoever_waits_when_its_waiter_has_gone) {
  ledger_fixture pool;
  pool.cancel(pool.acquire());
  caller& next = pool.acquire();
  BOOST_TEST(pool.dials.size() == 1);
  connection& c = pool.dialed();
  BOOST_TEST(next.got == &c);
}

BOOST_AUTO_TEST_CASE(min_idle_connections_are_dialed_at_once_and_replaced) {
  ledger_fixture pool({.max_connections = 4, .min_idle = 2});
  BOOST_TEST(pool.dials.size() == 2);
  connection& first = pool.dialed();
  connection& second = pool.dialed();
  BOOST_TEST(pool.dials.empty());
  BOOST_TEST(pool.acquire().got == &second);
  BOOST_TEST(pool.dials.size() == 1);
  pool.dialed();
  BOOST_TEST(pool.acquire().got);
  pool.dialed();
  BOOST_TEST(pool.stats().total() == 4);
  BOOST_TEST(pool.dials.empty());
  pool.spoke(first);
  BOOST_TEST(pool.dials.empty(), "there is no room");
  pool.closed();
  BOOST_TEST(pool.dials.size() == 1);
}

BOOST_AUTO_TEST_CASE(try_acquire_calls_for_the_replacement_too) {
  ledger_fixture pool({.min_idle = 1});
  pool.dialed();
  BOOST_TEST(pool.try_acquire());
  BOOST_TEST(pool.dials.size() == 1);
}

BOOST_AUTO_TEST_CASE(a_waiter_and_min_idle_each_have_their_dials) {
  ledger_fixture pool({.max_connections = 8, .min_idle = 2});
  caller& w = pool.acquire();
  BOOST_TEST(pool.dials.size() == 3);
  pool.dial_fails();
  BOOST_TEST(w.waits(), "two dials are left, which are enough for one waiter");
}

BOOST_AUTO_TEST_CASE(prewarm_makes_the_pool_hold_that_many_connections_once) {
  ledger_fixture pool({.max_connections = 8, .max_dials = 2});
  pool.lease();
  pool.prewarm(4);
  BOOST_TEST(pool.dials.size() == 2);
  pool.dialed();
  pool.dialed();
  pool.dialed();
  BOOST_TEST(pool.dials.empty());
  BOOST_TEST(pool.stats().idle == 3);
  pool.drop(*pool.acquire().got);
  pool.closed();
  BOOST_TEST(pool.dials.empty());
}

BOOST_AUTO_TEST_CASE(prewarm_and_min_idle_do_not_add_up) {
  ledger_fixture pool({.max_connections = 10, .min_idle = 4, .max_dials = 1});
  pool.prewarm(5);
  while (!pool.dials.empty())
    pool.dialed();
  BOOST_TEST(pool.stats().idle == 5);
}

BOOST_AUTO_TEST_CASE(prewarm_and_waiters_do_not_add_up) {
  ledger_fixture pool({.max_connections = 10, .max_dials = 1});
  pool.acquire();
  pool.acquire();
  pool.prewarm(3);
  while (!pool.dials.empty())
    pool.dialed();
  BOOST_TEST(pool.stats().leased == 2);
  BOOST_TEST(pool.stats().idle == 1);
}

BOOST_AUTO_TEST_CASE(prewarm_wants_no_more_than_max_connections_and_nothing_of_a_fuller_pool) {
  ledger_fixture pool({.max_connections = 2});
  pool.prewarm(0);
  BOOST_TEST(pool.dials.empty());
  pool.prewarm(std::numeric_limits<std::size_t>::max());
  BOOST_TEST(pool.dials.size() == 2);
  pool.dialed();
  pool.dialed();
  pool.prewarm(1);
  BOOST_TEST(pool.dials.empty());
}

BOOST_AUTO_TEST_CASE(prewarm_gives_up_when_a_dial_fails) {
  ledger_fixture pool({.max_dials = 1});
  pool.prewarm(3);
  pool.dial_fails();
  pool.pass(1min);
  BOOST_TEST(pool.stats().dials == 1);
}

BOOST_AUTO_TEST_CASE(limits_without_end_do_not_wrap_round) {
  constexpr std::size_t endless = std::numeric_limits<std::size_t>::max();
  ledger_fixture pool({.max_connections = endless, .min_idle = endless, .max_dials = 3});
  BOOST_TEST(pool.dials.size() == 3);
  pool.acquire();
  pool.prewarm(endless);
  pool.dialed();
  BOOST_TEST(pool.dials.size() == 3);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_CASE(a_dial_is_aborted_once_however_often_the_pool_closes) {
  for (const bool late : {false, true}) {
    ledger_fixture pool({.dial_timeout = 1s});
    pool.acquire();
    if (late)
      pool.pass(1s);
    pool.close();
    BOOST_TEST(pool.aborting.size() == (late ? 0 : 1));
    pool.close();
    BOOST_TEST(pool.aborting.empty());
    pool.dial_fails();
  }
}

} // namespace httpool::test
