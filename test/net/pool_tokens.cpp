// How the answer reaches the caller: each completion token, on the right executor.

#include "net/net_fixture.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_allocator.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/use_future.hpp>

#include <cstdint>
#include <future>

using namespace net_test;
using httpool::connection_pool;
using httpool::error;
using httpool::lease;

namespace {

/// Counts what is allocated through it.
template <class T>
struct counting_allocator {
  using value_type = T;

  struct counts {
    int made = 0;
    int live = 0;
  };

  explicit counting_allocator(counts& where) : shared(&where) {}
  template <class U>
  counting_allocator(const counting_allocator<U>& other) // NOLINT: allocators convert
      : shared(reinterpret_cast<counts*>(other.shared)) {}

  T* allocate(std::size_t n) {
    ++shared->made;
    ++shared->live;
    return std::allocator<T>().allocate(n);
  }
  void deallocate(T* place, std::size_t n) {
    --shared->live;
    std::allocator<T>().deallocate(place, n);
  }
  template <class U>
  bool operator==(const counting_allocator<U>&) const {
    return true;
  }

  counts* shared;
};

} // namespace

// Tokens ------------------------------------------------------------------------------------------

BOOST_FIXTURE_TEST_CASE(coroutines_get_leases_by_each_of_their_tokens, loop) {
  server host(context);
  connection_pool pool(context, host.endpoint());
  int leases = 0;
  asio::co_spawn(
      context,
      [&]() -> asio::awaitable<void> {
        lease plain = co_await pool.async_acquire(asio::use_awaitable);
        leases += bool(plain);
        lease later = co_await pool.async_acquire(asio::deferred);
        leases += bool(later);
        auto [ec, tuple] = co_await pool.async_acquire(asio::as_tuple(asio::use_awaitable));
        leases += !ec && tuple;
        auto [ec2, both] = co_await pool.async_acquire(asio::as_tuple(asio::deferred));
        leases += !ec2 && both;
        pool.close();
        try {
          const lease none = co_await pool.async_acquire(asio::use_awaitable);
        } catch (const boost::system::system_error& e) {
          leases += e.code() == error::pool_closed;
        }
        const auto [ec3, none] = co_await pool.async_acquire(asio::as_tuple(asio::deferred));
        leases += ec3 == error::pool_closed && !none;
      },
      asio::detached);
  BOOST_TEST(until([&] { return leases == 6; }));
}

BOOST_FIXTURE_TEST_CASE(a_deferred_acquire_can_be_started_more_than_once, loop) {
  server host(context);
  connection_pool pool(context, host.endpoint());
  const auto operation = pool.async_acquire(asio::deferred);
  settle();
  BOOST_TEST(pool.stats().acquires == 0u);
  const auto first = std::make_shared<outcome>(), second = std::make_shared<outcome>();
  operation(into(first));
  operation(into(second));
  BOOST_TEST(until([&] { return first->is_done && second->is_done; }));
  BOOST_TEST(first->lease.id() != second->lease.id());
}

BOOST_FIXTURE_TEST_CASE(a_deferred_acquire_may_be_started_after_its_pool_has_gone, loop) {
  server host(context);
  auto pool = std::make_unique<connection_pool>(context, host.endpoint());
  const auto operation = pool->async_acquire(asio::deferred);
  pool.reset();
  const auto result = std::make_shared<outcome>();
  operation(into(result));
  BOOST_TEST(until([&] { return result->is_done; }));
  BOOST_TEST(result->error == error_code(error::pool_closed));
}

BOOST_FIXTURE_TEST_CASE(handlers_may_be_move_only, loop) {
  server host(context);
  connection_pool pool(context, host.endpoint());
  bool is_done = false;
  pool.async_acquire([&, token = std::make_unique<int>(7)](error_code ec, lease got) mutable {
    is_done = !ec && got && *token == 7;
  });
  BOOST_TEST(until([&] { return is_done; }));
}

BOOST_FIXTURE_TEST_CASE(a_future_gets_the_lease_or_the_error, loop) {
  server host(context);
  connection_pool pool(context, host.endpoint());
  std::future<lease> good = pool.async_acquire(asio::use_future);
  BOOST_TEST(until([&] { return good.wait_for(0s) == std::future_status::ready; }));
  BOOST_TEST(bool(good.get()));
  pool.close();
  std::future<lease> bad = pool.async_acquire(asio::use_future);
  BOOST_TEST(until([&] { return bad.wait_for(0s) == std::future_status::ready; }));
  BOOST_CHECK_EXCEPTION(bad.get(), boost::system::system_error,
                        [](const auto& e) { return e.code() == error::pool_closed; });
}

BOOST_FIXTURE_TEST_CASE(the_handlers_allocator_is_used_and_has_its_memory_back_first, loop) {
  server host(context);
  connection_pool pool(context, host.endpoint(), {.max_connections = 1});
  counting_allocator<void*>::counts counts;
  for (const bool waits : {false, true}) {
    lease held = waits ? leased(*this, pool) : lease();
    bool is_done = false;
    pool.async_acquire(
        asio::bind_allocator(counting_allocator<void*>(counts), [&](error_code ec, lease got) {
          is_done = true;
          BOOST_TEST(ec == error_code());
          BOOST_TEST(counts.live == 0);
          give_back(std::move(got));
        }));
    BOOST_TEST(counts.live > 0);
    give_back(std::move(held));
    BOOST_TEST(until([&] { return is_done; }));
  }
  BOOST_TEST(counts.made >= 2);
}

