// Steps of a pool for which there is no memory, or which find something else than they were made
// for: what was to be told is told anew, and nothing is done twice.

#include "memory/allocator_hooks.hpp"
#include "net/net_fixture.hpp"
#include "net/shelf.hpp"

#include <httpool/connection_budget.hpp>

#include <boost/asio/bind_allocator.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <deque>
#include <new>
#include <utility>

#include <sys/socket.h>

namespace {

using httpool_test::memory_source;

/// What Asio's operations take.
bool refuses_operations(std::size_t, memory_source from) noexcept {
  return from == memory_source::aligned_alloc;
}

/// What a step takes, but not a cancellation slot.
bool refuses_steps(std::size_t size, memory_source from) noexcept {
  return from == memory_source::aligned_alloc && size > 64;
}

// Counts down; the allocation that makes it zero fails.
long until_failure = 0;

/// Smaller allocations are spared: Asio 1.81 itself is not prepared for those of its strands to
/// find no memory.
bool refuses_nth(std::size_t size, memory_source) noexcept {
  return size > 100 && until_failure > 0 && --until_failure == 0;
}

/// While it lives.
struct refusal {
  explicit refusal(httpool_test::memory_refusal refuses) noexcept {
    httpool_test::refuse_memory(refuses);
  }
  refusal(const refusal&) = delete;
  refusal& operator=(const refusal&) = delete;
  ~refusal() { httpool_test::refuse_memory(nullptr); }
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
using httpool::close_reason;
using httpool::connection_pool;
using httpool::lease;

namespace {

/// What operations had their memory from: it is not used again, so that whoever still writes there
/// is found out.
class graveyard {
public:
  void* take(std::size_t size) {
    return blocks_.emplace_back(block{std::string(size, ' '), false}).bytes.data();
  }

  void bury(const void* memory) noexcept {
    for (block& each : blocks_) {
      if (each.bytes.data() == memory) {
        std::fill(each.bytes.begin(), each.bytes.end(), earth);
        each.is_buried = true;
      }
    }
  }

  bool is_undisturbed() const {
    return std::all_of(blocks_.begin(), blocks_.end(), [](const block& each) {
      return !each.is_buried || each.bytes.find_first_not_of(earth) == std::string::npos;
    });
  }

private:
  static constexpr char earth = 'Z';
  struct block {
    std::string bytes; ///< Long enough to be on the heap, and so aligned.
    bool is_buried;
  };
  std::deque<block> blocks_;
};

template <class T>
struct buried_memory {
  using value_type = T;

  explicit buried_memory(graveyard& of) noexcept : in(&of) {}
  template <class U>
  explicit(false) buried_memory(const buried_memory<U>& other) noexcept : in(other.in) {}

  T* allocate(std::size_t count) { return static_cast<T*>(in->take(count * sizeof(T))); }
  void deallocate(T* memory, std::size_t) noexcept { in->bury(memory); }
  template <class U>
  bool operator==(const buried_memory<U>& other) const noexcept {
    return in == other.in;
  }

  graveyard* in;
};

/// A handler that can be cancelled and whose operation leaves its memory alone.
auto cancellable(const call& result, asio::cancellation_signal& signal, graveyard& memory) {
  return asio::bind_cancellation_slot(
      signal.slot(), asio::bind_allocator(buried_memory<char>(memory), into(result)));
}

struct without_memory : loop {
  /// Closes the pool, and loses what tells its tasks to end where that comes to their strands.
  void close_and_lose(connection_pool& pool) {
    held_back.keeps = true;
    pool.close();
    held_back.keeps = false;
    const refusal of_all(refuses_operations);
    held_back.run();
  }

