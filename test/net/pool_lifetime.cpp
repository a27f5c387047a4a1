// How pools, leases and contexts end, in whichever order.

#include "net/net_fixture.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>

using namespace net_test;
using httpool::close_reason;
using httpool::connection_pool;
using httpool::error;
using httpool::lease;

namespace {

using drained = std::shared_ptr<std::optional<error_code>>;

drained drain(connection_pool& pool, std::chrono::nanoseconds timeout) {
  auto result = std::make_shared<std::optional<error_code>>();
  pool.async_drain(timeout, [result](error_code ec) {
    BOOST_TEST(!result->has_value());
    *result = ec;
  });
  return result;
}

} // namespace

// Close -------------------------------------------------------------------------------------------

BOOST_FIXTURE_TEST_CASE(close_ends_what_is_idle_dialing_and_waiting_and_leaves_what_is_leased,
                        loop) {
  server host(context);
  gate door(context, 2);
  connection_pool pool(context, host.endpoint(), {.max_connections = 3, .prepare = door.hook()});
  lease held = leased(*this, pool), other = leased(*this, pool);
  give_back(std::move(other));
  lease again = leased(*this, pool);
  std::vector<call> waiting;
  for (int i = 0; i != 3; ++i)
    waiting.push_back(acquire(pool));
  BOOST_TEST(until([&] { return door.arrived() == 3; }));
  give_back(std::move(again));
  BOOST_TEST(until([&] { return waiting[0]->is_done; }));
  give_back(std::move(waiting[0]->lease));
  BOOST_TEST(until([&] { return waiting[1]->is_done; }));
  waiting.push_back(acquire(pool));

  pool.close();
  pool.close();
  for (std::size_t i = 2; i != 4; ++i) {
    BOOST_TEST(until([&] { return waiting[i]->is_done; }));
    BOOST_TEST(waiting[i]->error == error_code(error::pool_closed));
  }
  const call late = acquire(pool);
  BOOST_TEST(until([&] { return late->is_done; }));
  BOOST_TEST(late->error == error_code(error::pool_closed));
  BOOST_TEST(until([&] { return pool.stats().dialing == 0; }));
  BOOST_TEST(pool.stats().leased == 2u);
  give_back(std::move(held));
  give_back(std::move(waiting[1]->lease));
  BOOST_TEST(pool.stats().total() == 0u);
  BOOST_TEST(pool.stats().closed(close_reason::pool_closed) == 2u);
  pool.prewarm(3);
  pool.set_limits({.max_connections = 5, .min_idle = 5});
  settle();
  BOOST_TEST(pool.stats().dialing == 0u);
  BOOST_TEST(until([&] { return host.open() == 0; }));
  check_sums(pool.stats());
}

BOOST_FIXTURE_TEST_CASE(run_returns_after_close, loop) {
  tcp::acceptor host(context, tcp::endpoint(asio::ip::address_v4::loopback(), 0));
  connection_pool pool(context, host.local_endpoint());
  give_back(leased(*this, pool));
  context.restart();
  context.poll();
  BOOST_TEST(!context.stopped()); // an idle connection is outstanding work
  pool.close();
  BOOST_TEST(returns());
}

BOOST_FIXTURE_TEST_CASE(run_returns_after_close_even_while_a_lease_is_held_elsewhere, loop) {
  tcp::acceptor host(context, tcp::endpoint(asio::ip::address_v4::loopback(), 0));
  connection_pool pool(context, host.local_endpoint(),
                       {.acquire_timeout = 24h, .dial_timeout = 24h});
  lease held = leased(*this, pool); // the pool's timer is left armed for tomorrow
  pool.close();
  BOOST_TEST(returns());
  BOOST_TEST(held.socket().is_open());
  held.reset();
  BOOST_TEST(returns());
}

BOOST_FIXTURE_TEST_CASE(a_lease_outlives_its_pool, loop) {
  server host(context, true);
  lease held;
  {
    connection_pool pool(context, host.endpoint());
    held = leased(*this, pool);
    fill(*this, pool, 1);
  }
  std::string answer(2, ' ');
  bool is_done = false;
  asio::write(held.socket(), asio::buffer("hi", 2));
  asio::async_read(held.socket(), asio::buffer(answer), [&](error_code ec, std::size_t) {
    BOOST_TEST(ec == error_code());
    is_done = true;
  });
  BOOST_TEST(until([&] { return is_done; }));
  BOOST_TEST(answer == "hi");
  held.expires_after(1ms); // deadlines still hold
  BOOST_TEST(until([&] { return held.late(); }));
  give_back(std::move(held));
  BOOST_TEST(until([&] { return host.open() == 0; }));
}

