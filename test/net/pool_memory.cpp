// A pool that does not get the memory it needs: whichever allocation fails, each caller is told
// once, the counts stay exact, and nothing is left behind.

#include "memory/allocator_hooks.hpp"
#include "net/net_fixture.hpp"

#include <boost/asio/bind_allocator.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/execution/outstanding_work.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/query.hpp>
#include <boost/asio/require.hpp>
#include <boost/asio/strand.hpp>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <limits>
#include <new>
#include <type_traits>
#include <utility>
#include <vector>

#include <sys/socket.h>

namespace {

using httpool_test::memory_source;
using httpool_test::refuse_memory;

// Counts down; the allocation that makes it zero fails.
long until_failure = 0;

/// Smaller allocations are spared: Asio 1.81 itself is not prepared for those of its strands to
/// find no memory.
constexpr std::size_t exempt_size = 100;

bool refuses_nth(std::size_t size, memory_source) noexcept {
  return size > exempt_size && until_failure > 0 && --until_failure == 0;
}

/// What Asio's operations take, of whatever size.
bool refuses_nth_operation(std::size_t, memory_source from) noexcept {
  return from == memory_source::aligned_alloc && until_failure > 0 && --until_failure == 0;
}

bool refuses_operations(std::size_t, memory_source from) noexcept {
  return from == memory_source::aligned_alloc;
}

bool refuses_new(std::size_t, memory_source from) noexcept {
  return from == memory_source::operator_new;
}

/// Allocations of more bytes fail.
std::size_t most_bytes = std::numeric_limits<std::size_t>::max();

bool refuses_large(std::size_t size, memory_source) noexcept {
  return size > most_bytes;
}

/// Of these, as of what holds a shared object's count, those that were made are counted.
constexpr std::size_t small_size = 24;
long small_ones = 0;
long failing_small_one = 0; ///< Fails, if it is not 0.

bool refuses_small_one(std::size_t size, memory_source) noexcept {
  return size <= small_size && ++small_ones == failing_small_one;
}

bool refuses_all(std::size_t, memory_source) noexcept {
  return true;
}

/// While it lives.
struct refusal {
  explicit refusal(httpool_test::memory_refusal refuses) noexcept { refuse_memory(refuses); }
  refusal(const refusal&) = delete;
  refusal& operator=(const refusal&) = delete;
  ~refusal() { refuse_memory(nullptr); }
};

bool sees_nothing = false; ///< Whoever looks at a socket.

} // namespace

// What a look is made with.
extern "C" ssize_t recv(int socket, void* to, std::size_t size, int flags) {
  if (sees_nothing && (flags & MSG_PEEK) != 0) {
    errno = EAGAIN;
    return -1;
  }
  return ::recvfrom(socket, to, size, flags, nullptr, nullptr);
}

using namespace net_test;
using httpool::connection_pool;
using httpool::lease;
using httpool::pool_options;

namespace {

/// No deadline, for which a timer would be armed.
pool_options timeless() {
  pool_options options;
  options.acquire_timeout = options.dial_timeout = options.idle_timeout = options.max_lifetime =
      std::chrono::nanoseconds::max();
  return options;
}

/// The executor of a context, for the nth of which that tracks work there is no memory, as there
/// may be none for one that holds another.
template <class Inner = asio::io_context::executor_type>
class frugal_executor {
public:
  explicit frugal_executor(Inner inner) noexcept : inner_(inner) {}

  template <class Property>
  requires asio::can_query_v<Inner, Property>
  decltype(auto) query(const Property& what) const noexcept { return asio::query(inner_, what); }

  template <class Property>
  requires asio::can_require_v<Inner, Property>
  auto require(const Property& what) const {
    if constexpr (std::is_same_v<Property, asio::execution::outstanding_work_t::tracked_t>) {
      if (until_failure > 0 && --until_failure == 0)
        throw std::bad_alloc();
    }
    return frugal_executor<std::decay_t<decltype(asio::require(inner_, what))>>(
        asio::require(inner_, what));
  }

  template <class Function>
  void execute(Function&& function) const {
    inner_.execute(std::forward<Function>(function));
  }

