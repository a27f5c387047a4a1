// Who gets a connection, in which order, and within which limits.

#include "net/net_fixture.hpp"

#include <pthread.h>

using namespace net_test;
using httpool::connection_pool;
using httpool::error;
using httpool::lease;

// Order -------------------------------------------------------------------------------------------

BOOST_FIXTURE_TEST_CASE(waiters_are_served_in_the_order_they_came_by_the_connection_given_back,
                        loop) {
  server host(context);
  connection_pool pool(context, host.endpoint(), {.max_connections = 1});
  lease held = leased(*this, pool);
  std::vector<call> calls;
  for (int i = 0; i != 5; ++i)
    calls.push_back(acquire(pool));
  settle();
  BOOST_TEST(pool.stats().waiting == 5u);
  give_back(std::move(held));
  for (std::size_t i = 0; i != calls.size(); ++i) {
    BOOST_TEST_REQUIRE(until([&] { return calls[i]->is_done; }));
    BOOST_TEST(calls[i]->lease.id() == 1u);
    BOOST_TEST(calls[i]->lease.uses() == i + 2);
    BOOST_TEST(calls[i]->lease.reused());
    BOOST_TEST(!calls[i]->lease.waited());
    settle();
    for (std::size_t j = i + 1; j != calls.size(); ++j)
      BOOST_TEST(!calls[j]->is_done);
    give_back(std::move(calls[i]->lease));
  }
  BOOST_TEST(host.accepted() == 1u);
  BOOST_TEST(pool.stats().idle == 1u);
}

BOOST_FIXTURE_TEST_CASE(a_dropped_connection_frees_its_place_for_a_waiters_dial, loop) {
  server host(context);
  connection_pool pool(context, host.endpoint(), {.max_connections = 1});
  lease held = leased(*this, pool);
  const call next = acquire(pool);
  held.reset();
  BOOST_TEST(until([&] { return next->is_done; }));
  BOOST_TEST(next->lease.id() == 2u);
  BOOST_TEST(!next->lease.reused());
  BOOST_TEST(pool.stats().peak_total == 1u);
}

BOOST_FIXTURE_TEST_CASE(a_waiter_takes_a_returned_connection_that_comes_before_its_dial, loop) {
  server host(context);
  gate door(context, 1);
  connection_pool pool(context, host.endpoint(), {.max_connections = 2, .prepare = door.hook()});
  lease held = leased(*this, pool);
  const call next = acquire(pool);
  BOOST_TEST(until([&] { return door.arrived() == 2; }));
  give_back(std::move(held));
  BOOST_TEST(until([&] { return next->is_done; }));
  BOOST_TEST(next->lease.id() == 1u);
  BOOST_TEST(pool.stats().dialing == 1u);
  door.open(); // the slower one is not wasted
  BOOST_TEST(until([&] { return pool.stats().idle == 1; }));
}

BOOST_FIXTURE_TEST_CASE(a_waiter_takes_its_dial_that_comes_before_a_returned_connection, loop) {
  server host(context);
  gate door(context, 1);
  connection_pool pool(context, host.endpoint(), {.max_connections = 2, .prepare = door.hook()});
  lease held = leased(*this, pool);
  const call next = acquire(pool);
  BOOST_TEST(until([&] { return door.arrived() == 2; }));
  door.open();
  BOOST_TEST(until([&] { return next->is_done; }));
  BOOST_TEST(next->lease.id() == 2u);
  give_back(std::move(held));
  BOOST_TEST(pool.stats().idle == 1u);
}

BOOST_FIXTURE_TEST_CASE(the_newest_idle_connection_is_given_first, loop) {
  server host(context);
  connection_pool pool(context, host.endpoint());
  lease a = leased(*this, pool), b = leased(*this, pool), c = leased(*this, pool);
  const auto order = {a.id(), b.id(), c.id()};
  give_back(std::move(c));
  give_back(std::move(b));
  give_back(std::move(a));
  for (const auto id : order) {
    auto& place = id == *order.begin() ? a : id == *(order.end() - 1) ? c : b;
    place = leased(*this, pool);
    BOOST_TEST(place.id() == id);
    BOOST_TEST(place.waited());
  }
}

// Limits and deadlines ----------------------------------------------------------------------------

