// Boost.Beast as its own examples use it, without a pool: each worker has a connection of its own.

#include "bench/flags.hpp"
#include "bench/recorder.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>

#include <chrono>
#include <exception>
#include <iostream>
#include <stdexcept>

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;

asio::awaitable<void> work(const bench::load& what, bench::recorder& figures) {
  beast::tcp_stream stream(co_await asio::this_coro::executor);
  co_await stream.async_connect({asio::ip::make_address(what.host), what.port},
                                asio::use_awaitable);
  stream.socket().set_option(asio::ip::tcp::no_delay(true));
  http::request<http::empty_body> question(http::verb::get, "/", 11);
  question.set(http::field::host, what.host + ':' + std::to_string(what.port));
  beast::flat_buffer buffer;
  for (;;) {
    const auto began = std::chrono::steady_clock::now();
    stream.expires_after(std::chrono::seconds(30)); // as our client has a deadline
    co_await http::async_write(stream, question, asio::use_awaitable);
    http::response<http::string_body> answer;
    co_await http::async_read(stream, buffer, answer, asio::use_awaitable);
    if (answer.result() != http::status::ok)
      throw std::runtime_error("the server answered " + std::to_string(answer.result_int()));
    if (!figures.record(began, std::chrono::steady_clock::now()))
      co_return;
  }
}

int run(const bench::load& what) {
  if (what.workers > what.connections) {
    std::cout << R"({"skip":"has no pool in which workers could wait"})" << std::endl;
    return 0;
  }
  asio::io_context context(1);
  bench::recorder figures(what.warmup, what.seconds);
  std::exception_ptr failure;
  for (std::size_t i = 0; i != what.workers; ++i)
    asio::co_spawn(context, work(what, figures), [&](const std::exception_ptr& why) {
      if (why && !failure)
        failure = why;
      context.stop();
    });
  context.run();
  if (failure)
    std::rethrow_exception(failure);
  std::cout << figures.row(",\"connections_opened\":" + std::to_string(what.workers)) << std::endl;
  return 0;
}

} // namespace

int main(int count, char** words) {
  return bench::run_peer(count, words, run);
}
