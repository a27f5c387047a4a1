#include "soak/servers.hpp"

#include "soak/messages.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <charconv>
#include <chrono>
#include <string>
#include <string_view>
#include <utility>

namespace httpool_test::soak {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;

httpool::response text(std::string content) {
  return httpool::response(200, std::move(content), "text/plain");
}

asio::awaitable<httpool::response> answer_slowly(std::uint64_t call) {
  asio::steady_timer pause(co_await asio::this_coro::executor, 1ms + mixed(call) % 30 * 1ms);
  co_await pause.async_wait(asio::use_awaitable);
  co_return text(small_answer(call));
}

httpool::reply answer(const httpool::request& message) {
  const std::string_view target = message.target();
  const std::size_t slash = target.rfind('/');
  const std::string_view folder = target.substr(0, slash);
  std::uint64_t call = 0;
  std::from_chars(target.data() + slash + 1, target.data() + target.size(), call);
  const auto check = [&](const std::string& expected) {
    return message.body() == expected ? text(small_answer(call)) : httpool::response(400);
  };
  if (folder == "/slow")
    return answer_slowly(call);
  if (folder == "/large")
    return text(large_text(call));
  if (folder == "/upload")
    return check(large_text(call));
  return check(message.method() == "POST" ? small_order(call) : std::string());
}

} // namespace

restarting_server::restarting_server(std::shared_ptr<httpool::tls_server> tls)
    : tls_(std::move(tls)) {
  start();
}

void restarting_server::start() {
  httpool::server_options options;
  options.tls = tls_;
  options.drain_timeout = 500ms;
  options.linger_timeout = 200ms;
  running_ = std::make_unique<httpool::server_threads>(
      1, boost::asio::ip::tcp::endpoint(asio::ip::address_v4::loopback(), port_), &answer, options);
  port_ = running_->local_endpoint().port();
}

void restarting_server::stop() {
  running_->stop();
  running_.reset();
}

} // namespace httpool_test::soak
