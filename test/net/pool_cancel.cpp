// Cancellation of every type at every moment, and leases whose callers have gone.

#include "net/net_fixture.hpp"

#include <httpool/observer.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/execution/blocking.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/system/system_error.hpp>

using namespace net_test;
using asio::cancellation_type;
using httpool::connection_pool;
using httpool::error;
using httpool::lease;

namespace {

const std::array every_type{cancellation_type::terminal, cancellation_type::partial,
                            cancellation_type::total, cancellation_type::all};

call acquire_with(connection_pool& pool, asio::cancellation_signal& signal,
                  httpool::acquire_options options = {}) {
  const auto result = std::make_shared<outcome>();
  pool.async_acquire(options, asio::bind_cancellation_slot(signal.slot(), into(result)));
  return result;
}

/// Drops whatever it should run, as a context does that stops for good.
struct dropping_executor {
  static constexpr asio::execution::blocking_t query(asio::execution::blocking_t) noexcept {
    return asio::execution::blocking.never;
  }
  template <class Function>
  void execute(Function&&) const {}
  [[maybe_unused]] friend bool operator==(const dropping_executor&,
                                          const dropping_executor&) noexcept {
    return true;
  }
};

} // namespace

// Waiters -----------------------------------------------------------------------------------------

BOOST_FIXTURE_TEST_CASE(a_waiter_is_cancelled_by_each_type_and_its_turn_goes_to_the_next, loop) {
  server host(context);
  connection_pool pool(context, host.endpoint(), {.max_connections = 1});
  std::uint64_t cancelled = 0;
  for (const auto type : every_type) {
    lease held = leased(*this, pool);
    asio::cancellation_signal signal;
    const call gone = acquire_with(pool, signal), next = acquire(pool);
    signal.emit(cancellation_type::none);
    settle();
    BOOST_TEST(!gone->is_done);
    signal.emit(type);
    BOOST_TEST(!gone->is_done); // completes by post
    BOOST_TEST(until([&] { return gone->is_done; }));
    BOOST_TEST(gone->error == error_code(asio::error::operation_aborted));
    BOOST_TEST(!gone->lease);
    BOOST_TEST(!next->is_done);
    signal.emit(type); // comes too late
    give_back(std::move(held));
    BOOST_TEST(until([&] { return next->is_done; }));
    BOOST_TEST(next->lease.id() == 1u);
    give_back(std::move(next->lease));
    BOOST_TEST(pool.stats().cancelled == ++cancelled);
  }
  check_sums(pool.stats());
}

BOOST_FIXTURE_TEST_CASE(a_cancellation_finds_nobody_when_a_crowd_or_the_pool_itself_has_gone,
                        loop) {
  server host(context);
  std::optional<connection_pool> pool;
  pool.emplace(context, host.endpoint(), httpool::pool_options{.max_connections = 1});
  lease held = leased(*this, *pool);
  constexpr std::size_t crowd = 300; // for which the pool keeps no room
  std::vector<std::unique_ptr<asio::cancellation_signal>> signals;
  std::vector<call> calls;
  while (calls.size() != crowd) {
    signals.push_back(std::make_unique<asio::cancellation_signal>());
    calls.push_back(acquire_with(*pool, *signals.back()));
  }
  for (const auto& signal : signals)
    signal->emit(cancellation_type::total);
  for (const auto& signal : signals)
    signal->emit(cancellation_type::total);
  BOOST_TEST(until([&] { return calls.back()->is_done; }));
  BOOST_TEST(pool->stats().cancelled == crowd);
  held.reset();
  pool.reset();
  settle();
  for (const auto& signal : signals)
    signal->emit(cancellation_type::total);
}

BOOST_FIXTURE_TEST_CASE(scar_1_8_a_caller_who_goes_during_its_dial_loses_no_connection, loop) {
  server host(context);
  gate door(context);
  connection_pool pool(context, host.endpoint(), {.max_connections = 1, .prepare = door.hook()});
  asio::cancellation_signal signal;
  const call gone = acquire_with(pool, signal);
  BOOST_TEST(until([&] { return door.arrived() == 1; }));
  signal.emit(cancellation_type::total);
  BOOST_TEST(until([&] { return gone->is_done; }));
  BOOST_TEST(pool.stats().dialing == 1u); // dials belong to the pool
  door.open();
  BOOST_TEST(until([&] { return pool.stats().idle == 1; }));
  BOOST_TEST(leased(*this, pool).id() == 1u);
}

