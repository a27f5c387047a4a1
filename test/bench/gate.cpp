// One side of so many exchanges, with a bare peer, all on one thread: what it takes in system calls
// and in instructions depends on nothing but the code.

#include "bench/bench.hpp"
#include "bench/flags.hpp"

#include <httpool/client.hpp>
#include <httpool/server.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <array>
#include <exception>
#include <optional>
#include <string_view>

namespace bench {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

constexpr std::string_view question = "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";
constexpr std::string_view answer = "HTTP/1.1 200 OK\r\nServer: bare\r\n"
                                    "Date: Tue, 24 Nov 2026 20:00:00 GMT\r\n"
                                    "Content-Type: text/plain\r\nContent-Length: 13\r\n\r\n"
                                    "Hello, World!";

/// Answers every read: its peer sends one request at a time.
asio::awaitable<void> answer_bare(tcp::socket socket) {
  std::array<char, 4096> room{};
  for (;;) {
    co_await socket.async_read_some(asio::buffer(room), asio::use_awaitable);
    co_await asio::async_write(socket, asio::buffer(answer), asio::use_awaitable);
  }
}

asio::awaitable<void> accept_bare(tcp::acceptor& acceptor) {
  for (;;) {
    tcp::socket socket = co_await acceptor.async_accept(asio::use_awaitable);
    socket.set_option(tcp::no_delay(true));
    asio::co_spawn(acceptor.get_executor(), answer_bare(std::move(socket)), asio::detached);
  }
}

asio::awaitable<void> ask_bare(const tcp::endpoint& to, std::uint64_t& left) {
  tcp::socket socket(co_await asio::this_coro::executor);
  co_await socket.async_connect(to, asio::use_awaitable);
  socket.set_option(tcp::no_delay(true));
  std::array<char, 4096> room{};
  while (left > 0) {
    --left;
    co_await asio::async_write(socket, asio::buffer(question), asio::use_awaitable);
    co_await socket.async_read_some(asio::buffer(room), asio::use_awaitable);
  }
}

asio::awaitable<void> ask(httpool::client& client, std::uint64_t& left) {
  const httpool::request message;
  httpool::client_response received;
  while (left > 0) {
    --left;
    co_await client.async_send(message, received, asio::use_awaitable);
  }
}

httpool::response hello(const httpool::request&) {
  return httpool::response(200, "Hello, World!", "text/plain");
}

/// Runs until all who ask have done so.
class askers {
public:
  explicit askers(asio::io_context& context) : context_(context) {}

  void add(asio::awaitable<void> one) {
    ++left_;
    asio::co_spawn(context_, std::move(one), [this](const std::exception_ptr& failure) {
      if (failure && !failure_)
        failure_ = failure;
      if (--left_ == 0)
        context_.stop();
    });
  }

  void run() {
    context_.run();
    if (failure_)
      std::rethrow_exception(failure_);
  }

private:
  asio::io_context& context_;
  std::size_t left_ = 0;
  std::exception_ptr failure_;
};

} // namespace

int run_gate(const std::vector<std::string>& given) {
  po::options_description flags("httpool_bench gate");
  flags.add_options()("side", po::value<std::string>()->required(),
                      "client, server, or neither: bare on both sides")(
      "connections", po::value<std::size_t>()->default_value(1), "each with one who asks")(
      "exchanges", po::value<std::uint64_t>()->default_value(10'000), "of all together")(
      "metrics", po::value<bool>()->default_value(true), "whether the client measures");
  const po::variables_map values = read(flags, given);
  const auto side = values["side"].as<std::string>();
  const auto connections = at_least<std::size_t>(values, "connections", 1);
  auto left = at_least<std::uint64_t>(values, "exchanges", 1);
  if (side != "client" && side != "server" && side != "neither")
    throw usage_error{"--side must be client, server or neither, not " + side};

  asio::io_context context(1);
  const tcp::endpoint any(asio::ip::address_v4::loopback(), 0);
  std::optional<httpool::server> server;
  tcp::acceptor acceptor(context);
  tcp::endpoint at;
  if (side == "server") {
    server.emplace(context, any, hello);
    at = server->local_endpoint();
  } else {
    acceptor = tcp::acceptor(context, any);
    at = acceptor.local_endpoint();
    asio::co_spawn(context, accept_bare(acceptor), asio::detached);
  }
  askers all(context);
  std::optional<httpool::client> client;
  if (side == "client") {
    httpool::client_options options;
    options.pool.max_connections = connections;
    options.pool.metrics = values["metrics"].as<bool>();
    client.emplace(context, "127.0.0.1", at.port(), options);
  }
  for (std::size_t i = 0; i != connections; ++i)
    all.add(client ? ask(*client, left) : ask_bare(at, left));
  all.run();
  return 0;
}

} // namespace bench
