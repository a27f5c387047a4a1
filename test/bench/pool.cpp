// What an acquire and a release cost, by the real pool. An operation is one of each.
//
// The pool looks at each connection before it hands it out or takes it back, which is a system
// call. The cases without `_with_peek` have a stream in its place that says at once that all is
// well, so that they can be compared with pools that look at nothing.

#include "bench/bench.hpp"
#include "bench/flags.hpp"
#include "bench/ready_pool.hpp"
#include "bench/recorder.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <barrier>
#include <iomanip>
#include <iostream>
#include <thread>

namespace bench {
namespace {

namespace asio = boost::asio;
using std::chrono::steady_clock;

void tell(const std::string& name, nanoseconds took, std::size_t operations) {
  std::cout << R"({"pool":"httpool","case":")" << name << R"(","ns_per_op":)" << std::fixed
            << std::setprecision(2)
            << static_cast<double>(took.count()) / static_cast<double>(operations) << '}'
            << std::endl;
}

void take_and_return(httpool::connection_pool& pool, std::size_t times) {
  for (std::size_t i = 0; i != times; ++i) {
    httpool::lease taken = pool.try_acquire();
    if (!taken)
      throw std::runtime_error("nothing to be had");
    taken.keep_alive(true);
  }
}

/// Each thread takes and returns, with a connection there for each.
void contend(const std::string& name, std::size_t threads, bool peeks, std::size_t operations) {
  ready_pool ready(threads, peeks);
  std::barrier start(static_cast<std::ptrdiff_t>(threads) + 1);
  std::vector<std::jthread> running;
  for (std::size_t i = 0; i != threads; ++i)
    running.emplace_back([&] {
      start.arrive_and_wait();
      take_and_return(ready.pool, operations / threads);
    });
  const time_point began = steady_clock::now();
  start.arrive_and_wait();
  running.clear();
  tell(name, steady_clock::now() - began, operations);
}

/// Waits, each time it has returned, behind all others.
asio::awaitable<void> wait_again(ready_pool& ready, std::size_t& left) {
  for (;;) {
    httpool::lease taken = co_await ready.pool.async_acquire(asio::use_awaitable);
    taken.keep_alive(true);
    if (left-- <= 1) {
      ready.context.stop();
      co_return;
    }
  }
}

/// One connection goes round among so many waiters, each of which has a deadline.
void hand_over(const std::string& name, std::size_t waiters, bool peeks, std::size_t operations) {
  ready_pool ready(1, peeks);
  httpool::lease held = ready.pool.try_acquire();
  std::size_t left = operations;
  for (std::size_t i = 0; i != waiters; ++i)
    asio::co_spawn(ready.context, wait_again(ready, left), asio::detached);
  while (ready.pool.stats().waiting != waiters)
    ready.context.poll();
  const time_point began = steady_clock::now();
  held.keep_alive(true);
  held.reset();
  ready.context.restart();
  ready.context.run();
  tell(name, steady_clock::now() - began, operations);
}

/// So many waiters, none of whom gets anything, come and go: an operation is one of them. Counted
/// is the time that this takes of the processor, since the deadline has to be waited for.
void give_up(const std::string& name, std::size_t waiters, bool by_deadline) {
  ready_pool ready(1, false);
  const httpool::lease held = ready.pool.try_acquire();
  std::vector<asio::cancellation_signal> signals(waiters);
  std::size_t gone = 0;
  const std::chrono::microseconds used = processor_time();
  for (std::size_t i = 0; i != waiters; ++i) {
    ready.pool.async_acquire(
        {.timeout = by_deadline ? std::chrono::milliseconds(1) : std::chrono::hours(1)},
        asio::bind_cancellation_slot(
            signals[i].slot(),
            [&gone](boost::system::error_code, const httpool::lease&) { ++gone; }));
  }
  if (!by_deadline) {
    for (asio::cancellation_signal& each : signals)
      each.emit(asio::cancellation_type::terminal);
  }
  while (gone != waiters)
    ready.context.run_one();
  tell(name, processor_time() - used, waiters);
}

} // namespace

int run_pool(const std::vector<std::string>& given) {
  po::options_description flags("httpool_bench pool");
  flags.add_options()("operations", po::value<std::size_t>()->default_value(1'000'000), "a case");
  const po::variables_map values = read(flags, given);
  const auto operations = at_least<std::size_t>(values, "operations", 1000);
  contend("uncontended", 1, false, operations);
  contend("contended2", 2, false, operations);
  contend("uncontended_with_peek", 1, true, operations);
  contend("contended2_with_peek", 2, true, operations);
  hand_over("handoff10", 10, false, operations);
  hand_over("handoff1000", 1000, false, operations);
  hand_over("handoff100000", 100'000, false, operations);
  hand_over("handoff1000_with_peek", 1000, true, operations);
  for (const std::size_t waiters : {1'000, 10'000, 100'000}) {
    give_up("timed_out" + std::to_string(waiters), waiters, true);
    give_up("cancelled" + std::to_string(waiters), waiters, false);
  }
  return 0;
}

} // namespace bench