BOOST_FIXTURE_TEST_CASE(scar_4_a_cancellation_before_the_context_ever_ran_ends_the_wait, loop) {
  server host(context);
  connection_pool pool(context, host.endpoint());
  asio::cancellation_signal signal;
  const call gone = acquire_with(pool, signal);
  signal.emit(cancellation_type::terminal);
  BOOST_TEST(until([&] { return gone->is_done; }));
  BOOST_TEST(gone->error == error_code(asio::error::operation_aborted));
  BOOST_TEST(until([&] { return pool.stats().idle == 1; }));
  BOOST_TEST(pool.stats().waiting == 0u);
}

BOOST_FIXTURE_TEST_CASE(scar_13_a_queued_dial_is_not_started_for_a_caller_who_has_gone, loop) {
  server host(context);
  gate door(context);
  connection_pool pool(context, host.endpoint(), {.max_dials = 1, .prepare = door.hook()});
  std::vector<std::unique_ptr<asio::cancellation_signal>> signals;
  std::vector<call> calls;
  for (int i = 0; i != 20; ++i) {
    signals.push_back(std::make_unique<asio::cancellation_signal>());
    calls.push_back(acquire_with(pool, *signals.back()));
  }
  BOOST_TEST(until([&] { return door.arrived() == 1; }));
  for (const auto& signal : signals)
    signal->emit(cancellation_type::total);
  door.open();
  BOOST_TEST(until([&] { return pool.stats().idle == 1; }));
  settle();
  BOOST_TEST(pool.stats().dials == 1u);
  BOOST_TEST(pool.stats().cancelled == 20u);
}

BOOST_FIXTURE_TEST_CASE(a_cancellation_after_the_grant_has_no_effect, loop) {
  server host(context);
  connection_pool pool(context, host.endpoint());
  fill(*this, pool, 1);
  asio::cancellation_signal signal;
  for (const auto type : every_type) {
    const call got = acquire_with(pool, signal);
    BOOST_TEST(!got->is_done); // granted and posted
    signal.emit(type);
    BOOST_TEST(until([&] { return got->is_done; }));
    BOOST_TEST(got->error == error_code());
    signal.emit(type); // while leased
    BOOST_TEST(got->lease.id() == 1u);
    give_back(std::move(got->lease));
    signal.emit(type); // while idle
  }
  BOOST_TEST(pool.stats().idle == 1u);
  BOOST_TEST(pool.stats().cancelled == 0u);
}

BOOST_FIXTURE_TEST_CASE(a_late_cancellation_does_not_reach_the_next_operation_of_another_caller,
                        loop) {
  server host(context);
  connection_pool pool(context, host.endpoint(), {.max_connections = 1});
  asio::cancellation_signal signal;
  const call first = acquire_with(pool, signal);
  BOOST_TEST(until([&] { return first->is_done; }));
  asio::cancellation_signal other; // takes the first one's ticket index
  const call second = acquire_with(pool, other);
  signal.emit(cancellation_type::terminal);
  settle();
  BOOST_TEST(!second->is_done);
  first->lease.reset();
  BOOST_TEST(until([&] { return second->is_done; }));
  BOOST_TEST(second->error == error_code());
}

BOOST_FIXTURE_TEST_CASE(a_signal_may_be_emitted_after_its_pool_has_gone, loop) {
  server host(context);
  asio::cancellation_signal signal;
  call gone;
  {
    connection_pool pool(context, host.endpoint());
    gone = acquire_with(pool, signal);
  }
  BOOST_TEST(until([&] { return gone->is_done; }));
  BOOST_TEST(gone->error == error_code(error::pool_closed));
  signal.emit(cancellation_type::all);
}