BOOST_FIXTURE_TEST_CASE(a_pool_may_go_before_its_callers_handlers_ran, loop) {
  server host(context);
  call granted, waiting;
  {
    connection_pool pool(context, host.endpoint(), {.max_connections = 1});
    fill(*this, pool, 1);
    granted = acquire(pool);
    waiting = acquire(pool);
  }
  BOOST_TEST(until([&] { return granted->is_done && waiting->is_done; }));
  BOOST_TEST(bool(granted->lease));
  BOOST_TEST(waiting->error == error_code(error::pool_closed));
  give_back(std::move(granted->lease));
  BOOST_TEST(until([&] { return host.open() == 0; }));
}

// Drain -------------------------------------------------------------------------------------------

BOOST_FIXTURE_TEST_CASE(drain_waits_for_leases_and_refuses_callers_meanwhile, loop) {
  server host(context);
  connection_pool pool(context, host.endpoint());
  fill(*this, pool, 2);
  lease held = leased(*this, pool);
  const drained first = drain(pool, 1h), second = drain(pool, std::chrono::nanoseconds::max());
  std::optional<error_code> third; // with the default timeout
  pool.async_drain([&](error_code ec) { third = ec; });
  settle();
  BOOST_TEST(!first->has_value());
  BOOST_TEST(pool.stats().idle == 0u);
  const call refused = acquire(pool);
  BOOST_TEST(until([&] { return refused->is_done; }));
  BOOST_TEST(refused->error == error_code(error::pool_closed));
  BOOST_TEST(!held.late());
  give_back(std::move(held));
  BOOST_TEST(until([&] { return first->has_value() && second->has_value() && third; }));
  BOOST_TEST(first->value() == error_code());
  BOOST_TEST(second->value() == error_code());
  BOOST_TEST(*third == error_code());
  const drained again = drain(pool, 0s); // of nothing
  BOOST_TEST(until([&] { return again->has_value(); }));
  BOOST_TEST(again->value() == error_code());
}

BOOST_FIXTURE_TEST_CASE(drain_cuts_leases_off_at_its_deadline, loop) {
  server host(context);
  connection_pool pool(context, host.endpoint());
  lease held = leased(*this, pool), other = leased(*this, pool);
  char byte = 0;
  bool has_ended = false;
  held.socket().async_read_some(asio::buffer(&byte, 1),
                                [&](error_code, std::size_t) { has_ended = true; });
  const auto began = now();
  const drained patient = drain(pool, 1h), brief = drain(pool, 10ms);
  BOOST_TEST(until([&] { return brief->has_value() && has_ended; }));
  BOOST_TEST((now() - began >= 10ms));
  BOOST_TEST(brief->value() == error_code(asio::error::timed_out));
  BOOST_TEST((brief->value() == httpool::errc::timeout));
  BOOST_TEST(held.late());
  BOOST_TEST(other.late());
  BOOST_TEST(!patient->has_value());
  held.reset();
  give_back(std::move(other));
  BOOST_TEST(until([&] { return patient->has_value(); }));
  BOOST_TEST(patient->value() == error_code());
  check_sums(pool.stats());
}

BOOST_FIXTURE_TEST_CASE(drain_with_no_time_cuts_off_at_once, loop) {
  server host(context);
  for (const auto timeout : {0s, -1s}) {
    connection_pool pool(context, host.endpoint());
    lease held = leased(*this, pool);
    const drained at_once = drain(pool, timeout);
    BOOST_TEST(held.late());
    BOOST_TEST(until([&] { return at_once->has_value(); }));
    BOOST_TEST(at_once->value() == error_code(asio::error::timed_out));
  }
}