BOOST_FIXTURE_TEST_CASE(a_waiter_fails_at_its_deadline_and_not_before, loop) {
  server host(context);
  connection_pool pool(context, host.endpoint(), {.max_connections = 1, .acquire_timeout = 20ms});
  const lease held = leased(*this, pool);
  const auto began = now();
  const call by_default = acquire(pool), by_call = acquire(pool, {.timeout = 10ms});
  const call for_ever = acquire(pool, {.timeout = std::chrono::nanoseconds::max()});
  BOOST_TEST(until([&] { return by_call->is_done; }));
  BOOST_TEST((now() - began >= 10ms));
  BOOST_TEST(until([&] { return by_default->is_done; }));
  BOOST_TEST((now() - began >= 20ms));
  BOOST_TEST(by_call->error == error_code(error::acquire_timeout));
  BOOST_TEST(by_default->error == error_code(error::acquire_timeout));
  BOOST_TEST(!by_default->lease);
  BOOST_TEST(!for_ever->is_done);
  BOOST_TEST(pool.stats().timed_out == 2u);
  pool.close();
  settle();
  check_sums(pool.stats());
}

BOOST_FIXTURE_TEST_CASE(with_no_time_to_wait_only_an_idle_connection_will_do, loop) {
  server host(context);
  connection_pool pool(context, host.endpoint(), {.acquire_timeout = 0s});
  for (const auto timeout : {0s, -1s, std::chrono::seconds::min() / 1'000'000'000}) {
    const call none = acquire(pool, {.timeout = timeout});
    BOOST_TEST(until([&] { return none->is_done; }));
    BOOST_TEST(none->error == error_code(error::acquire_timeout));
  }
  BOOST_TEST(pool.stats().dials == 0u);
  pool.prewarm(1);
  BOOST_TEST(until([&] { return pool.stats().idle == 1; }));
  const call idle = acquire(pool);
  BOOST_TEST(until([&] { return idle->is_done; }));
  BOOST_TEST(bool(idle->lease));
}

BOOST_FIXTURE_TEST_CASE(callers_beyond_free_room_and_max_waiters_are_refused_at_once, loop) {
  server host(context);
  for (const std::size_t max_waiters : {0u, 2u}) {
    connection_pool pool(context, host.endpoint(),
                         {.max_connections = 2, .max_waiters = max_waiters});
    std::vector<call> calls;
    for (std::size_t i = 0; i != 2 + max_waiters; ++i)
      calls.push_back(acquire(pool));
    const call refused = acquire(pool);
    settle();
    BOOST_TEST(refused->is_done);
    BOOST_TEST(refused->error == error_code(error::too_many_waiters));
    BOOST_TEST(pool.stats().refused == 1u);
    for (const call& c : calls) {
      BOOST_TEST(until([&] { return c->is_done; }));
      BOOST_TEST(c->error == error_code());
      give_back(std::move(c->lease));
    }
    check_sums(pool.stats());
  }
}

BOOST_FIXTURE_TEST_CASE(scar_11_a_refused_caller_costs_the_pool_no_capacity, loop) {
  server host(context);
  connection_pool pool(context, host.endpoint(), {.max_connections = 1, .max_waiters = 1});
  for (int round = 0; round != 50; ++round) {
    const call first = acquire(pool), second = acquire(pool), third = acquire(pool);
    BOOST_TEST(until([&] { return third->is_done && first->is_done; }));
    BOOST_TEST(third->error == error_code(error::too_many_waiters));
    BOOST_TEST_REQUIRE(first->error == error_code());
    give_back(std::move(first->lease));
    BOOST_TEST(until([&] { return second->is_done; }));
    BOOST_TEST_REQUIRE(second->error == error_code());
    give_back(std::move(second->lease));
  }
  BOOST_TEST(pool.stats().granted == 100u);
  BOOST_TEST(pool.stats().refused == 50u);
  BOOST_TEST(host.accepted() == 1u);
}

BOOST_FIXTURE_TEST_CASE(try_acquire_gives_what_is_idle_and_good_and_dials_nothing, loop) {
  server host(context);
  connection_pool pool(context, host.endpoint(), {.max_connections = 3});
  BOOST_TEST(!pool.try_acquire());
  BOOST_TEST(pool.stats().dials == 0u);
  BOOST_TEST(pool.stats().acquires == 0u);

  fill(*this, pool, 3);
  host.at(0).close(); // the oldest, which fill gives back last, is the newest idle
  BOOST_TEST(until([&] { return pool.stats().idle == 3; }));
  lease got = pool.try_acquire();
  BOOST_TEST_REQUIRE(bool(got));
  BOOST_TEST(got.id() != 1u);
  BOOST_TEST(got.waited());
  BOOST_TEST(got.uses() == 2u);
  BOOST_TEST(pool.stats().closed(httpool::close_reason::peer_closed) == 1u);
  give_back(std::move(got));

  lease a = pool.try_acquire(), b = pool.try_acquire(), none = pool.try_acquire();
  BOOST_TEST(bool(a));
  BOOST_TEST(bool(b));
  BOOST_TEST(!none);
  check_sums(pool.stats());
  give_back(std::move(a));
  pool.close();
  BOOST_TEST(!pool.try_acquire());
}

BOOST_FIXTURE_TEST_CASE(a_lowered_limit_closes_surplus_connections_and_a_raised_one_dials, loop) {
  server host(context);
  connection_pool pool(context, host.endpoint(), {.max_connections = 4});
  std::vector<lease> leases;
  for (int i = 0; i != 4; ++i)
    leases.push_back(leased(*this, pool));
  give_back(std::move(leases[3]));
  pool.set_limits({.max_connections = 2});
  BOOST_TEST(pool.stats().idle == 0u);
  BOOST_TEST(pool.stats().closed(httpool::close_reason::surplus) == 1u);
  const call waiter = acquire(pool);
  give_back(std::move(leases[2]));
  settle();
  BOOST_TEST(!waiter->is_done);
  BOOST_TEST(pool.stats().closed(httpool::close_reason::surplus) == 2u);
  pool.set_limits({.max_connections = 3});
  BOOST_TEST(until([&] { return waiter->is_done; }));
  BOOST_TEST(waiter->lease.id() == 5u);
  BOOST_CHECK_THROW(pool.set_limits({.max_connections = 0}), std::invalid_argument);
  check_sums(pool.stats());
}

BOOST_FIXTURE_TEST_CASE(scar_102_a_host_of_dead_idle_connections_needs_no_stack_to_be_passed_over,
                        loop) {
  constexpr std::size_t connections = 2000;
  server host(context);
  connection_pool pool(context, host.endpoint(), {.max_connections = connections, .max_dials = 64});
  pool.prewarm(connections);
  BOOST_TEST_REQUIRE(until([&] { return pool.stats().idle == connections; }));
  BOOST_TEST_REQUIRE(until([&] { return host.accepted() == connections; }));
  for (std::size_t i = 0; i != connections; ++i)
    host.at(i).close();

  pthread_attr_t small_stack; // as of a coroutine library with stacks of its own
  pthread_attr_init(&small_stack);
  pthread_attr_setstacksize(&small_stack, 256 * 1024);
  const auto body = [](void* p) -> void* {
    static_cast<connection_pool*>(p)->async_acquire({.timeout = 1h}, [](error_code, lease) {});
    return nullptr;
  };
  pthread_t thread;
  BOOST_TEST_REQUIRE(pthread_create(&thread, &small_stack, body, &pool) == 0);
  pthread_join(thread, nullptr);
  pthread_attr_destroy(&small_stack);
  BOOST_TEST(pool.stats().idle == 0u);
  BOOST_TEST(pool.stats().closed(httpool::close_reason::peer_closed) == connections);
  BOOST_TEST(pool.stats().waiting == 1u);
}

BOOST_FIXTURE_TEST_CASE(a_caller_may_prefer_a_fresh_connection_and_takes_an_old_one_in_need, loop) {
  server host(context, true);
  connection_pool pool(context, host.endpoint(), {.max_connections = 2});
  fill(*this, pool, 1);
  BOOST_TEST(!pool.try_acquire(0s));
  BOOST_TEST(bool(pool.try_acquire(1h)));
  fill(*this, pool, 1);
  const auto old = pool.stats().made;
  const call fresh = acquire(pool, {.max_idle = 0s});
  BOOST_TEST(until([&] { return fresh->is_done; }));
  BOOST_TEST(fresh->lease.id() == old + 1);
  const call in_need = acquire(pool, {.max_idle = 0s});
  BOOST_TEST(until([&] { return in_need->is_done; }));
  BOOST_TEST(in_need->lease.id() == old);
  check_sums(pool.stats());
}

BOOST_FIXTURE_TEST_CASE(a_caller_waits_for_a_dial_no_longer_than_it_says, loop) {
  silent_port nobody(context);
  connection_pool pool(context, nobody.endpoint(), {.max_connections = 1});
  BOOST_TEST(failed(*this, pool, {.dial_timeout = 20ms}) ==
             error_code(httpool::error::dial_timeout));
  BOOST_TEST(pool.stats().dialing == 1u);
  pool.close();
}
