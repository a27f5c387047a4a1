// One pool under many threads.

#include "net/storm.hpp"
#include "pool/core.hpp"

#include <httpool/metrics.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_future.hpp>

#include <atomic>
#include <barrier>
#include <future>
#include <latch>
#include <memory>
#include <thread>
#include <utility>

using namespace net_test;
using httpool::connection_pool;
using httpool::lease;
using httpool::detail::pool_core;

BOOST_AUTO_TEST_CASE(a_pool_may_run_on_a_pool_of_threads) {
  counting_server host(1);
  asio::thread_pool run(2);
  {
    connection_pool pool(run.get_executor(), host.endpoint());
    for (int i = 0; i != 3; ++i) {
      lease got = pool.async_acquire(asio::use_future).get();
      BOOST_TEST(got.id() == 1u);
      got.keep_alive(true);
    }
    pool.async_drain(asio::use_future).get();
  }
  run.join();
}

BOOST_AUTO_TEST_CASE(a_storm_of_callers_on_many_threads_keeps_every_promise) {
  counting_server host(4);
  tally seen;
  const auto order = std::make_shared<witness>();
  threads run(3);
  connection_pool pool(
      run.context, host.endpoint(),
      {.max_connections = 4, .max_waiters = 12, .dial_backoff = 0s, .observer = order});
  start_callers(run, pool, seen, 1, 20, 400);
  std::thread outside([&] { call_from_outside(pool, seen, 3000); });
  outside.join();
  BOOST_TEST(becomes([&] { return seen.callers == 0; }));
  BOOST_TEST(pool.stats().leased == 0u);
  BOOST_TEST(pool.stats().waiting == 0u);
  auto drained = std::make_shared<std::promise<error_code>>();
  pool.async_drain([drained](error_code ec) { drained->set_value(ec); });
  BOOST_TEST(drained->get_future().get() == error_code());
  run.finish();

  const auto s = pool.stats();
  check_sums(s);
  BOOST_TEST(s.total() == 0u);
  BOOST_TEST(s.peak_total <= 4u);
  BOOST_TEST(s.granted >= seen.leases);
  BOOST_TEST(seen.leases > 0u);
  BOOST_TEST(seen.leased_twice == 0u);
  BOOST_TEST(seen.surprises == 0u);
  BOOST_TEST(order->out_of_order == 0u);
  BOOST_TEST(order->is_open.size() == s.made);
  BOOST_TEST(!host.was_exceeded());
  BOOST_TEST(becomes([&] { return host.open() == 0; }));
}

BOOST_AUTO_TEST_CASE(limits_figures_and_probes_may_change_and_run_in_a_storm) {
  counting_server host(1000);
  tally seen;
  threads run(2);
  httpool::pool_options options{.max_connections = 6, .dial_backoff = 0s, .idle_timeout = 2ms};
  options.probe.interval = 100us;
  options.probe.timeout = 1ms;
  options.probe.ask = [](lease& asked) -> asio::awaitable<bool> {
    asio::steady_timer timer(asked.get_executor(), 500us);
    co_await timer.async_wait(asio::use_awaitable);
    co_return asked.id() % 2 == 0;
  };
  connection_pool pool(run.context, host.endpoint(), options);
  start_callers(run, pool, seen, 100, 12, 300);
  std::size_t wrong_sums = 0;
  for (unsigned i = 0; seen.callers != 0; ++i) {
    pool.set_limits({.max_connections = 1 + i % 6, .min_idle = i % 2, .max_dials = 1 + i % 3});
    pool.prewarm(i % 5);
    const auto s = pool.stats();
    wrong_sums += s.made != s.idle + s.leased + s.closed();
    wrong_sums += s.dials != s.made + s.dials_failed + s.dialing;
    std::this_thread::yield();
  }
  BOOST_TEST(wrong_sums == 0u);
  pool.close();
  run.finish();
  BOOST_TEST(pool.stats().total() == 0u);
  BOOST_TEST(seen.leased_twice == 0u);
  BOOST_TEST(seen.surprises == 0u);
  check_sums(pool.stats());
}

