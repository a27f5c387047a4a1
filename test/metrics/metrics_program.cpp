// A client that has had traffic of many kinds, a pool of its own, and the server that it asked,
// whose figures that same server gives to whoever scrapes it. Says where, then what the client
// itself has counted, a line each of the value and of the query that asks for it, then "end"; and
// lives until its standard input ends.

#include <httpool/client.hpp>
#include <httpool/connection_pool.hpp>
#include <httpool/metrics.hpp>
#include <httpool/server.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <array>
#include <chrono>
#include <exception>
#include <iostream>
#include <string>
#include <thread>

namespace asio = boost::asio;
using asio::ip::tcp;
using namespace std::chrono_literals;

namespace {

constexpr const char* evil = "a\"b\\c\nd";

httpool::response answer(const httpool::request& asked, const httpool::metrics_registry& metrics) {
  if (asked.target() == "/metrics") {
    const auto format = httpool::metrics_format_for(asked.fields().value("Accept"));
    return {200, metrics.render(format), httpool::content_type_of(format)};
  }
  return httpool::response(asked.target() == "/missing" ? 404 : 200, "hello", "text/plain");
}

asio::awaitable<void> ask(httpool::client& client, std::uint16_t refusing) {
  for (int i = 0; i != 30; ++i) {
    const httpool::request question("GET", i % 10 == 0 ? "/missing" : "/");
    co_await client.async_send(question, asio::use_awaitable);
  }
  for (int i = 0; i != 3; ++i) {
    const httpool::request question("GET", "http://127.0.0.1:" + std::to_string(refusing) + "/");
    co_await client.async_send(question, asio::as_tuple(asio::use_awaitable));
  }
}

asio::awaitable<void> lease_one(httpool::connection_pool& pool) {
  httpool::lease one = co_await pool.async_acquire(asio::use_awaitable);
  one.keep_alive(true);
}

void say(std::uint64_t count, const std::string& query) {
  std::cout << count << ' ' << query << '\n';
}

void say_counts(const httpool::client& client, const httpool::connection_pool& pool) {
  std::uint64_t granted = 0, reused = 0, made = 0, failed = 0;
  std::array<std::uint64_t, httpool::exchange_outcome_count> ended = {};
  for (const httpool::origin_stats& each : client.stats()) {
    granted += each.pool.granted;
    reused += each.pool.reused;
    made += each.pool.made;
    failed += each.pool.dials_failed;
    for (std::size_t i = 0; i != ended.size(); ++i)
      ended[i] += each.exchanges.ended_by[i];
  }
  for (std::size_t i = 0; i != ended.size(); ++i) {
    if (ended[i] == 0)
      continue;
    const std::string outcome = to_string(static_cast<httpool::exchange_outcome>(i));
    say(ended[i], "sum(httpool_exchanges_total{outcome=\"" + outcome + "\"})");
    say(ended[i], "sum(http_client_request_duration_seconds_count{outcome=\"" + outcome + "\"})");
  }
  const std::string of_client = "{team=\"shop\"";
  say(granted, "sum(httpool_acquires_total" + of_client + ",result=\"granted\"})");
  say(granted, "sum(httpool_acquire_wait_seconds_count" + of_client + "})");
  say(granted, "sum(httpool_lease_duration_seconds_count" + of_client + "})");
  say(reused, "sum(httpool_reused_grants_total" + of_client + "})");
  say(made, "sum(httpool_dial_duration_seconds_count" + of_client + ",result=\"made\"})");
  say(failed, "sum(httpool_failed_dials_total" + of_client + "})");
  say(pool.stats().granted, R"(sum(httpool_acquires_total{team="a\"b\\c\nd",result="granted"}))");
}

int run() {
  httpool::metrics_registry metrics;
  asio::io_context server_context(1);
  httpool::server server(server_context, tcp::endpoint(asio::ip::address_v4::loopback(), 0),
                         [&](const httpool::request& asked) { return answer(asked, metrics); });
  metrics.add(server);
  std::thread serving([&] { server_context.run(); });

  asio::io_context context(1);
  const std::uint16_t port = server.local_endpoint().port();
  tcp::acceptor closed(context, tcp::endpoint(asio::ip::address_v4::loopback(), 0));
  const std::uint16_t refusing = closed.local_endpoint().port();
  closed.close();
  httpool::client client(context, "127.0.0.1", port, {.pool = {.dial_backoff = 0s}});
  httpool::connection_pool pool(context, server.local_endpoint());
  metrics.add(client, {{"team", "shop"}});
  metrics.add(pool, {{"team", evil}});

  std::exception_ptr failure;
  int under_way = 2;
  const auto ended = [&](const std::exception_ptr& why) {
    if (why)
      failure = why;
    if (--under_way == 0)
      context.stop();
  };
  asio::co_spawn(context, ask(client, refusing), ended);
  asio::co_spawn(context, lease_one(pool), ended);
  context.run();
  if (!failure) {
    std::cout << "127.0.0.1:" << port << '\n';
    say_counts(client, pool);
    std::cout << "end" << std::endl;
    std::string line;
    while (std::getline(std::cin, line)) {
    }
  }
  server.close();
  serving.join();
  metrics.remove(server);
  if (failure)
    std::rethrow_exception(failure);
  return 0;
}

} // namespace

int main() {
  try {
    return run();
  } catch (const std::exception& e) {
    std::cerr << "metrics_program: " << e.what() << '\n';
    return 1;
  }
}
