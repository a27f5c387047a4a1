// A pool that does not get the memory it needs: whichever allocation fails, each caller is told
// once, the counts stay exact, and nothing is left behind.

#include "net/net_fixture.hpp"

#include <boost/asio/bind_allocator.hpp>

#include <algorithm>
#include <cstdlib>
#include <limits>
#include <new>
#include <utility>
#include <vector>

namespace {

// Counts down; the allocation that makes it zero fails.
long until_failure = 0;

/// Smaller allocations are spared: Asio 1.81 itself is not prepared for those of its strands to
/// find no memory.
constexpr std::size_t exempt_size = 100;

/// Allocations of more bytes fail, too.
std::size_t most_bytes = std::numeric_limits<std::size_t>::max();

/// Of these, as of what holds a shared object's count, those that were made are counted.
constexpr std::size_t small_size = 24;
long small_ones = 0;
long failing_small_one = 0; ///< Fails, if it is not 0.

bool fails(std::size_t size) noexcept {
  if (size <= small_size && ++small_ones == failing_small_one)
    return true;
  return size > most_bytes || (size > exempt_size && until_failure > 0 && --until_failure == 0);
}

} // namespace

// Not inlined: GCC would take an inlined half of them for a mismatch.
[[gnu::noinline]] void* operator new(std::size_t size) {
  void* const memory = fails(size) ? nullptr : std::malloc(size);
  return memory != nullptr ? memory : throw std::bad_alloc();
}

[[gnu::noinline]] void operator delete(void* memory) noexcept {
  std::free(memory);
}

[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}

// What Asio takes its memory from.
extern "C" void* aligned_alloc(std::size_t alignment, std::size_t size) noexcept {
  void* memory = nullptr;
  return fails(size) || posix_memalign(&memory, alignment, size) != 0 ? nullptr : memory;
}

using namespace net_test;
using httpool::connection_pool;
using httpool::lease;
using httpool::pool_options;

namespace {

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
  // What the ledger reserves grows with the connections: a redial is not always what makes it grow.
  for (std::size_t count = 1; count != 21; ++count) {
    connection_pool pool(context, host.endpoint());
    pool.prewarm(count);
    BOOST_TEST(until([&] { return pool.stats().idle == count; }));
    std::vector<lease> leases(count);
    std::generate(leases.begin(), leases.end(), [&] { return pool.try_acquire(); });
    const auto again = std::make_shared<outcome>();
    most_bytes = 1'000;
    pool.async_redial(std::move(leases.back()), {}, into(again));
    most_bytes = std::numeric_limits<std::size_t>::max();
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
  most_bytes = 0;
  pool.async_acquire(asio::bind_allocator(own_memory<char>(), into(result)));
  most_bytes = std::numeric_limits<std::size_t>::max();
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
  make();
  failing_small_one = std::exchange(small_ones, 0);
  BOOST_TEST_REQUIRE(failing_small_one > 0);
  BOOST_CHECK_THROW(make(), std::bad_alloc);
  failing_small_one = 0;
  connection_pool pool(context, host.endpoint());
  BOOST_TEST(bool(leased(*this, pool)));
}