  shelf held_back;
  shelving_executor<> executor{context.get_executor(), held_back};
};

} // namespace

BOOST_FIXTURE_TEST_CASE(dials_whose_end_is_lost_on_its_way_are_told_to_end_anew, without_memory) {
  server host(context);
  gate door(context);
  connection_pool pool(executor, host.endpoint(), {.prepare = door.hook()});
  const call first = acquire(pool), second = acquire(pool);
  BOOST_TEST_REQUIRE(until([&] { return door.arrived() == 2; }));
  close_and_lose(pool);
  settle();
  BOOST_TEST(pool.stats().dialing == 2u);
  BOOST_TEST(until([&] { return first->is_done && second->is_done; }));
  BOOST_TEST(until([&] { return pool.stats().total() == 0; }));
  check_sums(pool.stats());
}

/// Perhaps the dial has ended meanwhile.
BOOST_FIXTURE_TEST_CASE(a_dials_end_that_is_lost_too_late_harms_nobody, without_memory) {
  server host(context);
  std::optional<connection_pool> pool;
  const auto closes = [&](tcp::socket&) -> asio::awaitable<void> {
    held_back.keeps = true;
    pool->close();
    held_back.keeps = false;
    co_return;
  };
  pool.emplace(executor, host.endpoint(), httpool::pool_options{.prepare = closes});
  const call gone = acquire(*pool);
  BOOST_TEST(until([&] { return pool->stats().total() == 0; }));
  {
    const refusal of_all(refuses_operations);
    held_back.run();
  }
  BOOST_TEST(until([&] { return gone->is_done; }));
  BOOST_TEST(gone->error == error_code(httpool::error::pool_closed));
  check_sums(pool->stats());
}

BOOST_FIXTURE_TEST_CASE(a_probe_whose_end_is_lost_on_its_way_is_told_to_end_anew, without_memory) {
  server host(context);
  gate door(context);
  connection_pool pool(executor, host.endpoint(),
                       {.probe = {.ask = [&](lease&) -> asio::awaitable<bool> {
                                    co_await door.pass();
                                    co_return true;
                                  },
                                  .interval = 1ms,
                                  .timeout = 1h}});
  lease held = leased(*this, pool);
  give_back(leased(*this, pool));
  BOOST_TEST_REQUIRE(until([&] { return door.arrived() == 1; }));
  close_and_lose(pool);
  BOOST_TEST(pool.stats().leased == 2u);
  BOOST_TEST(until([&] { return pool.stats().leased == 1; }));
  BOOST_TEST(!held.late());
  held.reset();
  BOOST_TEST(until([&] { return pool.stats().total() == 0; }));
  check_sums(pool.stats());
}

BOOST_FIXTURE_TEST_CASE(who_is_told_that_memory_lacks_is_not_found_by_a_cancellation, loop) {
  constexpr std::chrono::nanoseconds ever = std::chrono::nanoseconds::max();
  server host(context);
  for (const bool is_retry : {false, true}) {
    connection_pool pool(context, host.endpoint(),
                         {.acquire_timeout = ever,
                          .dial_timeout = ever,
                          .idle_timeout = ever,
                          .max_lifetime = ever});
    pool.prewarm(1);
    BOOST_TEST_REQUIRE(until([&] { return pool.stats().idle == 1; }));
    lease held = pool.try_acquire();
    graveyard memory;
    asio::cancellation_signal signal;
    const auto result = std::make_shared<outcome>();
    auto handler = cancellable(result, signal, memory);
    {
      const refusal of_steps(refuses_steps);
      if (is_retry)
        pool.async_redial(std::move(held), {}, std::move(handler));
      else
        pool.async_acquire(std::move(handler));
    }
    BOOST_TEST_REQUIRE(until([&] { return result->is_done; }));
    BOOST_TEST(result->error == error_code(asio::error::no_memory));
    BOOST_TEST(pool.stats().total() == (is_retry ? 0u : 1u));
    signal.emit(asio::cancellation_type::terminal);
    BOOST_TEST(memory.is_undisturbed());
    BOOST_TEST(pool.stats().cancelled == 0u);
    check_sums(pool.stats());
  }
}

BOOST_FIXTURE_TEST_CASE(a_retry_in_a_closed_pool_needs_no_timer, loop) {
  server host(context);
  connection_pool pool(context, host.endpoint());
  lease dead = leased(*this, pool);
  pool.close();
  const auto result = std::make_shared<outcome>();
  pool.async_redial(std::move(dead), {}, into(result));
  BOOST_TEST_REQUIRE(until([&] { return result->is_done; }));
  BOOST_TEST(result->error == error_code(httpool::error::pool_closed));
  BOOST_TEST(pool.stats().total() == 0u);
  check_sums(pool.stats());
}

BOOST_FIXTURE_TEST_CASE(a_dial_without_memory_keeps_no_place_in_the_budget_for_good, loop) {
  server host(context);
  const auto budget = std::make_shared<httpool::connection_budget>(1);
  std::size_t failures = 0;
  for (long nth = 1; failures == 0; ++nth) {
    BOOST_TEST_REQUIRE(nth != 100);
    connection_pool poor(context, host.endpoint(), {.budget = budget});
    connection_pool rich(context, host.endpoint(), {.budget = budget});
    const auto waits = std::make_shared<outcome>();
    until_failure = nth;
    try {
      const refusal of_one(refuses_nth);
      poor.async_acquire(into(waits));
    } catch (const std::bad_alloc&) {
      // Not begun.
    }
    until_failure = 0;
    if (poor.stats().dialing != 0 || poor.stats().waiting == 0)
      continue;
    ++failures;
    BOOST_TEST(until([&] { return waits->is_done; }));
    BOOST_TEST(waits->error == error_code());
    waits->lease.reset();
    BOOST_TEST(leased(*this, rich).id() == 1u);
  }
}

/// The table of those who wait has forgotten whom the pool could not take in.
BOOST_FIXTURE_TEST_CASE(a_cancellation_finds_nobody_for_whom_there_was_no_memory, loop) {
  server host(context);
  for (const bool is_retry : {false, true}) {
    std::size_t told = 0;
    bool has_failed = true;
    for (long nth = 1; has_failed; ++nth) {
      connection_pool pool(context, host.endpoint());
      lease dead = is_retry ? leased(*this, pool) : lease();
      graveyard memory;
      asio::cancellation_signal signal;
      const auto result = std::make_shared<outcome>();
      auto handler = cancellable(result, signal, memory);
      bool is_begun = true;
      until_failure = nth;
      try {
        const refusal of_one(refuses_nth);
        if (is_retry)
          pool.async_redial(std::move(dead), {}, std::move(handler));
        else
          pool.async_acquire(std::move(handler));
      } catch (const std::bad_alloc&) {
        is_begun = false;
      }
      has_failed = std::exchange(until_failure, 0) == 0;
      BOOST_TEST_REQUIRE(until([&] { return !is_begun || result->is_done; }));
      told += result->error == asio::error::no_memory;
      signal.emit(asio::cancellation_type::terminal);
      BOOST_TEST(memory.is_undisturbed());
    }
    BOOST_TEST(told > (is_retry ? 1u : 0u));
  }
}

BOOST_FIXTURE_TEST_CASE(a_watch_that_fires_for_nothing_costs_nothing_and_is_armed_again, loop) {
  server host(context);
  connection_pool pool(context, host.endpoint());
  give_back(leased(*this, pool));
  const auto cool = now() + 600ms;
  BOOST_TEST(until([&] { return now() > cool; })); // it is watched now
  host.last().say("?");
  sees_nothing = true;
  context.restart();
  for (int i = 0; i != 10; ++i)
    context.run_one_for(10ms);
  BOOST_TEST(pool.stats().idle == 1u);
  sees_nothing = false;
  BOOST_TEST(until([&] { return pool.stats().idle == 0; }));
  BOOST_TEST(pool.stats().closed(close_reason::peer_spoke) == 1u);
}

BOOST_FIXTURE_TEST_CASE(a_watch_that_fires_for_nothing_does_nothing_of_what_was_done_before, loop) {
  server host(context);
  gate door(context, 1);
  connection_pool pool(context, host.endpoint(), {.prepare = door.hook()});
  give_back(leased(*this, pool));
  const auto cool = now() + 600ms;
  BOOST_TEST(until([&] { return now() > cool; })); // it is watched now
  graveyard memory;
  asio::cancellation_signal signal;
  const auto choosy = std::make_shared<outcome>();
  pool.async_acquire({.max_idle = 0ns}, cancellable(choosy, signal, memory));
  BOOST_TEST_REQUIRE(until([&] { return door.arrived() == 2; }));
  host.at(0).say("?");
  sees_nothing = true;
  signal.emit(asio::cancellation_type::terminal);
  context.restart();
  for (int i = 0; i != 10; ++i)
    context.run_one_for(10ms);
  sees_nothing = false;
  BOOST_TEST(choosy->error == error_code(asio::error::operation_aborted));
  BOOST_TEST(memory.is_undisturbed());
  BOOST_TEST(until([&] { return pool.stats().idle == 0; }));
  pool.close();
  BOOST_TEST(until([&] { return pool.stats().total() == 0; }));
  check_sums(pool.stats());
}
