// The pool's own account of a load, and an end at which nobody loses an answer.

#include "calls.hpp"
#include "live.hpp"
#include "scenarios.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>

#include <future>

namespace demo {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;

// Requests with pauses between them, so that the pool has something to do most of the time.
asio::awaitable<void> work(httpool::client& client, std::size_t requests) {
  asio::steady_timer pause(client.get_executor());
  for (std::size_t i = 0; i != requests; ++i) {
    co_await get(client, "/delay/10");
    pause.expires_after(15ms);
    co_await pause.async_wait(asio::use_awaitable);
  }
}

asio::awaitable<boost::system::error_code> drain(httpool::connection_pool& pool) {
  const auto [error] = co_await pool.async_drain(asio::as_tuple(asio::use_awaitable));
  co_return error;
}

} // namespace

farewell drain_both_sides(httpool::server_threads& service_b) {
  farewell seen;
  seen.tasks = 8;
  seen.requests_a_task = 10;
  seen.in_flight = 4;
  asio::thread_pool threads(2);
  httpool::client_options options;
  options.pool.max_connections = 4;
  options.pool.observer = page_observer();
  httpool::client client = make_client(threads, service_b.local_endpoint(), options);
  const shown on_page(client);

  std::vector<std::future<void>> tasks;
  for (std::size_t task = 0; task != seen.tasks; ++task)
    tasks.push_back(asio::co_spawn(threads, work(client, seen.requests_a_task), asio::use_future));
  for (std::future<void>& each : tasks)
    each.get();

  // Requests that are under way when both sides are told to stop.
  const std::uint64_t arrived_before = service_b.stats().requests;
  std::vector<std::future<answer>> last;
  for (std::size_t i = 0; i != seen.in_flight; ++i)
    last.push_back(asio::co_spawn(threads, get(client, "/delay/200"), asio::use_future));
  wait_until("ServiceB has the last requests",
             [&] { return service_b.stats().requests == arrived_before + seen.in_flight; });
  const clock::time_point start = clock::now();
  std::future<boost::system::error_code> pool_drained =
      asio::co_spawn(threads, drain(client.pool()), asio::use_future);
  seen.server_drained = service_b.stop();
  seen.pool_drained = pool_drained.get();
  seen.drained_after = clock::now() - start;
  for (std::future<answer>& each : last)
    seen.last_answers.push_back(each.get());
  seen.pool = client.pool().stats();
  seen.server = service_b.stats();

  seen.too_late = asio::co_spawn(threads, get(client, "/"), asio::use_future).get().error;
  return seen;
}

} // namespace demo
