// Several pools with one limit of connections, on real sockets.

#include "net/storm.hpp"

using namespace net_test;
using httpool::close_reason;
using httpool::connection_budget;
using httpool::connection_pool;
using httpool::lease;

BOOST_FIXTURE_TEST_CASE(a_pool_without_room_in_the_budget_gets_that_of_the_longest_idle_connection,
                        loop) {
  server host(context, true);
  const auto budget = std::make_shared<connection_budget>(2);
  connection_pool a(context, host.endpoint(), {.budget = budget});
  connection_pool b(context, host.endpoint(), {.budget = budget});
  connection_pool c(context, host.endpoint(), {.budget = budget});
  fill(*this, a, 1);
  fill(*this, b, 1);
  lease got = leased(*this, c);
  BOOST_TEST(a.stats().closed(close_reason::evicted) == 1u);
  BOOST_TEST(b.stats().idle == 1u);
  BOOST_TEST(budget->in_use() == 2u);
  lease other = leased(*this, b);
  const call waiting = acquire(a);
  settle();
  BOOST_TEST(!waiting->is_done);
  give_back(std::move(other));
  BOOST_TEST(until([&] { return waiting->is_done; }));
  BOOST_TEST(waiting->error == error_code());
  BOOST_TEST(b.stats().closed(close_reason::evicted) == 1u);
  got.detach().close();
  BOOST_TEST(budget->in_use() == 1u);
  waiting->lease.reset();
  BOOST_TEST(budget->in_use() == 0u);
}

BOOST_FIXTURE_TEST_CASE(a_pool_that_closes_is_destroyed_or_loses_its_context_gives_its_room_back,
                        loop) {
  server host(context, true);
  const auto budget = std::make_shared<connection_budget>(1);
  connection_pool heir(context, host.endpoint(), {.budget = budget});
  for (const int end : {0, 1, 2}) {
    auto own = std::make_unique<asio::io_context>();
    auto pool =
        std::make_unique<connection_pool>(end == 2 ? own->get_executor() : context.get_executor(),
                                          host.endpoint(), httpool::pool_options{.budget = budget});
    const call dialing = acquire(*pool);
    if (end == 0)
      BOOST_TEST(until([&] { return dialing->is_done; }));
    const call waiting = acquire(heir);
    settle();
    BOOST_TEST(!waiting->is_done);
    if (end == 0) {
      pool->close();
      dialing->lease.reset();
    } else if (end == 1) {
      pool.reset();
      dialing->lease.reset();
    }
    if (end == 2)
      own.reset();
    BOOST_TEST(until([&] { return waiting->is_done; }));
    BOOST_TEST(waiting->error == error_code());
    waiting->lease.reset();
    BOOST_TEST(budget->in_use() == 0u);
  }
}

BOOST_FIXTURE_TEST_CASE(a_caller_whose_connection_was_dead_comes_before_spare_ones_of_others,
                        loop) {
  server host(context, true);
  const auto budget = std::make_shared<connection_budget>(1);
  connection_pool a(context, host.endpoint(), {.budget = budget});
  fill(*this, a, 1);
  connection_pool b(context, host.endpoint(), {.min_idle = 1, .budget = budget});
  settle();
  host.last().close();
  const call again = acquire(a); // finds it dead, and queues as it is closed
  BOOST_TEST(until([&] { return again->is_done; }));
  BOOST_TEST(again->error == error_code());
  BOOST_TEST(a.stats().closed(close_reason::peer_closed) == 1u);
  BOOST_TEST(b.stats().dials == 0u);
}

BOOST_FIXTURE_TEST_CASE(a_pool_whose_callers_have_gone_holds_no_place_and_no_permit, loop) {
  server host(context, true);
  const auto budget = std::make_shared<connection_budget>(1);
  connection_pool a(context, host.endpoint(), {.budget = budget});
  connection_pool b(context, host.endpoint(), {.budget = budget});
  connection_pool c(context, host.endpoint(), {.budget = budget});
  lease held = leased(*this, a);
  const call gone = acquire(b, {.timeout = 1ms});
  BOOST_TEST(until([&] { return gone->is_done; }));
  BOOST_TEST(gone->error == error_code(httpool::error::acquire_timeout));
  const call waiting = acquire(c);
  held.reset();
  BOOST_TEST(until([&] { return waiting->is_done; }));
  BOOST_TEST(waiting->error == error_code());
  BOOST_TEST(b.stats().dials == 0u);
}