BOOST_FIXTURE_TEST_CASE(handlers_are_aligned_as_they_ask, loop) {
  struct alignas(64) handler {
    int* aligned = nullptr;
    int* calls = nullptr;

    void operator()(error_code ec, lease got) const {
      BOOST_TEST(!ec);
      got.keep_alive(true);
      *aligned += reinterpret_cast<std::uintptr_t>(this) % alignof(handler) == 0;
      ++*calls;
    }
  };
  server host(context);
  connection_pool pool(context, host.endpoint());
  int aligned = 0;
  int calls = 0;
  for (int i = 1; i != 5; ++i) {
    pool.async_acquire(handler{&aligned, &calls});
    BOOST_TEST(until([&] { return calls == i; }));
  }
  BOOST_TEST(aligned == calls);
}

// Executors ---------------------------------------------------------------------------------------

BOOST_FIXTURE_TEST_CASE(no_handler_ever_runs_inside_the_call, loop) {
  server host(context);
  connection_pool pool(context, host.endpoint(), {.max_connections = 1, .max_waiters = 0});
  fill(*this, pool, 1);

  int calls = 0;
  bool is_inside = false;
  const auto try_it = [&](auto start) {
    const int before = calls;
    asio::post(context, [&, start] {
      is_inside = true;
      start([&](auto&&...) {
        BOOST_TEST(!is_inside);
        ++calls;
      });
      is_inside = false;
    });
    BOOST_TEST(until([&] { return calls == before + 1; }));
  };
  const auto acquire_with = [&pool](httpool::acquire_options options) {
    return [&pool, options](auto handler) { pool.async_acquire(options, handler); };
  };
  try_it(acquire_with({}));
  {
    const lease held = leased(*this, pool);
    try_it(acquire_with({}));
    try_it(acquire_with({.timeout = 0s}));
    try_it(acquire_with({.timeout = -1s}));
  }
  try_it([&](auto handler) { pool.async_drain(handler); });
  try_it([&](auto handler) { pool.async_drain(0s, handler); });
  try_it(acquire_with({}));
}

BOOST_FIXTURE_TEST_CASE(a_handler_without_an_executor_runs_on_the_pools, loop) {
  server host(context);
  const auto strand = asio::make_strand(context);
  connection_pool pool(strand, host.endpoint(), {.max_connections = 1});
  int on_strand = 0;
  const auto check = [&](error_code, lease got) {
    on_strand += strand.running_in_this_thread();
    give_back(std::move(got));
  };
  pool.async_acquire(check);
  pool.async_acquire(check);
  pool.async_acquire({.timeout = 0s}, check);
  BOOST_TEST(until([&] { return on_strand == 3; }));
  pool.async_drain([&](error_code) { on_strand += strand.running_in_this_thread(); });
  BOOST_TEST(until([&] { return on_strand == 4; }));
  BOOST_TEST((pool.get_executor() == asio::any_io_executor(strand)));
}

BOOST_FIXTURE_TEST_CASE(a_handler_runs_on_its_own_executor_whoever_ends_the_wait, loop) {
  server host(context);
  connection_pool pool(context, host.endpoint(), {.max_connections = 1});
  asio::io_context other;
  const auto strand = asio::make_strand(other);
  int right = 0, done = 0;
  const auto start = [&](httpool::acquire_options options) {
    pool.async_acquire(options, asio::bind_executor(strand, [&](error_code, lease got) {
                         right += strand.running_in_this_thread();
                         ++done;
                         give_back(std::move(got));
                       }));
  };
  const auto expect = [&](int so_many) {
    settle();
    BOOST_TEST(done < so_many); // none runs on the pool's context
    other.restart();
    BOOST_TEST_REQUIRE(other.run_one_for(patience) == 1u);
    BOOST_TEST(done == so_many);
  };
  start({}); // ends by a dial
  BOOST_TEST(until([&] { return pool.stats().granted == 1; }));
  expect(1);
  start({}); // by an idle connection
  expect(2);
  lease held = leased(*this, pool);
  start({}); // by a hand-over
  give_back(std::move(held));
  expect(3);
  held = leased(*this, pool);
  start({.timeout = 1ms}); // by its deadline
  BOOST_TEST(until([&] { return pool.stats().timed_out == 1; }));
  expect(4);
  start({}); // by the pool's end
  pool.close();
  expect(5);
  BOOST_TEST(right == 5);
}

BOOST_FIXTURE_TEST_CASE(a_parked_handler_keeps_its_own_context_running, loop) {
  server host(context);
  connection_pool pool(context, host.endpoint(), {.max_connections = 1});
  lease held = leased(*this, pool);
  asio::io_context other;
  bool is_done = false;
  pool.async_acquire(
      asio::bind_executor(other, [&](error_code ec, lease) { is_done = ec == error_code(); }));
  BOOST_TEST(other.poll() == 0u);
  BOOST_TEST(!other.stopped());
  give_back(std::move(held));
  BOOST_TEST(other.run_one_for(patience) == 1u);
  BOOST_TEST(is_done);
  BOOST_TEST(other.poll() == 0u);
  BOOST_TEST(other.stopped());
}
