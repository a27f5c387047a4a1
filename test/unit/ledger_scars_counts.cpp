// Bugs that other pools had in counting, waking and ageing: that this one has none of them. The
// numbers are those of doc/scars.md.

#include "unit/ledger_fixture.hpp"

#include <functional>
#include <limits>
#include <string>
#include <utility>

namespace httpool::test {

BOOST_AUTO_TEST_SUITE(wake_ups_and_counts)

BOOST_AUTO_TEST_CASE(scar_17_a_waiter_whose_connection_closes_gets_a_dial) {
  ledger_fixture pool({.max_connections = 1});
  connection& c = pool.lease();
  caller& w = pool.acquire();
  pool.give_back(c);
  pool.stale(w);
  BOOST_TEST(pool.dials.empty());
  pool.closed();
  BOOST_TEST(pool.dials.size() == 1);
  pool.dialed();
  BOOST_TEST(w.got);
}

BOOST_AUTO_TEST_CASE(scar_18_a_hand_over_frees_no_slot) {
  ledger_fixture pool({.max_connections = 1});
  connection& c = pool.lease();
  for (int i = 0; i < 3; ++i) {
    pool.acquire();
    pool.acquire();
    pool.give_back(c);
    BOOST_TEST(pool.stats().total() == 1);
    BOOST_TEST(pool.dials.empty());
  }
}

BOOST_AUTO_TEST_CASE(scar_20_a_storm_of_cancels_loses_no_wake_up) {
  ledger_fixture pool({.max_connections = 2});
  const auto c = pool.leases(2);
  std::vector<caller*> waiting;
  for (int i = 0; i < 500; ++i)
    waiting.push_back(&pool.acquire());
  for (std::size_t i = 0; i < waiting.size(); ++i) {
    if (i % 100 != 99)
      pool.cancel(*waiting[i]);
  }
  for (std::size_t i = 99; i < waiting.size(); i += 100) {
    pool.give_back(*c[0]);
    BOOST_TEST(waiting[i]->got == c[0]);
  }
}

BOOST_AUTO_TEST_CASE(scar_22_one_event_that_makes_room_for_many_serves_many) {
  ledger_fixture pool({.max_connections = 1});
  pool.lease();
  std::vector<caller*> waiting;
  for (int i = 0; i < 5; ++i)
    waiting.push_back(&pool.acquire());
  pool.set_limits({.max_connections = 6});
  BOOST_TEST(pool.dials.size() == 5);
  while (!pool.dials.empty())
    pool.dialed();
  for (const caller* w : waiting)
    BOOST_TEST(w->got);
}

BOOST_AUTO_TEST_CASE(scar_23_a_dial_that_hangs_does_not_stop_the_others) {
  ledger_fixture pool({.max_dials = 2});
  pool.acquire(for_ever);
  pool.later(1h);
  for (int i = 0; i < 10; ++i) {
    caller& w = pool.acquire();
    pool.dialed(*pool.dials.back());
    pool.pass(1ms);
    BOOST_TEST(!w.failed_with(error::acquire_timeout));
  }
  BOOST_TEST(pool.stats().granted == 10);
}

BOOST_AUTO_TEST_CASE(scar_24_nobody_steals_what_is_due_to_a_waiter) {
  ledger_fixture pool({.max_connections = 1});
  connection& c = pool.lease();
  caller& w = pool.acquire();
  for (int i = 0; i < 100; ++i)
    BOOST_TEST(!pool.try_acquire());
  pool.give_back(c);
  BOOST_TEST(w.got == &c);
}

BOOST_AUTO_TEST_CASE(scar_25_waiting_takes_no_wake_but_the_deadline) {
  ledger_fixture pool({.max_connections = 1});
  pool.lease();
  for (int i = 0; i < 100; ++i)
    pool.acquire(5s);
  BOOST_TEST((pool.next_wake() == 5s));
}

BOOST_AUTO_TEST_CASE(scar_26_a_connection_that_expires_under_saturation_leaves_its_slot_to_a_dial) {
  ledger_fixture pool({.max_connections = 1, .max_lifetime = 1s});
  connection& c = pool.lease();
  caller& w = pool.acquire();
  pool.later(2s);
  pool.give_back(c);
  BOOST_TEST(c.reason == close_reason::max_lifetime);
  BOOST_TEST(w.waits());
  pool.closed();
  pool.dialed();
  BOOST_TEST(w.got);
}

BOOST_AUTO_TEST_CASE(scar_27_connections_count_until_they_are_closed) {
  ledger_fixture pool({.max_connections = 2});
  for (connection* c : pool.leases(2))
    pool.drop(*c);
  pool.acquire();
  BOOST_TEST(pool.stats().closing == 2);
  BOOST_TEST(pool.dials.empty());
  pool.closed();
  BOOST_TEST(pool.dials.size() == 1);
}

BOOST_AUTO_TEST_CASE(scar_28_a_freed_slot_wakes_one_waiter_the_first) {
  ledger_fixture pool({.max_connections = 1});
  connection& c = pool.lease();
  std::vector<caller*> waiting;
  for (int i = 0; i < 100; ++i)
    waiting.push_back(&pool.acquire());
  for (const caller* w : waiting) {
    BOOST_TEST(w->waits());
    pool.give_back(c);
    BOOST_TEST(pool.mind.decisions().size() == 1);
    BOOST_TEST(w->got == &c);
  }
}

BOOST_AUTO_TEST_CASE(scar_30_31_every_way_to_fail_gives_the_slot_back) {
  using way = std::function<void(ledger_fixture&)>;
  const std::vector<std::pair<std::string, way>> ways{
      {"dial", [](auto& pool) { pool.acquire(), pool.dial_fails(); }},
      {"drop", [](auto& pool) { pool.drop(pool.lease()); }},
      {"stale", [](auto& pool) { pool.idles(1), pool.stale(*pool.try_acquire()); }},
      {"speech", [](auto& pool) { pool.spoke(*pool.idles(1).front()); }},
      {"detach", [](auto& pool) { pool.detach(pool.lease()); }},
      {"redial", [](auto& pool) { pool.redial(pool.lease()), pool.dial_fails(); }},
      {"late redial", [](auto& pool) { pool.redial(pool.lease(), 0s); }},
      {"age", [](auto& pool) { pool.idles(1), pool.pass(30s); }},
  };
  for (const auto& [name, fails] : ways) {
    BOOST_TEST_CONTEXT(name) {
      ledger_fixture pool({.max_connections = 1, .dial_backoff = 0s});
      for (int i = 0; i < 3; ++i) {
        fails(pool);
        pool.closed();
        BOOST_TEST(pool.stats().total() == 0);
      }
      BOOST_TEST(&pool.lease());
    }
  }
}

BOOST_AUTO_TEST_CASE(scar_32_limits_that_change_under_load_lose_no_count) {
  ledger_fixture pool({.max_connections = 4});
  const auto c = pool.leases(4);
  std::vector<caller*> waiting;
  for (int i = 0; i < 3; ++i)
    waiting.push_back(&pool.acquire());
  pool.set_limits({.max_connections = 1});
  for (connection* each : c)
    pool.give_back(*each);
  pool.closed();
  BOOST_TEST(pool.stats().total() == 1);
  BOOST_TEST(waiting[0]->got == c[3]);
  pool.set_limits({.max_connections = 3});
  BOOST_TEST(pool.dials.size() == 2);
  pool.dialed();
  pool.dialed();
  BOOST_TEST(waiting[2]->got);
}

BOOST_AUTO_TEST_CASE(scar_33_as_many_dials_are_in_flight_as_counting_on_fingers_says) {
  for (std::size_t leased = 0; leased <= 3; ++leased) {
    for (std::size_t waiters = 0; waiters <= 4; ++waiters) {
      for (std::size_t min_idle = 0; min_idle <= 4; ++min_idle) {
        for (std::size_t max_dials = 1; max_dials <= 4; ++max_dials) {
          ledger_fixture pool({.max_connections = 6});
          pool.leases(leased);
          for (std::size_t i = 0; i < waiters; ++i)
            pool.acquire();
          pool.set_limits({.max_connections = 6, .min_idle = min_idle, .max_dials = max_dials});
          const std::size_t wanted = std::min(waiters + min_idle, 6 - leased);
          const std::size_t before = std::min(waiters, 6 - leased); // Under eight dials at once.
          BOOST_TEST(pool.dials.size() == std::max(before, std::min(wanted, max_dials)));
        }
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(scar_34_a_connection_is_closed_once_whatever_comes_together) {
  ledger_fixture pool({.idle_timeout = 30s, .max_lifetime = 30s});
  connection& c = *pool.idles(1).front();
  pool.later(1h);
  pool.spoke(c);
  pool.tick();
  pool.set_limits({.max_connections = 1});
  pool.close();
  BOOST_TEST(pool.closing == std::vector{&c});
  BOOST_TEST(pool.stats().closed() == 1);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(ageing_and_limits)

BOOST_AUTO_TEST_CASE(scar_78_a_dial_may_take_longer_than_a_connection_may_be_idle) {
  ledger_fixture pool({.idle_timeout = 1ms});
  caller& w = pool.acquire();
  pool.pass(1s);
  BOOST_TEST(pool.stats().dialing == 1);
  BOOST_TEST(w.got == &pool.dialed());
  pool.cancel(pool.acquire());
  pool.pass(1s);
  connection& spare = pool.dialed();
  pool.pass(1ms - 1ns);
  BOOST_TEST(spare.where == state::idle);
  pool.pass(1ns);
  BOOST_TEST(spare.reason == close_reason::idle_timeout);
}

BOOST_AUTO_TEST_CASE(scar_90_a_steady_load_makes_no_more_connections_than_it_has_callers) {
  ledger_fixture pool({.max_connections = 64});
  for (int round = 0; round < 100; ++round) {
    const auto c = pool.leases(50);
    pool.pass(1s);
    for (connection* each : c)
      pool.give_back(*each);
  }
  BOOST_TEST(pool.stats().dials == 50);
  BOOST_TEST(pool.stats().closed() == 0);
}

BOOST_AUTO_TEST_CASE(scar_93_a_pool_shrinks_to_what_a_light_load_needs) {
  ledger_fixture pool({.max_connections = 100, .idle_timeout = 30s});
  pool.idles(100);
  for (int i = 0; i < 31; ++i) {
    connection& c = pool.lease();
    pool.pass(1s);
    pool.give_back(c);
  }
  BOOST_TEST(pool.stats().idle == 1);
  BOOST_TEST(pool.stats().closed(close_reason::idle_timeout) == 99);
}

BOOST_AUTO_TEST_CASE(scar_94_each_limit_changes_what_a_burst_of_callers_meets) {
  const auto run = [](pool_options options) {
    options.max_connections = std::min<std::size_t>(options.max_connections, 4);
    ledger_fixture pool(options);
    for (int i = 0; i < 6; ++i)
      pool.acquire(options.acquire_timeout);
    const std::size_t burst = pool.dials.size();
    for (std::size_t i = 0; i < burst; ++i)
      pool.dialed(*pool.dials.front());
    for (int i = 0; i < 10; ++i)
      pool.pass(1s);
    return std::tuple(burst, pool.stats().refused, pool.stats().dials, pool.stats().timed_out);
  };
  const auto usual = run({});
  BOOST_TEST((run({.max_connections = 3}) != usual));
  BOOST_TEST((run({.max_waiters = 1}) != usual));
  BOOST_TEST((run({.min_idle = 1}) == usual), "there is no room for it");
  BOOST_TEST((run({.max_dials = 1}) != usual));
}

BOOST_AUTO_TEST_CASE(scar_95_the_limit_is_hard) {
  ledger_fixture pool({.max_connections = 3, .min_idle = 3});
  pool.prewarm(100);
  for (int round = 0; round < 50; ++round) {
    pool.acquire();
    while (!pool.dials.empty())
      pool.dialed();
    BOOST_TEST(pool.stats().peak_total == 3);
    if (connection* c = pool.try_acquire())
      pool.redial(*c);
    pool.pass(1s);
  }
}

BOOST_AUTO_TEST_CASE(scar_96_lifetime_and_uses_bind_a_direct_hand_over_too) {
  for (const bool by_age : {true, false}) {
    ledger_fixture pool({.max_connections = 1, .max_lifetime = 1s, .max_uses = by_age ? 0u : 1u});
    connection& c = pool.lease();
    caller& w = pool.acquire();
    if (by_age)
      pool.now = c.expires_at;
    pool.give_back(c);
    BOOST_TEST(c.where == state::closing);
    BOOST_TEST(w.waits());
  }
}

BOOST_AUTO_TEST_CASE(scar_97_a_busy_pool_changes_all_its_connections_within_a_lifetime) {
  ledger_fixture pool({.max_connections = 4, .max_lifetime = 10min});
  std::vector<connection*> c = pool.leases(4);
  const time_point end = pool.now + 11min;
  while (pool.now < end) {
    pool.pass(1s);
    for (connection* each : c)
      pool.give_back(*each);
    pool.closed();
    c = pool.leases(4);
  }
  for (const connection* each : c)
    BOOST_TEST(each->id > 4);
}

BOOST_AUTO_TEST_CASE(scar_99_the_last_idle_connection_goes_too) {
  ledger_fixture pool({.max_connections = 1});
  pool.idles(1);
  pool.pass(30s);
  pool.closed();
  BOOST_TEST(pool.stats().total() == 0);
}

BOOST_AUTO_TEST_CASE(scar_103_104_the_pool_recovers_from_a_leap_of_the_clock) {
  ledger_fixture pool({.max_connections = 2});
  pool.idles(2);
  pool.later(1h);
  caller& w = pool.acquire(5s);
  BOOST_TEST(pool.stats().closed(close_reason::idle_timeout) == 2);
  pool.closed();
  pool.dialed();
  BOOST_TEST(w.got);
}

BOOST_AUTO_TEST_CASE(scar_105_a_hundred_failures_in_a_row_overflow_nothing) {
  for (const duration longest : {duration(10s), for_ever / 4, for_ever}) {
    ledger_fixture pool({.min_idle = 1, .max_dial_backoff = longest});
    time_point before = pool.now;
    for (int i = 0; i < 100 && !pool.dials.empty(); ++i) {
      pool.dial_fails();
      if (pool.next_wake() == for_ever || pool.now > time_point::max() - 24h * 365)
        break;
      BOOST_TEST((pool.next_wake() > 0s));
      pool.pass(pool.next_wake());
      BOOST_TEST((pool.now > before));
      before = pool.now;
    }
  }
}

BOOST_AUTO_TEST_CASE(scar_88_a_limit_without_end_reserves_no_memory) {
  constexpr std::size_t endless = std::numeric_limits<std::size_t>::max();
  ledger_fixture pool({.max_connections = endless, .max_waiters = endless, .max_dials = endless});
  for (int i = 0; i < 100; ++i)
    pool.acquire();
  BOOST_TEST(pool.dials.size() == 100);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace httpool::test