BOOST_AUTO_TEST_CASE(scar_2_5_12_tiny_timeouts_lose_no_connection_and_answer_once) {
  constexpr int callers = 4;
  constexpr int rounds = 5000;
  counting_server host(2);
  threads run(2);
  connection_pool pool(run.context, host.endpoint(), {.max_connections = 2, .dial_backoff = 0s});
  std::atomic<int> answers = 0;
  std::vector<std::thread> outside;
  for (int i = 0; i != callers; ++i) {
    outside.emplace_back([&, i] {
      for (int round = 0; round != rounds; ++round) {
        pool.async_acquire({.timeout = std::chrono::microseconds(1 + (round + i) % 30)},
                           [&](error_code, lease got) {
                             got.keep_alive(true);
                             ++answers;
                           });
        if (round % 16 == 0)
          std::this_thread::yield();
      }
    });
  }
  for (std::thread& t : outside)
    t.join();
  BOOST_TEST(becomes([&] { return answers == callers * rounds; }));
  BOOST_TEST(becomes([&] { return pool.stats().leased == 0 && pool.stats().dialing == 0; }));
  const auto s = pool.stats();
  check_sums(s);
  BOOST_TEST(s.acquires == std::uint64_t(callers * rounds));
  BOOST_TEST(s.waiting == 0u);
  BOOST_TEST(!host.was_exceeded());
  pool.close();
  run.finish();
}

BOOST_AUTO_TEST_CASE(scar_14_20_a_grant_and_a_cancellation_at_once_end_in_one_of_them) {
  counting_server host(1);
  threads run(2);
  connection_pool pool(run.context, host.endpoint(), {.max_connections = 1});
  lease held = pool.async_acquire(asio::use_future).get();
  asio::cancellation_signal signal;
  std::barrier both(2);
  std::atomic<bool> stop = false;
  std::thread other([&] {
    for (;;) {
      both.arrive_and_wait();
      if (stop)
        return;
      signal.emit(asio::cancellation_type::total);
      both.arrive_and_wait();
    }
  });
  std::size_t granted = 0, cancelled = 0, wrong = 0;
  for (int round = 0; round != 1500; ++round) {
    std::promise<std::pair<error_code, lease>> answer;
    pool.async_acquire(asio::bind_cancellation_slot(signal.slot(), [&](error_code ec, lease got) {
      answer.set_value({ec, std::move(got)});
    }));
    both.arrive_and_wait();
    give_back(std::move(held));
    both.arrive_and_wait();
    auto [ec, got] = answer.get_future().get();
    if (!ec) {
      ++granted;
      held = std::move(got);
    } else {
      cancelled += ec == asio::error::operation_aborted;
      held = pool.try_acquire();
      wrong += !held;
    }
    wrong += held.id() != 1;
  }
  stop = true;
  both.arrive_and_wait();
  other.join();
  BOOST_TEST(wrong == 0u);
  BOOST_TEST(granted + cancelled == 1500u);
  BOOST_TEST(pool.stats().made == 1u);
  held.reset();
  pool.close();
  run.finish();
}

BOOST_AUTO_TEST_CASE(a_pool_may_close_while_its_dials_and_probes_are_just_starting) {
  counting_server host(1000);
  threads run(2);
  std::atomic<int> pending = 0;
  std::size_t left = 0;
  for (int round = 0; round != 300; ++round) {
    httpool::pool_options options{.dial_backoff = 0s};
    options.probe.interval = 1ns;
    options.probe.ask = [](lease&) -> asio::awaitable<bool> { co_return true; };
    if (round % 2 == 0)
      options.dial_timeout = 1ns; // ends as it begins
    else
      options.probe.timeout = 1ns;
    connection_pool pool(run.context, host.endpoint(), options);
    std::thread other([&, round] {
      for (int spin = 0; spin != round % 40; ++spin)
        std::this_thread::yield();
      pool.close();
    });
    for (int i = 0; i != 4; ++i) {
      ++pending;
      pool.async_acquire([&](error_code, lease got) {
        give_back(std::move(got));
        --pending;
      });
    }
    other.join();
    left += !becomes([&] { return pending == 0 && pool.stats().total() == 0; });
  }
  BOOST_TEST(left == 0u);
  run.finish();
}

