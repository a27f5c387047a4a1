// The pool by its parts, and as a whole.

#include "bench/micro.hpp"
#include "bench/ready_pool.hpp"
#include "pool/ledger.hpp"
#include "pool/ticket_table.hpp"

#include <httpool/detail/cancellable.hpp>

#include <chrono>
#include <cstdint>
#include <deque>

#include <benchmark/benchmark.h>

namespace bench {
namespace {

using httpool::detail::ledger;
using httpool::detail::time_point;

/// What the pool takes and gives back, its lock included.
void acquire_and_release(benchmark::State& state, bool peeks) {
  ready_pool ready(1, peeks);
  for (auto _ : state) {
    httpool::lease taken = ready.pool.try_acquire();
    if (!taken)
      state.SkipWithError("nothing to be had");
    taken.keep_alive(true);
  }
}

/// A ledger whose one connection is leased, and whose clock is set by hand.
class leased_ledger {
public:
  explicit leased_ledger(const httpool::pool_options& options) : mind(options, now, 1) {
    mind.acquire(now, first_, time_point::max());
    while (mind.wants_dial(now))
      mind.dial(now, held);
    mind.dialed(now, held);
  }

  time_point now = time_point(std::chrono::hours(1));
  ledger::connection held;

private:
  httpool::detail::waiter first_;

public:
  ledger mind;
};

void ledger_take_and_return(benchmark::State& state) {
  leased_ledger one(sized(1));
  for (auto _ : state) {
    one.mind.returned(one.now, one.held);
    if (one.mind.try_acquire(one.now) != &one.held)
      state.SkipWithError("nothing to be had");
    one.now += std::chrono::microseconds(10);
  }
}

/// The one that has waited longest is served, and waits again behind so many.
void ledger_hand_over(benchmark::State& state, std::size_t count) {
  std::deque<httpool::detail::waiter> waiters(count);
  leased_ledger one(sized(1));
  const auto wait = [&one](httpool::detail::waiter& each) {
    one.mind.acquire(one.now, each, one.now + std::chrono::seconds(5));
  };
  for (httpool::detail::waiter& each : waiters)
    wait(each);
  for (auto _ : state) {
    one.now += std::chrono::microseconds(10);
    one.mind.returned(one.now, one.held);
    if (one.mind.decisions().size() != 1)
      state.SkipWithError("nobody was served");
    wait(*one.mind.decisions().front().waiter);
  }
  one.mind.close(one.now);
}

/// The one in the middle of so many goes, and waits again at the end.
void ledger_cancel(benchmark::State& state, std::size_t count) {
  std::deque<httpool::detail::waiter> waiters(count);
  leased_ledger one(sized(1));
  const auto wait = [&one](httpool::detail::waiter& each) {
    one.mind.acquire(one.now, each, one.now + std::chrono::seconds(5));
  };
  for (httpool::detail::waiter& each : waiters)
    wait(each);
  std::size_t next = waiters.size() / 2;
  for (auto _ : state) {
    one.now += std::chrono::microseconds(10);
    one.mind.cancel(one.now, waiters[next], boost::asio::error::operation_aborted);
    wait(waiters[next]);
    next = next + 1 == waiters.size() ? 0 : next + 1;
  }
  one.mind.close(one.now);
}

struct operation : httpool::detail::cancellable {};

/// The oldest of so many operations is looked for and ends, and another begins.
void ticket_table(benchmark::State& state, std::size_t count) {
  httpool::detail::ticket_table<operation> table;
  std::deque<operation> operations(count);
  for (operation& each : operations)
    table.add(each);
  std::size_t next = 0;
  for (auto _ : state) {
    operation& each = operations[next];
    if (table.find(each.own_ticket) != &each)
      state.SkipWithError("not found");
    table.remove(each);
    table.add(each);
    next = next + 1 == operations.size() ? 0 : next + 1;
  }
}

} // namespace

void register_pool() {
  benchmark::RegisterBenchmark("acquire_and_release/without_peek/httpool", acquire_and_release,
                               false);
  benchmark::RegisterBenchmark("acquire_and_release/with_peek/httpool", acquire_and_release, true);
  benchmark::RegisterBenchmark("ledger/take_and_return/httpool", ledger_take_and_return);
  for (const std::size_t waiters : {10u, 1'000u, 100'000u}) {
    const std::string crowd = std::to_string(waiters) + "/httpool";
    const auto add = [waiters](const std::string& name, auto what) {
      benchmark::RegisterBenchmark(
          name.c_str(), [waiters, what](benchmark::State& state) { what(state, waiters); });
    };
    add("ledger/hand_over/" + crowd, ledger_hand_over);
    add("ledger/cancel/" + crowd, ledger_cancel);
    add("ticket_table/" + crowd, ticket_table);
  }
}

} // namespace bench
