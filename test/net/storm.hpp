// Many threads and callers that do at random what callers may do. They only gather figures; the
// test's own thread asserts.
#pragma once

#include "net/net_fixture.hpp"

#include <httpool/observer.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_future.hpp>

#include <atomic>
#include <future>
#include <map>
#include <mutex>
#include <random>
#include <thread>

#include <sys/socket.h>

namespace net_test {

/// A context with threads of its own.
class threads {
public:
  explicit threads(int count) : work_(asio::make_work_guard(context)) {
    for (int i = 0; i != count; ++i)
      threads_.emplace_back([this] { context.run(); });
  }
  ~threads() { stop(); }

  /// Ends them, whatever there is to do.
  void stop() {
    context.stop();
    join();
  }

  /// Lets the work end by itself.
  void finish() {
    work_.reset();
    join();
  }

  asio::io_context context;

private:
  void join() {
    for (std::thread& t : threads_)
      t.join();
    threads_.clear();
  }

  asio::executor_work_guard<asio::io_context::executor_type> work_;
  std::vector<std::thread> threads_;
};

template <class Condition>
bool becomes(Condition condition) {
  const auto end = now() + patience;
  while (!condition()) {
    if (now() > end)
      return false;
    std::this_thread::yield();
  }
  return true;
}

/// Echoes on a thread of its own, and counts the connections that are open at each accept.
class counting_server {
public:
  explicit counting_server(std::size_t limit) : limit_(limit), host_(run_.context, true) {
    host_.on_accept = [this](peer&) { count(); };
    thread_ = std::thread([this] { run_.until([this] { return stop_.load(); }); });
  }
  ~counting_server() {
    stop_ = true;
    thread_.join();
  }

  tcp::endpoint endpoint() const { return host_.endpoint(); }
  bool was_exceeded() const { return was_exceeded_; }

  std::size_t open() {
    std::promise<std::size_t> result;
    asio::post(run_.context, [&] { result.set_value(alive()); });
    return result.get_future().get();
  }

private:
  /// Peers that have not hung up, as far as the system knows.
  std::size_t alive() {
    std::size_t count = 0;
    for (std::size_t i = 0; i != host_.accepted(); ++i) {
      char bytes[64];
      peer& p = host_.at(i);
      if (p.has_ended)
        continue;
      count += ::recv(p.socket.native_handle(), bytes, sizeof bytes, MSG_PEEK | MSG_DONTWAIT) != 0;
    }
    return count;
  }

  /// The system may take in a connection's end a moment after the next one's beginning.
  void count() {
    const auto end = now() + 5s;
    while (alive() > limit_) {
      if (now() > end) {
        was_exceeded_ = true;
        return;
      }
      std::this_thread::yield();
    }
  }

  const std::size_t limit_;
  loop run_;
  server host_;
  std::atomic<bool> stop_ = false;
  std::atomic<bool> was_exceeded_ = false;
  std::thread thread_;
};

/// Checks that what it is told of each connection is in order.
struct witness : httpool::pool_observer {
  std::mutex mutex;
  std::map<std::uint64_t, bool> is_open;
  std::size_t out_of_order = 0;

  void connection_made(std::uint64_t id, std::chrono::nanoseconds) override {
    const std::lock_guard lock(mutex);
    out_of_order += !is_open.emplace(id, true).second;
  }
  void connection_closed(std::uint64_t id, httpool::close_reason, std::uint64_t) override {
    const std::lock_guard lock(mutex);
    const auto found = is_open.find(id);
    if (found == is_open.end() || !found->second)
      ++out_of_order;
    else
      found->second = false;
  }
  void acquire_granted(std::uint64_t id, std::chrono::nanoseconds, std::uint64_t) override {
    const std::lock_guard lock(mutex);
    const auto found = is_open.find(id);
    out_of_order += found == is_open.end();
  }
};

/// What the callers of a storm have seen together.
struct tally {
  std::vector<std::atomic<int>> holders = std::vector<std::atomic<int>>(1 << 16);
  std::atomic<std::size_t> leased_twice = 0, leases = 0, failures = 0, surprises = 0, callers = 0;

