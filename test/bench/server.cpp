// What idle connections cost in memory beyond the kernel's: a server's, and a pool's.

#include "bench/bench.hpp"

#include <httpool/connection_pool.hpp>
#include <httpool/server.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <array>
#include <cerrno>
#include <iostream>
#include <string_view>
#include <system_error>
#include <vector>

#include <malloc.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

namespace bench {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

std::size_t bytes_in_use() noexcept {
  const struct mallinfo2 figures = mallinfo2();
  return figures.uordblks + figures.hblkhd;
}

void check(bool is_good, const char* what) {
  if (!is_good)
    throw std::system_error(errno, std::system_category(), what);
}

void allow_descriptors(std::size_t count) {
  rlimit limit{};
  check(getrlimit(RLIMIT_NOFILE, &limit) == 0, "getrlimit");
  limit.rlim_cur = std::max<rlim_t>(limit.rlim_cur, count);
  limit.rlim_max = std::max(limit.rlim_max, limit.rlim_cur); // which takes privileges
  check(setrlimit(RLIMIT_NOFILE, &limit) == 0, "more descriptors");
}

/// Clients that are no more than descriptors, so that all memory is the server's.
class bare_clients {
public:
  explicit bare_clients(std::size_t count) { descriptors_.reserve(count); }
  bare_clients(const bare_clients&) = delete;
  bare_clients& operator=(const bare_clients&) = delete;
  ~bare_clients() {
    for (const int each : descriptors_)
      ::close(each);
  }

  void connect(const tcp::endpoint& to) {
    const int descriptor = ::socket(AF_INET, SOCK_STREAM, 0);
    check(descriptor >= 0, "socket");
    descriptors_.push_back(descriptor);
    check(::connect(descriptor, to.data(), static_cast<socklen_t>(to.size())) == 0, "connect");
  }

  void ask() {
    constexpr std::string_view question = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    check(::send(descriptors_.back(), question.data(), question.size(), MSG_NOSIGNAL) ==
              static_cast<ssize_t>(question.size()),
          "send");
  }

  bool is_answered() {
    std::array<char, 1024> answer{};
    return ::recv(descriptors_.back(), answer.data(), answer.size(), MSG_DONTWAIT) > 0;
  }

private:
  std::vector<int> descriptors_;
};

void tell(const char* what, std::size_t connections, std::size_t bytes) {
  std::cout << R"({"case":")" << what << R"(","connections":)" << connections
            << R"(,"bytes_per_connection":)" << bytes / connections << '}' << std::endl;
}

httpool::response hello(const httpool::request&) {
  httpool::response answer(200);
  answer.body("Hello, World!");
  return answer;
}

/// Connections of a server that have each been answered once.
void measure_server(std::size_t idle) {
  asio::io_context context(1);
  httpool::server_options options;
  options.max_connections = idle + 1;
  options.idle_timeout = std::chrono::hours(1);
  const httpool::server server(context, tcp::endpoint(asio::ip::address_v4::loopback(), 0), hello,
                               options);
  bare_clients clients(idle + 1);
  const auto add_one = [&] {
    clients.connect(server.local_endpoint());
    clients.ask();
    while (!clients.is_answered())
      context.poll();
    context.poll();
  };
  add_one();
  const std::size_t before = bytes_in_use();
  for (std::size_t i = 0; i != idle; ++i)
    add_one();
  tell("server", idle, bytes_in_use() - before);
}

/// Connections of a pool that have not served yet.
void measure_pool(std::size_t idle) {
  asio::io_context context(1);
  tcp::acceptor listener(context, {asio::ip::address_v4::loopback(), 0});
  listener.listen(static_cast<int>(idle + 1));
  httpool::pool_options options;
  options.max_connections = options.max_dials = idle + 1;
  options.min_idle = 1;
  httpool::connection_pool pool(context, "127.0.0.1", listener.local_endpoint().port(), options);
  const auto fill = [&](std::size_t count) {
    pool.prewarm(count);
    while (pool.stats().idle < count)
      context.run_one();
  };
  fill(1);
  const std::size_t before = bytes_in_use();
  fill(idle + 1);
  tell("pool", idle, bytes_in_use() - before);
}

} // namespace

int run_server(const std::vector<std::string>& given) {
  po::options_description flags("httpool_bench server");
  flags.add_options()("idle", po::value<std::size_t>()->default_value(10'000), "connections");
  const po::variables_map values = read(flags, given);
  const auto idle = at_least<std::size_t>(values, "idle", 1);
  allow_descriptors(2 * idle + 100);
  measure_server(idle);
  measure_pool(std::min<std::size_t>(idle, 4000)); // what a listener's queue holds
  return 0;
}

} // namespace bench