BOOST_AUTO_TEST_CASE(a_pool_may_end_while_its_last_lease_does) {
  counting_server host(1);
  threads run(1);
  for (int round = 0; round != 300; ++round) {
    auto pool = std::make_unique<connection_pool>(run.context, host.endpoint());
    lease held = pool->async_acquire(asio::use_future).get();
    std::barrier begin(2);
    std::thread lessee([&] {
      begin.arrive_and_wait();
      give_back(std::move(held));
    });
    begin.arrive_and_wait();
    pool.reset();
    lessee.join();
    BOOST_TEST(becomes([&] { return host.open() == 0; }));
  }
  run.finish();
}

BOOST_AUTO_TEST_CASE(scar_98_a_context_may_die_in_a_storm) {
  const std::size_t before = descriptors();
  for (unsigned round = 0; round != 10; ++round) {
    counting_server host(4);
    tally seen;
    {
      threads run(3);
      connection_pool pool(run.context, host.endpoint(), {.max_connections = 4});
      start_callers(run, pool, seen, round, 12, 1000);
      BOOST_TEST(becomes([&] { return seen.leases > 20 * (round + 1); }));
      run.context.stop();
      if (round % 2 == 0)
        pool.close(); // while its threads are just ending
      run.stop();
    }
    BOOST_TEST(seen.leased_twice == 0u);
    BOOST_TEST(becomes([&] { return host.open() == 0; }));
  }
  BOOST_TEST(descriptors() == before);
}

BOOST_AUTO_TEST_CASE(figures_may_be_collected_while_a_pool_and_its_context_end) {
  for (unsigned round = 0; round != 200; ++round) {
    auto context = std::make_unique<asio::io_context>();
    auto pool = std::make_unique<connection_pool>(asio::make_strand(*context), "127.0.0.1",
                                                  std::uint16_t{1});
    httpool::metrics_registry figures;
    figures.add(*pool);
    std::barrier begin(2);
    std::thread collector([&] {
      begin.arrive_and_wait();
      while (!figures.render().empty()) {
      }
    });
    begin.arrive_and_wait();
    pool.reset();
    context.reset();
    collector.join();
  }
}

namespace {

/// Who destroys a pool stops half-way, until somebody says so.
struct half_way {
  std::atomic<bool> is_closed = false;
  std::latch reached{1};
  std::latch opened{1};

  void pass() noexcept {
    if (!is_closed.exchange(false))
      return;
    reached.count_down();
    opened.wait();
  }
};

/// That of a context, with a gate where one of them is destroyed.
class gated_executor {
public:
  gated_executor(asio::io_context& of, half_way& way) noexcept : context_(&of), way_(&way) {}
  gated_executor(const gated_executor&) noexcept = default;
  gated_executor& operator=(const gated_executor&) noexcept = default;
  ~gated_executor() { way_->pass(); }

  asio::execution_context& query(asio::execution::context_t) const noexcept { return *context_; }
  static constexpr asio::execution::blocking_t query(asio::execution::blocking_t) noexcept {
    return asio::execution::blocking.never;
  }
  template <class Function>
  void execute(Function&& function) const {
    asio::post(*context_, std::forward<Function>(function));
  }
  friend bool operator==(const gated_executor&, const gated_executor&) noexcept = default;

private:
  asio::io_context* context_;
  half_way* way_;
};

} // namespace

BOOST_AUTO_TEST_CASE(a_context_ends_without_a_pool_that_another_thread_destroys) {
  auto context = std::make_unique<asio::io_context>();
  half_way way;
  auto dying = pool_core::create(gated_executor(*context, way),
                                 tcp::endpoint(asio::ip::address_v4::loopback(), 1), {}, {});
  dying->close();
  connection_pool other(*context, "127.0.0.1", std::uint16_t{1});
  // The context drops it, after it has passed over the pool that is being destroyed.
  const auto opener = [](half_way* to_open) { to_open->opened.count_down(); };
  other.async_acquire([open = std::unique_ptr<half_way, decltype(opener)>(&way, opener)](
                          const error_code&, const lease&) {});
  std::thread last([&] {
    way.is_closed = true;
    dying.reset();
  });
  way.reached.wait();
  context.reset();
  last.join();
}