  void take(const httpool::lease& got) {
    leased_twice += holders.at(got.id()).fetch_add(1) != 0;
    ++leases;
  }
  void put(const httpool::lease& got) { holders.at(got.id()).fetch_sub(1); }
};

/// Does with a lease what callers may do.
inline asio::awaitable<void> use_at_random(httpool::connection_pool& pool, tally& seen,
                                           std::mt19937& random, httpool::lease got) {
  const auto no_throw = asio::as_tuple(asio::use_awaitable);
  seen.take(got);
  char byte = 'x';
  switch (random() % 8) {
  case 0: // dropped
    break;
  case 1: // late
    got.expires_after(std::chrono::microseconds(random() % 100));
    co_await got.socket().async_read_some(asio::buffer(&byte, 1), no_throw);
    seen.surprises += !got.late();
    break;
  case 2: { // a second try
    seen.put(got);
    const httpool::acquire_options options;
    auto [ec, again] = co_await pool.async_redial(std::move(got), options, no_throw);
    if (ec)
      co_return;
    got = std::move(again);
    seen.take(got);
    got.keep_alive(true);
    break;
  }
  default: { // an exchange
    co_await asio::async_write(got.socket(), asio::buffer(&byte, 1), no_throw);
    const auto [ec, size] = co_await got.socket().async_read_some(asio::buffer(&byte, 1), no_throw);
    seen.surprises += ec && !got.late();
    got.keep_alive(!ec);
  }
  }
  seen.put(got);
}

/// A caller on a strand of its own, who calls at random.
inline asio::awaitable<void> call_at_random(httpool::connection_pool& pool, tally& seen,
                                            unsigned seed, int rounds) {
  const auto random = std::make_unique<std::mt19937>(seed);
  const asio::any_io_executor strand = co_await asio::this_coro::executor;
  const auto signal = std::make_shared<asio::cancellation_signal>(); // the timer may be last
  asio::steady_timer timer(strand);
  for (int round = 0; round != rounds; ++round) {
    httpool::acquire_options options;
    const unsigned how = (*random)() % 8;
    if (how == 0)
      options.timeout = 0s;
    else if (how < 3)
      options.timeout = std::chrono::microseconds((*random)() % 300);
    if ((*random)() % 3 == 0) {
      timer.expires_after(std::chrono::microseconds((*random)() % 200));
      timer.async_wait(asio::bind_executor(strand, [signal](error_code ec) {
        if (!ec)
          signal->emit(asio::cancellation_type::total);
      }));
    }
    auto token = asio::bind_cancellation_slot(signal->slot(), asio::as_tuple(asio::use_awaitable));
    auto [ec, got] = co_await pool.async_acquire(options, token);
    timer.cancel();
    if (!ec) {
      auto use = use_at_random(pool, seen, *random, std::move(got));
      co_await std::move(use);
      continue;
    }
    ++seen.failures;
    seen.surprises += bool(got);
    seen.surprises += ec != httpool::error::acquire_timeout &&
                      ec != httpool::error::too_many_waiters && ec != httpool::error::pool_closed &&
                      ec != asio::error::operation_aborted;
  }
  --seen.callers;
}

inline void start_callers(threads& run, httpool::connection_pool& pool, tally& seen, unsigned seed,
                          int callers, int rounds) {
  seen.callers += static_cast<std::size_t>(callers);
  for (int i = 0; i != callers; ++i)
    asio::co_spawn(asio::make_strand(run.context),
                   call_at_random(pool, seen, seed + static_cast<unsigned>(i), rounds),
                   [](std::exception_ptr failure) {
                     if (failure)
                       std::terminate();
                   });
}

/// A caller on a thread outside the context.
inline void call_from_outside(httpool::connection_pool& pool, tally& seen, int rounds) {
  for (int round = 0; round != rounds; ++round) {
    httpool::lease got = pool.try_acquire();
    if (!got && round % 4 == 0) {
      try {
        got = pool.async_acquire({.timeout = 2ms}, asio::use_future).get();
      } catch (const boost::system::system_error&) {
        ++seen.failures;
      }
    }
    if (got) {
      seen.take(got);
      got.keep_alive(round % 8 != 0);
      seen.put(got);
    }
    got.reset();
    std::this_thread::yield();
  }
}

} // namespace net_test
