// Many tasks on several threads share a few connections.

#include "calls.hpp"
#include "live.hpp"
#include "scenarios.hpp"

#include <httpool/connection_pool.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>

#include <algorithm>
#include <atomic>
#include <future>
#include <string>

namespace demo {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;

// GET over a lease, which is a connected socket to do anything with; the response is read by Beast.
asio::awaitable<unsigned> talk(httpool::lease& lease, std::string target) {
  const std::string request = "GET " + target + " HTTP/1.1\r\nHost: service-b\r\n\r\n";
  co_await asio::async_write(lease.socket(), asio::buffer(request), asio::use_awaitable);
  http::response<http::string_body> response;
  co_await http::async_read(lease.socket(), lease.buffer(), response, asio::use_awaitable);
  // Without this word the pool would close the connection: only who spoke knows that all was said.
  lease.keep_alive(response.keep_alive());
  co_return response.result_int();
}

// What a task does with a pool: lease a connection, talk, give it back.
asio::awaitable<turn> take_a_turn(httpool::connection_pool& pool, std::size_t task,
                                  clock::time_point start) {
  turn mine;
  mine.asked = clock::now() - start;
  httpool::lease lease = co_await pool.async_acquire(asio::use_awaitable);
  mine.granted = clock::now() - start;
  mine.connection = lease.id();
  mine.uses = lease.uses();
  // Requests of 40 to 139 ms, as if each were for work of its own.
  mine.status = co_await talk(lease, "/delay/" + std::to_string(40 + task * 37 % 100));
  mine.ended = clock::now() - start;
  co_return mine;
}

pool_sample sample_of(const httpool::connection_pool& pool, clock::time_point start) {
  return {clock::now() - start, pool.stats()};
}

// Looks at the pool, beside the tasks, until there are no more turns to come.
asio::awaitable<std::vector<pool_sample>> watch(const httpool::connection_pool& pool,
                                                clock::time_point start,
                                                const std::atomic<bool>& is_over) {
  constexpr std::chrono::microseconds interval(250);
  asio::steady_timer timer(co_await asio::this_coro::executor);
  std::vector<pool_sample> samples;
  while (!is_over) {
    samples.push_back(sample_of(pool, start));
    timer.expires_after(interval);
    co_await timer.async_wait(asio::use_awaitable);
  }
  co_return samples;
}

// The threads begin with the tasks in an order of their own.
void number_as_they_asked(std::vector<turn>& turns) {
  std::sort(turns.begin(), turns.end(),
            [](const turn& a, const turn& b) { return a.asked < b.asked; });
  for (std::size_t i = 0; i != turns.size(); ++i)
    turns[i].task = i;
}

asio::awaitable<std::size_t> count_good_answers(httpool::client& client, std::size_t requests) {
  std::size_t good = 0;
  for (std::size_t i = 0; i != requests; ++i) {
    const answer got = co_await get(client, "/");
    good += got.status == 200;
  }
  co_return good;
}

} // namespace

shared_pool share_a_pool(httpool::server_threads& service_b) {
  constexpr std::size_t tasks = 20;
  shared_pool seen;
  seen.threads = 4;
  seen.limit = 5;
  std::atomic<bool> is_over = false; // outlives the threads, which look at it
  asio::thread_pool threads(seen.threads);
  httpool::connection_pool pool(threads, service_b.local_endpoint(),
                                {.max_connections = seen.limit, .observer = page_observer()});
  const shown on_page(pool);

  const clock::time_point start = clock::now();
  auto samples = asio::co_spawn(threads, watch(pool, start, is_over), asio::use_future);
  std::vector<std::future<turn>> turns;
  for (std::size_t task = 0; task != tasks; ++task)
    turns.push_back(asio::co_spawn(threads, take_a_turn(pool, task, start), asio::use_future));
  for (std::future<turn>& each : turns)
    seen.turns.push_back(each.get());
  seen.took = clock::now() - start;
  is_over = true;
  seen.samples = samples.get();
  seen.samples.push_back(sample_of(pool, start));
  number_as_they_asked(seen.turns);
  seen.peak_waiting = pool.stats().peak_waiting;
  pool.async_drain(asio::use_future).get();
  return seen;
}

limit_held press_against_the_limit(httpool::server_threads& service_b) {
  constexpr std::size_t requests_a_task = 8;
  limit_held seen;
  seen.threads = 4;
  seen.tasks = 50;
  seen.requests = seen.tasks * requests_a_task;
  seen.limit = 5;
  asio::thread_pool threads(seen.threads);
  httpool::client_options options;
  options.pool.max_connections = seen.limit;
  options.pool.observer = page_observer();
  httpool::client client = make_client(threads, service_b.local_endpoint(), options);
  const shown on_page(client);

  const std::uint64_t accepted_before = service_b.stats().accepted;
  const clock::time_point start = clock::now();
  std::vector<std::future<std::size_t>> good;
  for (std::size_t task = 0; task != seen.tasks; ++task)
    good.push_back(
        asio::co_spawn(threads, count_good_answers(client, requests_a_task), asio::use_future));
  for (std::future<std::size_t>& each : good)
    seen.answered += each.get();
  seen.took = clock::now() - start;
  seen.accepted = service_b.stats().accepted - accepted_before;
  seen.peak_open = service_b.stats().peak_open;
  client.pool().async_drain(asio::use_future).get();
  return seen;
}

} // namespace demo
