// What an acquire and a release cost, by the real pool. An operation is one of each.
//
// The pool looks at each connection before it hands it out or takes it back, which is a system
// call. The cases without `_with_peek` have a stream in its place that says at once that all is
// well, so that they can be compared with pools that look at nothing.

#include "bench/bench.hpp"
#include "bench/recorder.hpp"
#include "tls/secure_stream.hpp"

#include <httpool/connection_pool.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>

#include <barrier>
#include <iomanip>
#include <iostream>
#include <thread>

namespace bench {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using std::chrono::steady_clock;

/// Stands for a connection that is quiet, and costs nothing to look at.
class quiet_stream final : public httpool::detail::secure_stream {
  using error_code = boost::system::error_code;

public:
  asio::awaitable<void> handshake() override { co_return; }
  void read_some(asio::mutable_buffer, httpool::detail::io_handler) override {}
  void write_some(const asio::const_buffer*, std::size_t, httpool::detail::io_handler) override {}
  std::size_t read_now(asio::mutable_buffer, error_code& ec) noexcept override {
    ec = asio::error::would_block;
    return 0;
  }
  std::size_t write_now(asio::const_buffer, error_code& ec) noexcept override {
    ec = asio::error::would_block;
    return 0;
  }
  void say_end() noexcept override {}
  ssl_st* native_handle() noexcept override { return nullptr; }
};

httpool::pool_options sized(std::size_t connections) {
  httpool::pool_options options;
  options.max_connections = connections;
  options.max_waiters = 1'000'000;
  return options;
}

/// A pool whose connections exist, and lead to a listener of this process.
class ready_pool {
public:
  ready_pool(std::size_t connections, bool peeks)
      : pool(context, "127.0.0.1", listener_.local_endpoint().port(), sized(connections)) {
    std::vector<std::future<httpool::lease>> dialed;
    for (std::size_t i = 0; i != connections; ++i)
      dialed.push_back(pool.async_acquire(asio::use_future));
    while (pool.stats().leased != connections)
      context.run_one();
    context.poll();
    for (std::future<httpool::lease>& each : dialed) {
      httpool::lease made = each.get();
      if (!peeks)
        httpool::detail::stream_access::encrypt(
            made.stream(), httpool::detail::secure_stream_pointer(new quiet_stream));
      made.keep_alive(true);
    }
    context.restart();
  }

  asio::io_context context{1};

private:
  tcp::acceptor listener_{context, {asio::ip::address_v4::loopback(), 0}};

public:
  httpool::connection_pool pool;
};

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

/// So many waiters, none of whom gets anything, go: an operation is one of them.
void give_up(const std::string& name, std::size_t waiters, bool by_deadline) {
  ready_pool ready(1, false);
  const httpool::lease held = ready.pool.try_acquire();
  std::vector<asio::cancellation_signal> signals(waiters);
  std::size_t gone = 0;
  const time_point began = steady_clock::now();
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
  tell(name, steady_clock::now() - began, waiters);
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
