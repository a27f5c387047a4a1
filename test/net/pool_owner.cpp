// The owner of a pool is told when nothing is left of it.

#include "net/net_fixture.hpp"
#include "pool/core.hpp"

#include <httpool/connection_budget.hpp>
#include <httpool/pool_view.hpp>

#include <atomic>

using namespace net_test;
using httpool::lease;
using httpool::pool_options;
using httpool::detail::pool_core;

namespace {

struct owner final : httpool::detail::pool_owner {
  std::size_t told = 0;
  std::size_t wrongly = 0;

  void emptied(pool_core& pool) noexcept override {
    ++told;
    wrongly += !pool.is_empty();
  }
};

struct owned : loop {
  std::shared_ptr<owner> of_pool = std::make_shared<owner>();

  std::shared_ptr<pool_core> pool(const tcp::endpoint& endpoint, pool_options options) {
    return pool_core::create(context.get_executor(), endpoint, std::move(options), of_pool);
  }

  static call acquire(const std::shared_ptr<pool_core>& pool) {
    const auto result = std::make_shared<outcome>();
    auto token = into(result);
    asio::async_initiate<decltype(token)&, void(error_code, lease)>(
        httpool::detail::initiate_acquire{pool}, token, httpool::acquire_options());
    return result;
  }
};

} // namespace

BOOST_FIXTURE_TEST_CASE(the_owner_is_told_when_the_last_connection_is_gone_and_not_before, owned) {
  server host(context, true);
  const auto core = pool(host.endpoint(), {.idle_timeout = 20ms});
  BOOST_TEST(core->is_empty());
  BOOST_TEST(of_pool->told == 0u, "it has not begun yet");
  const call got = acquire(core);
  BOOST_TEST(!core->is_empty());
  BOOST_TEST(until([&] { return got->is_done; }));
  give_back(std::move(got->lease));
  BOOST_TEST(of_pool->told == 0u);
  BOOST_TEST(!core->is_empty());
  BOOST_TEST(until([&] { return of_pool->told == 1; }));
  BOOST_TEST(!core->try_acquire(std::chrono::steady_clock::now()));
  BOOST_TEST(of_pool->told == 2u, "after each event that leaves it empty");
  BOOST_TEST(of_pool->wrongly == 0u);
  core->close();
  BOOST_TEST(of_pool->told == 2u);
  BOOST_TEST(!core->is_empty());
}

BOOST_FIXTURE_TEST_CASE(a_back_off_is_remembered_until_it_would_not_matter_any_more, owned) {
  refusing_port nobody(context);
  // Deadlines that wake the pool long after.
  const auto core = pool(
      nobody.endpoint(),
      {.acquire_timeout = 1h, .dial_timeout = 1h, .dial_backoff = 1ms, .max_dial_backoff = 100ms});
  const auto began = now();
  const call got = acquire(core);
  BOOST_TEST(until([&] { return got->is_done; }));
  BOOST_TEST(of_pool->told == 0u);
  BOOST_TEST(until([&] { return of_pool->told == 1; }));
  BOOST_TEST((now() - began > 100ms));
  BOOST_TEST(of_pool->wrongly == 0u);
  core->close();
}

BOOST_FIXTURE_TEST_CASE(a_pool_that_keeps_connections_and_one_whose_owner_has_gone_tell_nobody,
                        owned) {
  server host(context, true);
  const auto kept = pool(host.endpoint(), {.min_idle = 1});
  BOOST_TEST(until([&] { return kept->stats().idle == 1 && host.accepted() == 1; }));
  host.last().close();
  BOOST_TEST(until([&] { return kept->stats().made == 2; }));
  BOOST_TEST(of_pool->told == 0u);
  kept->close();
  const auto orphan = pool(host.endpoint(), {});
  of_pool.reset();
  const call got = acquire(orphan);
  BOOST_TEST(until([&] { return got->is_done; }));
  got->lease.reset();
  BOOST_TEST(orphan->is_empty());
  orphan->close();
}

BOOST_FIXTURE_TEST_CASE(a_pool_is_calm_while_nobody_waits_and_there_are_not_too_many, owned) {
  server host(context);
  const auto core = pool(host.endpoint(), {.max_connections = 2});
  BOOST_TEST(core->is_calm());
  const call first = acquire(core), second = acquire(core);
  BOOST_TEST(!core->is_calm());
  BOOST_TEST(until([&] { return first->is_done && second->is_done; }));
  BOOST_TEST(core->is_calm());
  core->set_limits({.max_connections = 1});
  BOOST_TEST(!core->is_calm());
  first->lease.reset();
  BOOST_TEST(until([&] { return core->stats().total() == 1; }));
  BOOST_TEST(core->is_calm());
  core->close();
  BOOST_TEST(!core->is_calm());
}

BOOST_FIXTURE_TEST_CASE(a_pool_is_not_calm_while_the_budget_lacks_a_place_for_another, owned) {
  server host(context);
  const auto budget = std::make_shared<httpool::connection_budget>(1);
  const auto core = pool(host.endpoint(), {.budget = budget});
  const auto other = pool(host.endpoint(), {.budget = budget});
  const call held = acquire(core);
  BOOST_TEST(until([&] { return held->is_done; }));
  BOOST_TEST(core->is_calm());
  const call waits = acquire(other);
  BOOST_TEST(!core->is_calm());
  held->lease.reset();
  BOOST_TEST(until([&] { return waits->is_done; }));
  BOOST_TEST(core->is_calm());
}

BOOST_FIXTURE_TEST_CASE(time_does_not_go_back_for_who_has_read_the_clock_early, owned) {
  server host(context);
  const auto core = pool(host.endpoint(), {});
  const auto early = now();
  const call got = acquire(core);
  BOOST_TEST(until([&] { return got->is_done; }));
  got->lease.keep_alive(true);
  pool_core::end_exchange(std::move(got->lease), early);
  const httpool::pool_view view = core->view();
  BOOST_TEST_REQUIRE(view.connections.size() == 1u);
  BOOST_TEST((view.connections.front().since >= view.connections.front().dialed_at));
  core->close();
}
