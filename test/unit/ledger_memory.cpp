// What the ledger costs: no memory per event in steady state, none kept after a crowd has gone, and
// no search through those who wait. A search would make the tests of crowds run for hours.

#include "pool/ticket_table.hpp"
#include "unit/ledger_fixture.hpp"

#include <atomic>
#include <cstdlib>
#include <new>

#include <malloc.h>

namespace {

std::atomic<std::size_t> allocations = 0;
std::atomic<std::size_t> bytes_in_use = 0;

} // namespace

// Not inlined: GCC would take each for a mismatch with the malloc and free inside.
[[gnu::noinline]] void* operator new(std::size_t size) {
  void* const memory = std::malloc(size);
  if (!memory)
    throw std::bad_alloc();
  ++allocations;
  bytes_in_use += malloc_usable_size(memory);
  return memory;
}

[[gnu::noinline]] void operator delete(void* memory) noexcept {
  if (memory)
    bytes_in_use -= malloc_usable_size(memory);
  std::free(memory);
}

[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept {
  operator delete(memory);
}

namespace httpool::test {
namespace {

constexpr std::size_t crowd = 200'000;

/// A ledger without the fixture, whose check of the invariants after every event looks at all.
struct bare_pool {
  explicit bare_pool(const pool_options& options = {.max_connections = 1, .max_waiters = crowd})
      : mind(options, now, 1) {}

  std::deque<caller> callers;
  connection only;
  time_point now = time_point(1h);
  detail::ledger mind;

  /// The only connection, leased.
  void lease() {
    mind.acquire(now, callers.emplace_back(), now + 5s);
    mind.dial(now, only);
    mind.dialed(now, only);
  }

  void park(std::size_t count, duration timeout = 5s) {
    for (std::size_t i = 0; i < count; ++i)
      mind.acquire(now, callers.emplace_back(), now + timeout);
  }
};

} // namespace

BOOST_AUTO_TEST_CASE(a_steady_state_allocates_nothing) {
  caller turns[2];
  bare_pool pool;
  pool.lease();
  pool.mind.acquire(pool.now, turns[0], pool.now + 5s);
  const std::size_t before = allocations;
  for (std::size_t i = 0; i < 10'000; ++i) {
    pool.mind.acquire(pool.now, turns[(i + 1) % 2], pool.now + 5s);
    pool.mind.returned(pool.now, pool.only);
    pool.now += 1ms;
    pool.mind.tick(pool.now);
  }
  BOOST_TEST(allocations == before);
  BOOST_TEST(pool.mind.stats(pool.now).reused == 10'000);
}

BOOST_AUTO_TEST_CASE(a_crowd_that_has_gone_leaves_no_memory_behind) {
  std::deque<caller> waiting(crowd);
  bare_pool pool;
  pool.lease();
  pool.mind.tick(pool.now);
  const std::size_t before = bytes_in_use;
  for (caller& w : waiting)
    pool.mind.acquire(pool.now, w, pool.now + 5s);
  BOOST_TEST(bytes_in_use > before + crowd, "there is something to give back");
  pool.now += 5s;
  pool.mind.tick(pool.now);
  BOOST_TEST(pool.mind.snapshot().waiting == 0);
  pool.now += 1s;
  pool.mind.tick(pool.now);
  BOOST_TEST(bytes_in_use < before + 8192);
}

BOOST_AUTO_TEST_CASE(scar_36_37_a_crowd_costs_each_event_no_more_than_one_waiter_does) {
  bare_pool pool;
  pool.lease();
  pool.park(crowd);
  for (std::size_t i = 0; i < crowd; ++i) { // As many hand-overs with all of them waiting.
    pool.mind.returned(pool.now, pool.only);
    pool.park(1);
  }
  for (std::size_t i = 2 * crowd; i > crowd; i -= 2) // Every second one leaves.
    pool.mind.cancel(pool.now, pool.callers[i], aborted);
  pool.now += 5s;
  pool.mind.tick(pool.now); // The rest time out together.
  BOOST_TEST(pool.mind.snapshot().waiting == 0);
  pool.mind.check_invariants(pool.now);
}

BOOST_AUTO_TEST_CASE(scar_87_callers_who_cancel_leave_nothing_behind) {
  caller w;
  bare_pool pool;
  pool.lease();
  const std::size_t before = bytes_in_use;
  for (int i = 0; i < 1'000'000; ++i) {
    pool.mind.acquire(pool.now, w, pool.now + 5s);
    pool.mind.cancel(pool.now, w, aborted);
  }
  BOOST_TEST(bytes_in_use == before);
}

BOOST_AUTO_TEST_CASE(a_table_of_tickets_takes_memory_for_those_who_come_and_none_for_those_who_go) {
  struct operation : detail::cancellable {};
  for (std::size_t count = 1; count < 600; ++count) {
    std::deque<operation> many(count);
    detail::ticket_table<operation> table;
    const std::size_t before = allocations, bytes_before = bytes_in_use;
    for (operation& each : many)
      table.add(each);
    const std::size_t full = allocations;
    BOOST_TEST(full - before < 25, "it grows by leaps");
    for (operation& each : many)
      table.remove(each);
    BOOST_TEST(allocations == full);
    if (count > 256)
      BOOST_TEST(bytes_in_use == bytes_before);
  }
}

} // namespace httpool::test