BOOST_FIXTURE_TEST_CASE(a_cancelled_drain_leaves_the_pool_closed_and_its_leases_alone, loop) {
  server host(context);
  for (const auto type : {asio::cancellation_type::terminal, asio::cancellation_type::partial,
                          asio::cancellation_type::total}) {
    connection_pool pool(context, host.endpoint());
    lease held = leased(*this, pool);
    asio::cancellation_signal signal;
    std::optional<error_code> result;
    pool.async_drain(
        1h, asio::bind_cancellation_slot(signal.slot(), [&](error_code ec) { result = ec; }));
    signal.emit(asio::cancellation_type::none);
    settle();
    BOOST_TEST(!result.has_value());
    signal.emit(type);
    BOOST_TEST(!result.has_value());
    BOOST_TEST(until([&] { return result.has_value(); }));
    BOOST_TEST(*result == error_code(asio::error::operation_aborted));
    signal.emit(type);
    BOOST_TEST(!held.late());
    const call refused = acquire(pool);
    BOOST_TEST(until([&] { return refused->is_done; }));
    BOOST_TEST(refused->error == error_code(error::pool_closed));
  }
}

BOOST_FIXTURE_TEST_CASE(a_drain_that_is_cancelled_when_its_pool_has_gone_has_ended, loop) {
  server host(context);
  asio::cancellation_signal signal;
  std::optional<error_code> result;
  {
    connection_pool pool(context, host.endpoint());
    pool.async_drain(
        1h, asio::bind_cancellation_slot(signal.slot(), [&](error_code ec) { result = ec; }));
  }
  BOOST_TEST(until([&] { return result.has_value(); }));
  BOOST_TEST(*result == error_code());
  signal.emit(asio::cancellation_type::total);
  settle();
}

BOOST_FIXTURE_TEST_CASE(a_lease_on_its_way_is_cut_off_by_a_drain_and_ends_though_nobody_gets_it,
                        loop) {
  server host(context);
  connection_pool pool(context, host.endpoint());
  fill(*this, pool, 1);
  {
    asio::io_context never_run;
    pool.async_acquire(asio::bind_executor(never_run, [](error_code, const lease&) {}));
    BOOST_TEST(pool.stats().leased == 1u);
    const drained at_once = drain(pool, 0s);
    BOOST_TEST(until([&] { return at_once->has_value(); }));
    BOOST_TEST(pool.stats().leased == 1u);
  }
  BOOST_TEST(pool.stats().total() == 0u);
  check_sums(pool.stats());
}

BOOST_FIXTURE_TEST_CASE(scar_102_a_pool_of_very_many_connections_drains, loop) {
  constexpr std::size_t connections = 2000;
  server host(context);
  connection_pool pool(context, host.endpoint(), {.max_connections = connections, .max_dials = 64});
  pool.prewarm(connections);
  BOOST_TEST_REQUIRE(until([&] { return pool.stats().idle == connections; }));
  const drained all = drain(pool, 1h);
  BOOST_TEST(until([&] { return all->has_value(); }));
  BOOST_TEST(until([&] { return host.open() == 0; }));
}

// Contexts that die -------------------------------------------------------------------------------

namespace {

/// Counts its copies' lifetimes: whoever keeps one alive leaks.
using canary = std::shared_ptr<int>;

/// Whatever a pool can be in the middle of.
struct busy_pool {
  busy_pool(loop& run, server& host, canary bird)
      : door(run.context, 4),
        closed_door(run.context),
        idle(run.context, host.endpoint(), {.max_connections = 2}),
        probed(run.context, host.endpoint(), probing(bird)),
        dialing(run.context, host.endpoint(), {.min_idle = 1, .prepare = closed_door.hook()}),
        looking_up(run.context, "nowhere.invalid", 80) {
    fill(run, idle, 2);
    lease a = leased(run, idle), b = leased(run, idle);
    for (int i = 0; i != 3; ++i) {
      idle.async_acquire([bird](error_code, lease) {});
      dialing.async_acquire([bird](error_code, lease) {});
      looking_up.async_acquire([bird](error_code, lease) {});
      asio::co_spawn(run.context, waits(idle, bird), asio::detached);
      asio::co_spawn(run.context, waits(dialing, bird), asio::detached);
    }
    asio::co_spawn(run.context, holds(std::move(a), true, bird), asio::detached);
    asio::co_spawn(run.context, holds(std::move(b), false, bird), asio::detached);
    fill(run, probed, 2);
    BOOST_TEST(run.until([&] { return probed.stats().probes > 0; }));
    BOOST_TEST(run.until([&] { return closed_door.arrived() > 0; }));
    leaving = std::make_unique<connection_pool>(run.context, host.endpoint());
    kept = std::make_shared<lease>(leased(run, *leaving));
    leaving->async_drain(1h, [bird, l = kept](error_code) {});
    kept.reset(); // the drain's own handler holds the lease that it waits for
  }

