// Exchanges with messages that are used again allocate nothing once all is warm.

#include "memory/allocator_hooks.hpp"

#include <httpool/client.hpp>
#include <httpool/server.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <chrono>
#include <exception>
#include <thread>

namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

/// Whether this thread's allocations count, of either kind.
thread_local bool is_counted = false;
std::atomic<std::uint64_t> counted = 0;

bool count(std::size_t, httpool_test::memory_source) noexcept {
  counted += is_counted;
  return false;
}

/// A server on a thread of its own.
class other_side {
public:
  ~other_side() {
    context_.stop();
    thread_.join();
  }

  std::uint16_t port() const { return server_.local_endpoint().port(); }

private:
  static httpool::response hello(const httpool::request&) {
    return httpool::response(200, "Hello, World!", "text/plain");
  }

  asio::io_context context_{1};
  httpool::server server_{context_, tcp::endpoint(asio::ip::address_v4::loopback(), 0), hello};
  std::thread thread_{[this] { context_.run(); }};
};

struct figures {
  std::size_t asking = 0;      ///< Workers that go on.
  std::uint64_t before = 0;    ///< Allocations when all was warm.
  std::uint64_t after = 0;     ///< And at the end.
  std::uint64_t exchanges = 0; ///< That have ended.
  std::chrono::steady_clock::time_point warm_at = {};
  std::chrono::steady_clock::duration took = {}; ///< From then to the end.
  std::exception_ptr failure = {};

  /// The pool's timer, if it is armed anew before a wait that was cancelled has ended, takes
  /// memory: twice a second at most, so that a slow machine sees that, too. No exchange takes any.
  bool are_of_no_exchange() const noexcept {
    return after - before <= static_cast<std::uint64_t>(took / std::chrono::milliseconds(500)) + 1;
  }
};

asio::awaitable<void> ask(httpool::client& client, std::uint64_t warm, std::uint64_t all,
                          figures& seen) {
  const httpool::request question("GET", "/orders");
  httpool::client_response answer;
  while (seen.exchanges < all) {
    co_await client.async_send(question, answer, asio::use_awaitable);
    if (++seen.exchanges == warm) {
      seen.before = counted;
      seen.warm_at = std::chrono::steady_clock::now();
    }
    if (seen.exchanges == all) {
      seen.after = counted;
      seen.took = std::chrono::steady_clock::now() - seen.warm_at;
    }
  }
}

figures run(std::size_t workers, std::size_t connections, std::size_t depth = 1) {
  const other_side peer;
  asio::io_context context(1);
  httpool::client_options options;
  options.pool.max_connections = connections;
  options.pipeline_depth = depth;
  httpool::client client(context, "127.0.0.1", peer.port(), options);
  figures seen;
  for (std::size_t i = 0; i != workers; ++i) {
    ++seen.asking;
    asio::co_spawn(context, ask(client, 2000, 4000, seen), [&](const std::exception_ptr& why) {
      if (why)
        seen.failure = why;
      if (--seen.asking == 0)
        client.close();
    });
  }
  is_counted = true;
  httpool_test::refuse_memory(count);
  context.run();
  httpool_test::refuse_memory(nullptr);
  is_counted = false;
  BOOST_TEST(!seen.failure);
  return seen;
}

} // namespace

BOOST_AUTO_TEST_CASE(an_exchange_allocates_nothing_when_each_worker_has_a_connection) {
  for (const std::size_t workers : {1u, 8u, 64u}) {
    const figures seen = run(workers, workers);
    BOOST_TEST_CONTEXT(workers << " workers") {
      BOOST_TEST(seen.are_of_no_exchange(), seen.after - seen.before << " allocations");
    }
  }
}

BOOST_AUTO_TEST_CASE(an_exchange_allocates_nothing_when_workers_wait_for_connections) {
  const figures seen = run(64, 8);
  BOOST_TEST(seen.are_of_no_exchange(), seen.after - seen.before << " allocations");
}

BOOST_AUTO_TEST_CASE(an_exchange_allocates_nothing_when_several_share_a_connection) {
  for (const std::size_t connections : {1u, 2u, 4u, 8u}) {
    const figures seen = run(64, connections, 16);
    BOOST_TEST_CONTEXT(connections << " connections") {
      BOOST_TEST(seen.are_of_no_exchange(), seen.after - seen.before << " allocations");
    }
  }
}
