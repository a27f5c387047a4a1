#include "calls.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <charconv>
#include <stdexcept>
#include <string_view>
#include <thread>
#include <utility>

namespace demo {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;

std::uint64_t number(std::string_view text) {
  std::uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

} // namespace

httpool::client make_client(asio::thread_pool& threads, const asio::ip::tcp::endpoint& at,
                            httpool::client_options options) {
  return httpool::client(threads, at.address().to_string(), at.port(), std::move(options));
}

asio::awaitable<answer> get(httpool::client& client, std::string target,
                            httpool::send_options options) {
  const clock::time_point sent = clock::now();
  const auto [error, response] = co_await client.async_send(
      httpool::request("GET", target), options, asio::as_tuple(asio::use_awaitable));
  answer got;
  got.error = error;
  got.took = clock::now() - sent;
  if (error)
    co_return got;
  got.status = response.status();
  got.body = response.body();
  got.connection = response.connection_id();
  got.reused = response.reused();
  got.attempts = response.attempts();
  got.server_connection = number(response.fields().value("X-Connection-Id"));
  got.request_number = number(response.fields().value("X-Request-Number"));
  co_return got;
}

milliseconds wait_until(const std::string& what, const std::function<bool()>& happened) {
  const clock::time_point start = clock::now();
  while (!happened()) {
    if (clock::now() - start > 10s)
      throw std::runtime_error("waited 10 s in vain until " + what);
    std::this_thread::sleep_for(1ms);
  }
  return clock::now() - start;
}

} // namespace demo