  static httpool::pool_options probing(canary bird) {
    httpool::pool_options options;
    options.probe.interval = 1ms;
    options.probe.timeout = 1h;
    options.probe.ask = [bird](lease& asked) -> asio::awaitable<bool> { return ask(asked, bird); };
    return options;
  }
  static asio::awaitable<bool> ask(lease& asked, canary) {
    co_await asked.socket().async_wait(tcp::socket::wait_read, asio::use_awaitable);
    co_return true;
  }
  static asio::awaitable<void> waits(connection_pool& pool, canary) {
    const lease got = co_await pool.async_acquire(asio::use_awaitable);
  }
  static asio::awaitable<void> holds(lease held, bool keep, canary) {
    held.keep_alive(keep);
    co_await held.socket().async_wait(tcp::socket::wait_read, asio::use_awaitable);
  }

  gate door, closed_door;
  connection_pool idle, probed, dialing, looking_up;
  std::unique_ptr<connection_pool> leaving;
  std::shared_ptr<lease> kept;
};

} // namespace

BOOST_AUTO_TEST_CASE(a_context_that_dies_with_everything_suspended_leaks_nothing) {
  const std::size_t before = descriptors();
  const canary bird = std::make_shared<int>();
  for (const bool pools_go_first : {true, false}) {
    std::optional<loop> hosts(std::in_place);
    std::optional<server> host(std::in_place, hosts->context);
    std::optional<loop> run(std::in_place);
    auto pools = std::make_unique<busy_pool>(*run, *host, bird);
    if (pools_go_first) {
      pools.reset();
      run.reset();
    } else { // inside the context, as in a coroutine's frame
      asio::post(run->context, [p = std::move(pools)] {});
      run.reset();
    }
    host.reset();
    hosts.reset();
    BOOST_TEST(bird.use_count() == 1);
    BOOST_TEST(descriptors() == before);
  }
}

namespace {

/// A caller's life, to be cut short anywhere.
asio::awaitable<void> live(connection_pool& pool, canary) {
  for (int i = 0; i != 4; ++i) {
    lease got = co_await pool.async_acquire(asio::use_awaitable);
    char byte = 'x';
    co_await asio::async_write(got.socket(), asio::buffer(&byte, 1), asio::use_awaitable);
    co_await asio::async_read(got.socket(), asio::buffer(&byte, 1), asio::use_awaitable);
    got.keep_alive(i != 1);
    if (i == 2)
      got = co_await pool.async_redial(std::move(got), {}, asio::use_awaitable);
  }
  pool.close();
}

} // namespace

BOOST_AUTO_TEST_CASE(scar_3_30_a_context_may_die_after_any_number_of_steps) {
  const std::size_t before = descriptors();
  const canary bird = std::make_shared<int>();
  bool is_complete = false;
  for (int steps = 0; !is_complete; ++steps) {
    {
      loop hosts;
      server host(hosts.context, true);
      loop run;
      auto pool = std::make_unique<connection_pool>(run.context, host.endpoint(),
                                                    httpool::pool_options{.max_connections = 2});
      for (int i = 0; i != 3; ++i)
        asio::co_spawn(run.context, live(*pool, bird), asio::detached);
      for (int step = 0; step != steps && !is_complete; ++step) {
        hosts.settle();
        is_complete = run.context.run_one_for(1ms) == 0 && pool->stats().total() == 0 &&
                      pool->stats().granted > 0;
      }
      if (steps % 2 == 0)
        asio::post(run.context, [p = std::move(pool)] {});
    }
    BOOST_TEST_REQUIRE(bird.use_count() == 1);
    BOOST_TEST_REQUIRE(descriptors() == before);
  }
}

BOOST_AUTO_TEST_CASE(the_context_of_a_waiting_handler_may_outlive_the_pools) {
  loop hosts;
  server host(hosts.context);
  asio::io_context other;
  const canary bird = std::make_shared<int>();
  {
    loop run;
    connection_pool pool(run.context, host.endpoint(), {.max_connections = 1});
    const lease held = leased(run, pool);
    pool.async_acquire(asio::bind_executor(other, [bird](error_code, lease) {}));
  }
  BOOST_TEST(other.poll() <= 1u); // told that the pool has closed, or dropped: but not left waiting
  BOOST_TEST(other.stopped());
  BOOST_TEST(bird.use_count() == 1);
}
