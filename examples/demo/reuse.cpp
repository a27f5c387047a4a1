// What reuse looks like, and what it is worth.

#include "calls.hpp"
#include "live.hpp"
#include "scenarios.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>

#include <algorithm>
#include <set>

namespace demo {
namespace {

namespace asio = boost::asio;

asio::awaitable<std::vector<answer>> one_after_another(httpool::client& client, std::size_t count) {
  std::vector<answer> answers;
  while (answers.size() != count)
    answers.push_back(co_await get(client, "/connection"));
  co_return answers;
}

// Takes turns, so that whatever else the machine does meanwhile hits both alike.
asio::awaitable<void> by_turns(httpool::client& one, std::vector<answer>& of_one,
                               httpool::client& other, std::vector<answer>& of_other,
                               std::size_t count) {
  for (std::size_t i = 0; i != count; ++i) {
    of_one.push_back(co_await get(one, "/"));
    of_other.push_back(co_await get(other, "/"));
  }
}

latencies summary_of(const std::vector<answer>& answers) {
  latencies summary;
  std::set<std::uint64_t> connections;
  for (const answer& each : answers) {
    if (each.error)
      throw boost::system::system_error(each.error, "a request of the comparison");
    summary.times.push_back(each.took);
    connections.insert(each.connection);
  }
  auto& times = summary.times;
  std::sort(times.begin(), times.end());
  summary.requests = times.size();
  summary.connections = connections.size();
  summary.median = times[times.size() / 2];
  summary.p90 = times[times.size() * 9 / 10];
  return summary;
}

} // namespace

one_connection send_one_after_another(httpool::server_threads& service_b) {
  asio::thread_pool threads(1);
  httpool::client client = make_client(threads, service_b.local_endpoint());
  const shown on_page(client);
  one_connection seen;
  seen.answers = asio::co_spawn(threads, one_after_another(client, 5), asio::use_future).get();
  client.pool().async_drain(asio::use_future).get();
  return seen;
}

connection_cost compare_new_with_reused(httpool::server_threads& service_b) {
  constexpr std::size_t requests = 250;
  asio::thread_pool threads(1);
  httpool::client_options used_once;
  used_once.pool.max_uses = 1;
  used_once.pool.observer = page_observer("new");
  httpool::client fresh = make_client(threads, service_b.local_endpoint(), used_once);
  httpool::client reusing = make_client(threads, service_b.local_endpoint());
  const shown fresh_on_page(fresh, "new");
  const shown reusing_on_page(reusing, "reused");

  std::vector<answer> of_fresh;
  std::vector<answer> of_reusing;
  // What happens for the first time is slower, whichever way it is done.
  asio::co_spawn(threads, by_turns(fresh, of_fresh, reusing, of_reusing, 10), asio::use_future)
      .get();
  of_fresh.clear();
  of_reusing.clear();
  asio::co_spawn(threads, by_turns(fresh, of_fresh, reusing, of_reusing, requests),
                 asio::use_future)
      .get();
  fresh.pool().async_drain(asio::use_future).get();
  reusing.pool().async_drain(asio::use_future).get();

  connection_cost seen;
  seen.fresh = summary_of(of_fresh);
  seen.reused = summary_of(of_reusing);
  return seen;
}

} // namespace demo