BOOST_FIXTURE_TEST_CASE(a_coroutine_races_an_acquire_against_a_timer, loop) {
  using namespace asio::experimental::awaitable_operators;
  server host(context);
  connection_pool pool(context, host.endpoint(), {.max_connections = 1});
  lease held = leased(*this, pool);
  bool timer_won = false, lease_won = false;
  asio::co_spawn(
      context,
      [&]() -> asio::awaitable<void> {
        asio::steady_timer timer(context, 1ms);
        const auto first = co_await (pool.async_acquire(asio::use_awaitable) ||
                                     timer.async_wait(asio::use_awaitable));
        timer_won = first.index() == 1;
        give_back(std::move(held));
        timer.expires_at(asio::steady_timer::time_point::max());
        const auto second = co_await (pool.async_acquire(asio::use_awaitable) ||
                                      timer.async_wait(asio::use_awaitable));
        lease_won = second.index() == 0;
      },
      asio::detached);
  BOOST_TEST(until([&] { return timer_won && lease_won; }));
  BOOST_TEST(pool.stats().cancelled == 1u);
}

BOOST_FIXTURE_TEST_CASE(a_coroutine_may_enable_total_cancellation_of_its_acquire, loop) {
  server host(context);
  connection_pool pool(context, host.endpoint(), {.max_connections = 1});
  const lease held = leased(*this, pool);
  asio::cancellation_signal signal;
  error_code seen;
  asio::co_spawn(
      context,
      [&]() -> asio::awaitable<void> {
        co_await asio::this_coro::reset_cancellation_state(asio::enable_total_cancellation());
        try {
          const lease none = co_await pool.async_acquire(asio::use_awaitable);
        } catch (const boost::system::system_error& e) {
          seen = e.code();
        }
      },
      asio::bind_cancellation_slot(signal.slot(), asio::detached));
  BOOST_TEST(until([&] { return pool.stats().waiting == 1; }));
  signal.emit(cancellation_type::total);
  BOOST_TEST(until([&] { return seen == error_code(asio::error::operation_aborted); }));
}

BOOST_FIXTURE_TEST_CASE(a_redial_can_be_cancelled_and_leaves_its_dial_to_the_pool, loop) {
  server host(context);
  for (const bool has_connected : {false, true}) {
    gate door(context, 1);
    connection_pool pool(context, host.endpoint(), {.max_connections = 1, .prepare = door.hook()});
    lease dead = leased(*this, pool);
    asio::cancellation_signal signal;
    const auto result = std::make_shared<outcome>();
    pool.async_redial(std::move(dead), {},
                      asio::bind_cancellation_slot(signal.slot(), into(result)));
    if (has_connected)
      BOOST_TEST(until([&] { return door.arrived() == 2; }));
    signal.emit(cancellation_type::total);
    BOOST_TEST(until([&] { return result->is_done; }));
    BOOST_TEST(result->error == error_code(asio::error::operation_aborted));
    door.open();
    BOOST_TEST(until([&] { return pool.stats().idle == 1; }));
    BOOST_TEST(pool.stats().waiting == 0u);
    check_sums(pool.stats());
  }
}

// Callers who are gone when their lease comes -----------------------------------------------------

BOOST_FIXTURE_TEST_CASE(scar_6_a_lease_on_its_way_to_a_context_that_dies_serves_the_next_waiter,
                        loop) {
  server host(context);
  connection_pool pool(context, host.endpoint(), {.max_connections = 1});
  lease held = leased(*this, pool);
  auto other = std::make_unique<asio::io_context>();
  bool has_run = false;
  pool.async_acquire(asio::bind_executor(*other, [&](error_code, lease) { has_run = true; }));
  const call next = acquire(pool);
  give_back(std::move(held));
  settle();
  BOOST_TEST(pool.stats().leased == 1u);
  BOOST_TEST(!next->is_done);
  other->stop();
  other.reset();
  BOOST_TEST(until([&] { return next->is_done; }));
  BOOST_TEST(!has_run);
  BOOST_TEST(next->lease.id() == 1u);
  BOOST_TEST(next->lease.uses() == 2u); // the lost lease does not count
  check_sums(pool.stats());
}