BOOST_FIXTURE_TEST_CASE(a_pool_that_has_got_a_permit_asks_for_the_next_one_it_needs, loop) {
  server host(context, true);
  const auto budget = std::make_shared<connection_budget>(2);
  connection_pool a(context, host.endpoint(), {.budget = budget});
  connection_pool b(context, host.endpoint(), {.budget = budget});
  lease first = leased(*this, a), second = leased(*this, a);
  const call one = acquire(b), other = acquire(b);
  first.reset();
  BOOST_TEST(until([&] { return one->is_done; }));
  BOOST_TEST(!other->is_done);
  second.reset();
  BOOST_TEST(until([&] { return other->is_done; }));
  BOOST_TEST(other->error == error_code());
}

BOOST_AUTO_TEST_CASE(pools_of_one_budget_keep_it_in_a_storm_in_which_some_of_them_end) {
  counting_server host(5);
  const auto budget = std::make_shared<connection_budget>(5);
  std::vector<std::unique_ptr<tally>> seen;
  std::vector<std::unique_ptr<connection_pool>> pools;
  threads run(3);
  const auto options = [&](int i) {
    return httpool::pool_options{.max_connections = 3,
                                 .max_waiters = 20,
                                 .min_idle = std::size_t(i % 4 == 3),
                                 .dial_backoff = 0s,
                                 .budget = budget};
  };
  for (int i = 0; i != 4; ++i) {
    seen.push_back(std::make_unique<tally>());
    pools.push_back(std::make_unique<connection_pool>(run.context, host.endpoint(), options(i)));
    start_callers(run, *pools[std::size_t(i)], *seen.back(), unsigned(100 * i), 6, 150);
  }
  std::thread outside([&] { call_from_outside(*pools[0], *seen[0], 500); });
  std::size_t exceeded = 0;
  for (int round = 0; round != 40; ++round) { // Pools that come and go meanwhile.
    connection_pool brief(run.context, host.endpoint(), options(round));
    std::atomic<int> pending = 2;
    for (int i = 0; i != 2; ++i)
      brief.async_acquire([&](error_code, lease got) {
        got.keep_alive(true);
        --pending;
      });
    if (round % 3 == 0)
      brief.close();
    exceeded += budget->in_use() > budget->max_connections();
    BOOST_TEST(becomes([&] { return pending == 0; }));
  }
  pools[3]->close();
  outside.join();
  for (const auto& each : seen) {
    BOOST_TEST(becomes([&] { return each->callers == 0; }));
    BOOST_TEST(each->leased_twice == 0u);
    BOOST_TEST(each->surprises == 0u);
  }
  for (const auto& pool : pools)
    pool->close();
  BOOST_TEST(becomes([&] { return budget->in_use() == 0; }));
  run.finish();
  for (const auto& pool : pools) {
    BOOST_TEST(pool->stats().total() == 0u);
    check_sums(pool->stats());
  }
  BOOST_TEST(exceeded == 0u);
  BOOST_TEST(!host.was_exceeded());
}

BOOST_AUTO_TEST_CASE(a_context_with_pools_of_a_budget_may_die_in_a_storm) {
  const auto budget = std::make_shared<connection_budget>(3);
  for (unsigned round = 0; round != 5; ++round) {
    counting_server host(3);
    tally seen, also;
    {
      threads run(2);
      connection_pool a(run.context, host.endpoint(), {.max_connections = 3, .budget = budget});
      connection_pool b(run.context, host.endpoint(), {.max_connections = 3, .budget = budget});
      start_callers(run, a, seen, round, 6, 1000);
      start_callers(run, b, also, round + 50, 6, 1000);
      BOOST_TEST(becomes([&] { return seen.leases > 20 && also.leases > 20; }));
      run.stop();
    }
    BOOST_TEST(budget->in_use() == 0u);
    BOOST_TEST(becomes([&] { return host.open() == 0; }));
  }
}