  friend bool operator==(const frugal_executor&, const frugal_executor&) noexcept = default;

private:
  Inner inner_;
};

/// A slot that has no memory for what is put into it.
struct full_slot {
  bool is_connected() const noexcept { return true; }
  bool has_handler() const noexcept { return false; }
  void clear() noexcept {}
  template <class Handler, class... Arguments>
  Handler& emplace(Arguments&&...) {
    throw std::bad_alloc();
  }
  template <class Handler>
  Handler& assign(Handler&&) {
    throw std::bad_alloc();
  }
};

/// Callers of a pool that has one connection for all of them, to a port that accepts whoever comes
/// without needing memory of ours.
class scenario {
public:
  explicit scenario(const tcp::endpoint& to) {
    pool_options options;
    options.max_connections = 1;
    options.dial_backoff = options.max_dial_backoff = 1ms;
    options.probe.ask = [](lease&) -> asio::awaitable<bool> { co_return true; };
    options.probe.interval = 1ms;
    pool_.emplace(context_, to, options);
  }

  void run() {
    for (int i = 0; i != 3; ++i)
      begin(i == 1 ? std::chrono::nanoseconds(1h) : 10s);
    go_on([&] { return ended_ == begun_; });
    // By then it was lost or has been granted, probed, watched, or all of that.
    go_on([&] { return pool_->stats().probes > 0 || pool_->stats().idle == 0; });
    pool_->prewarm(1);
    begin(10s);
    pool_->close();
    go_on([&] { return ended_ == begun_ && pool_->stats().total() == 0; });
    const httpool::pool_stats s = pool_->stats();
    BOOST_TEST(s.acquires == s.granted + s.timed_out + s.cancelled + s.failed + s.refused);
    BOOST_TEST(s.dials == s.made + s.dials_failed);
    BOOST_TEST(s.made == s.closed());
    const auto end = now() + patience;
    while (!context_.stopped() && now() < end)
      poll();
    BOOST_TEST(context_.stopped()); // no work is left
  }

private:
  void begin(std::chrono::nanoseconds timeout) {
    httpool::acquire_options options;
    options.timeout = timeout;
    try {
      pool_->async_acquire(options, [this, is_called = false](error_code ec, lease got) mutable {
        BOOST_TEST(!std::exchange(is_called, true));
        BOOST_TEST((!ec || ec == asio::error::no_memory || ec == httpool::error::pool_closed),
                   ec.message());
        ++ended_;
        got ? got.keep_alive(true) : void();
      });
      ++begun_;
    } catch (const std::bad_alloc&) {
      // Not begun: its handler is gone.
    }
  }

  void poll() {
    try {
      context_.run_one_for(1ms);
    } catch (const std::bad_alloc&) {
      // Out of a handler of Asio's own, of which there may be more.
    }
  }

  template <class Condition>
  void go_on(Condition condition) {
    const auto end = now() + patience;
    while (!condition()) {
      BOOST_TEST_REQUIRE((now() < end));
      context_.restart();
      poll();
    }
  }

  asio::io_context context_;
  std::optional<connection_pool> pool_;
  int begun_ = 0;
  int ended_ = 0;
};

/// Memory that is never short.
template <class T>
struct own_memory {
  using value_type = T;

  own_memory() noexcept = default;
  template <class U>
  explicit(false) own_memory(const own_memory<U>&) noexcept {}

  T* allocate(std::size_t count) { return static_cast<T*>(std::malloc(count * sizeof(T))); }
  void deallocate(T* memory, std::size_t) noexcept { std::free(memory); }
  template <class U>
  bool operator==(const own_memory<U>&) const noexcept {
    return true;
  }
};

} // namespace

BOOST_AUTO_TEST_CASE(scar_108_whichever_allocation_fails_nobody_is_forgotten) {
  asio::io_context unused;
  const tcp::acceptor port(unused, tcp::endpoint(asio::ip::address_v4::loopback(), 0));
  bool has_failed = true;
  long nth = 0;
  while (has_failed) {
    BOOST_TEST_CONTEXT("allocation " << nth + 1) {
      until_failure = ++nth;
      const refusal of_one(refuses_nth);
      try {
        scenario(port.local_endpoint()).run();
      } catch (const std::bad_alloc&) {
        // The pool was not made.
      }
      has_failed = until_failure == 0;
      until_failure = 0;
    }
  }
  BOOST_TEST(nth > 20);
}