BOOST_FIXTURE_TEST_CASE(scar_7_a_lease_that_nobody_takes_becomes_idle, loop) {
  server host(context);
  connection_pool pool(context, host.endpoint(), {.max_connections = 1});
  for (int i = 0; i != 3; ++i) { // first by a dial, then from the idle ones
    pool.async_acquire(asio::bind_executor(dropping_executor(), [](error_code, lease) {}));
    BOOST_TEST(until([&] { return pool.stats().idle == 1; }));
    BOOST_TEST(pool.stats().leased == 0u);
  }
  const lease got = leased(*this, pool);
  BOOST_TEST(got.id() == 1u);
  BOOST_TEST(got.uses() == 1u);
  BOOST_TEST(host.accepted() == 1u);
}

/// The back-off ends while the lease is on its way.
BOOST_FIXTURE_TEST_CASE(a_lease_that_nobody_takes_lets_a_dial_begin_whose_time_has_come, loop) {
  struct slow_observer : httpool::pool_observer {
    void acquire_granted(std::uint64_t, std::chrono::nanoseconds, std::uint64_t) override {
      while (now() < until)
        continue;
    }
    std::chrono::steady_clock::time_point until = {};
  };
  server host(context);
  const auto observer = std::make_shared<slow_observer>();
  bool is_good = true;
  const auto prepare = [&](tcp::socket&) -> asio::awaitable<void> {
    if (!is_good)
      throw boost::system::system_error(asio::error::connection_reset);
    co_return;
  };
  connection_pool pool(context, host.endpoint(),
                       {.max_connections = 3,
                        .dial_backoff = 100ms,
                        .max_dial_backoff = 100ms,
                        .prepare = prepare,
                        .observer = observer});
  lease held = leased(*this, pool);
  is_good = false;
  const call failed = acquire(pool);
  BOOST_TEST(until([&] { return failed->is_done; }));
  is_good = true;
  observer->until = now() + 130ms;
  pool.async_acquire(asio::bind_executor(dropping_executor(), [](error_code, lease) {}));
  const call second = acquire(pool), third = acquire(pool);
  give_back(std::move(held));
  BOOST_TEST(until([&] { return second->is_done && third->is_done; }));
  BOOST_TEST(second->lease.id() == 1u);
  BOOST_TEST(third->lease.id() == 2u);
}

BOOST_FIXTURE_TEST_CASE(a_lease_that_nobody_takes_closes_when_its_pool_has_closed_meanwhile, loop) {
  server host(context);
  connection_pool pool(context, host.endpoint(), {.max_connections = 1});
  fill(*this, pool, 1);
  auto other = std::make_unique<asio::io_context>();
  pool.async_acquire(asio::bind_executor(*other, [](error_code, lease) {}));
  pool.close();
  BOOST_TEST(pool.stats().leased == 1u);
  other.reset();
  BOOST_TEST(pool.stats().leased == 0u);
  BOOST_TEST(pool.stats().total() == 0u);
  BOOST_TEST(until([&] { return host.at(0).has_ended; }));
}

BOOST_FIXTURE_TEST_CASE(a_handler_that_throws_closes_its_connection, loop) {
  server host(context);
  connection_pool pool(context, host.endpoint(), {.max_connections = 1});
  fill(*this, pool, 1);
  pool.async_acquire([](error_code, lease got) {
    got.keep_alive(false);
    throw std::runtime_error("a handler's own affair");
  });
  BOOST_CHECK_THROW(settle(), std::runtime_error);
  BOOST_TEST(pool.stats().leased == 0u);
  BOOST_TEST(leased(*this, pool).id() == 2u);
}

BOOST_FIXTURE_TEST_CASE(after_a_crowd_has_gone_who_comes_can_be_cancelled_as_ever, loop) {
  server host(context);
  connection_pool pool(context, host.endpoint(), {.max_connections = 1});
  const lease held = leased(*this, pool);
  for (const std::size_t crowd : {300u, 1u, 300u}) {
    std::vector<asio::cancellation_signal> signals(crowd);
    std::vector<call> calls;
    for (asio::cancellation_signal& each : signals)
      calls.push_back(acquire_with(pool, each));
    for (asio::cancellation_signal& each : signals)
      each.emit(cancellation_type::terminal);
    for (const call& each : calls) {
      BOOST_TEST(until([&] { return each->is_done; }));
      BOOST_TEST(each->error == error_code(asio::error::operation_aborted));
    }
  }
  BOOST_TEST(pool.stats().cancelled == 601u);
}
