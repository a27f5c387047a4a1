// Requests sent ahead, over a lease that is used as the plain socket that it is.

#include "calls.hpp"
#include "live.hpp"
#include "scenarios.hpp"

#include <httpool/connection_pool.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>

#include <charconv>

namespace demo {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using namespace std::chrono_literals;

constexpr std::size_t requests = 10;
constexpr std::chrono::milliseconds first_delay = 30ms;

asio::awaitable<ten_in_one_write> write_ten(httpool::connection_pool& pool) {
  ten_in_one_write seen;
  seen.first_delay = first_delay;
  // The first answer is the last to be ready, and must come first all the same.
  const std::string delay = std::to_string(first_delay.count());
  std::string ahead = "GET /delay/" + delay + " HTTP/1.1\r\nHost: service-b\r\n\r\n";
  seen.expected.push_back("waited " + delay + " ms\n");
  for (std::size_t i = 2; i <= requests; ++i) {
    const std::string body = "answer " + std::to_string(i);
    ahead +=
        "POST /echo HTTP/1.1\r\nHost: service-b\r\nContent-Length: " + std::to_string(body.size()) +
        "\r\n\r\n" + body;
    seen.expected.push_back(body);
  }

  httpool::lease lease = co_await pool.async_acquire(asio::use_awaitable);
  const clock::time_point start = clock::now();
  seen.bytes = ahead.size();
  seen.written_at_once =
      co_await lease.socket().async_write_some(asio::buffer(ahead), asio::use_awaitable);
  for (std::size_t i = 0; i != requests; ++i) {
    http::response<http::string_body> response;
    co_await http::async_read(lease.socket(), lease.buffer(), response, asio::use_awaitable);
    seen.bodies.push_back(response.body());
    const auto number = response["X-Request-Number"];
    std::from_chars(number.data(), number.data() + number.size(),
                    seen.request_numbers.emplace_back());
  }
  seen.took = clock::now() - start;
  lease.keep_alive(true); // ten requests, ten answers: nothing is under way
  co_return seen;
}

} // namespace

ten_in_one_write send_ten_at_once(httpool::server_threads& service_b) {
  asio::thread_pool threads(1);
  httpool::connection_pool pool(threads, service_b.local_endpoint());
  const shown on_page(pool);
  ten_in_one_write seen = asio::co_spawn(threads, write_ten(pool), asio::use_future).get();
  pool.async_drain(asio::use_future).get();
  return seen;
}

} // namespace demo