BOOST_FIXTURE_TEST_CASE(a_redial_that_memory_does_not_suffice_for_closes_its_connection_and_says_so,
                        loop) {
  server host(context);
  std::size_t failures = 0;
  most_bytes = 1000;
  // What the ledger reserves grows with the connections: a redial is not always what makes it grow.
  for (std::size_t count = 1; count != 21; ++count) {
    connection_pool pool(context, host.endpoint());
    pool.prewarm(count);
    BOOST_TEST(until([&] { return pool.stats().idle == count; }));
    std::vector<lease> leases(count);
    std::generate(leases.begin(), leases.end(), [&] { return pool.try_acquire(); });
    const auto again = std::make_shared<outcome>();
    {
      const refusal of_much(refuses_large);
      pool.async_redial(std::move(leases.back()), {}, into(again));
    }
    BOOST_TEST(until([&] { return again->is_done; }));
    BOOST_TEST((again->error ? again->error == error_code(asio::error::no_memory)
                             : again->lease.id() == count + 1));
    failures += !again->lease;
    BOOST_TEST(pool.stats().total() == (again->lease ? count : count - 1));
    check_sums(pool.stats());
  }
  BOOST_TEST(failures > 0u);
}

BOOST_FIXTURE_TEST_CASE(a_caller_for_whom_no_timer_can_be_armed_is_told, loop) {
  server host(context);
  connection_pool pool(context, host.endpoint());
  const auto result = std::make_shared<outcome>();
  {
    const refusal of_everything(refuses_all);
    pool.async_acquire(asio::bind_allocator(own_memory<char>(), into(result)));
  }
  BOOST_TEST(until([&] { return result->is_done; }));
  BOOST_TEST(result->error == error_code(asio::error::no_memory));
  BOOST_TEST(bool(leased(*this, pool)));
  BOOST_TEST(pool.stats().acquires == 1u);
  check_sums(pool.stats());
}

BOOST_FIXTURE_TEST_CASE(a_pool_whose_making_fails_at_the_very_end_leaves_nothing_behind, loop) {
  server host(context);
  const auto make = [&] { return connection_pool(context, host.endpoint()); };
  make(); // what the first pool of a context makes stays there
  small_ones = 0;
  {
    const refusal counts(refuses_small_one);
    make();
    failing_small_one = std::exchange(small_ones, 0);
    BOOST_TEST_REQUIRE(failing_small_one > 0);
    BOOST_CHECK_THROW(make(), std::bad_alloc);
  }
  failing_small_one = 0;
  connection_pool pool(context, host.endpoint());
  BOOST_TEST(bool(leased(*this, pool)));
}

BOOST_FIXTURE_TEST_CASE(a_dial_that_is_lost_on_its_way_to_its_strand_takes_no_room, loop) {
  server host(context);
  const pool_options options{.max_connections = 1, .dial_backoff = 1ms, .max_dial_backoff = 1ms};
  bool has_failed = true;
  long nth = 0;
  for (; has_failed; ++nth) {
    BOOST_TEST_CONTEXT("allocation " << nth + 1) {
      connection_pool pool(context, host.endpoint(), options);
      call first;
      try {
        until_failure = nth + 1;
        const refusal of_one(refuses_nth_operation);
        first = acquire(pool);
      } catch (const std::bad_alloc&) {
        // Not begun.
      }
      has_failed = std::exchange(until_failure, 0) == 0;
      BOOST_TEST(until([&] { return !first || first->is_done; }));
      if (first)
        first->lease.reset();
      leased(*this, pool);
    }
  }
  BOOST_TEST(nth > 2);
}

BOOST_FIXTURE_TEST_CASE(a_dial_ends_whatever_is_lost_of_what_tells_it_to, loop) {
  server host(context);
  bool has_failed = true;
  long nth = 0;
  for (; has_failed; ++nth) {
    BOOST_TEST_CONTEXT("allocation " << nth + 1) {
      gate door(context);
      connection_pool pool(context, host.endpoint(), {.prepare = door.hook()});
      const call gone = acquire(pool);
      BOOST_TEST_REQUIRE(until([&] { return door.arrived() == 1; }));
      until_failure = nth + 1;
      try {
        const refusal of_one(refuses_nth_operation);
        pool.close();
        settle();
      } catch (const std::bad_alloc&) {
        // Out of a step of Asio's own.
      }
      has_failed = std::exchange(until_failure, 0) == 0;
      BOOST_TEST(until([&] { return gone->is_done && pool.stats().total() == 0; }));
    }
  }
  BOOST_TEST(nth > 2);
}

BOOST_FIXTURE_TEST_CASE(a_dial_that_is_lost_at_once_is_not_tried_again_at_once, loop) {
  server host(context);
  std::optional<connection_pool> pool;
  {
    const refusal of_all(refuses_operations);
    pool.emplace(context, host.endpoint(),
                 pool_options{.max_connections = 4,
                              .min_idle = 1,
                              .dial_backoff = std::chrono::nanoseconds::zero(),
                              .max_dial_backoff = std::chrono::nanoseconds::zero()});
    BOOST_TEST(pool->stats().dials_failed < 10u);
  }
  BOOST_TEST(until([&] { return pool->stats().idle == 1; }));
}

BOOST_FIXTURE_TEST_CASE(any_number_of_leases_is_lost_on_the_way_without_need_of_stack, loop) {
  server host(context);
  connection_pool pool(context, host.endpoint(),
                       {.max_connections = 1, .max_waiters = 100'000, .acquire_timeout = 1h});
  lease held = leased(*this, pool);
  const auto strand = asio::make_strand(context);
  const auto gone = asio::bind_executor(strand, [](error_code, lease) {});
#ifdef NDEBUG
  constexpr std::size_t crowd = 50'000;
#else
  constexpr std::size_t crowd = 8'000; // The invariants look at each of them after every event.
#endif
  for (std::size_t i = 0; i != crowd; ++i)
    pool.async_acquire(asio::bind_allocator(std::allocator<void>(), gone));
  BOOST_TEST(pool.stats().waiting == crowd);
  {
    const refusal of_all(refuses_all);
    give_back(std::move(held));
  }
  BOOST_TEST(pool.stats().waiting == 0u);
  BOOST_TEST(pool.stats().idle == 1u);
}

BOOST_FIXTURE_TEST_CASE(a_connection_whose_watch_finds_no_memory_is_watched_again, loop) {
  server host(context);
  connection_pool pool(context, host.endpoint());
  give_back(leased(*this, pool));
  context.restart();
  context.run_for(1200ms); // It has cooled, and is watched.
  host.last().say("?");
  sees_nothing = true;
  asio::post(context, [] {}); // What these leave behind is too small for a watch.
  asio::post(context, [] {});
  {
    const refusal of_all(refuses_operations);
    BOOST_CHECK_NO_THROW(settle());
  }
  sees_nothing = false;
  BOOST_TEST(until([&] { return pool.stats().idle == 0; }));
}

BOOST_FIXTURE_TEST_CASE(who_has_been_parked_waits_though_the_executor_finds_no_memory, loop) {
  server host(context);
  pool_options options = timeless();
  options.max_connections = 1;
  connection_pool pool(frugal_executor(context.get_executor()), host.endpoint(), options);
  lease held = leased(*this, pool);
  const call waiting = std::make_shared<outcome>();
  until_failure = 1;
  BOOST_CHECK_NO_THROW(
      pool.async_acquire(asio::bind_executor(context.get_executor(), into(waiting))));
  BOOST_TEST(until_failure == 0);
  BOOST_TEST(pool.stats().waiting == 1u);
  give_back(std::move(held));
  BOOST_TEST(until([&] { return waiting->is_done; }));
  BOOST_TEST(waiting->error == error_code());
}

BOOST_FIXTURE_TEST_CASE(a_drain_whose_deadline_cannot_be_kept_is_not_begun, loop) {
  server host(context);
  connection_pool pool(context, host.endpoint());
  const lease held = leased(*this, pool);
  pool.close(); // The timer's cancelled wait keeps its room until the context runs.
  const auto drain = [&](httpool_test::memory_refusal refuses) {
    std::optional<error_code> end;
    {
      const refusal of_some(refuses);
      pool.async_drain(1ms, [&end](error_code ec) { end = ec; });
    }
    BOOST_TEST(until([&] { return end.has_value(); }));
    return *end;
  };
  BOOST_TEST(drain(refuses_new) == error_code(asio::error::no_memory));
  BOOST_TEST(drain(nullptr) == error_code(asio::error::timed_out));
}

BOOST_FIXTURE_TEST_CASE(a_slot_without_memory_costs_the_pool_none, loop) {
  server host(context);
  connection_pool pool(context, host.endpoint());
  const std::size_t before = httpool_test::bytes_in_use();
  for (int i = 0; i != 10'000; ++i) {
    BOOST_CHECK_THROW(
        pool.async_acquire(asio::bind_cancellation_slot(full_slot(), [](error_code, lease) {})),
        std::bad_alloc);
  }
  BOOST_TEST(httpool_test::bytes_in_use() < before + 10'000);
}
