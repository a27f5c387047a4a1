// What idle connections cost in memory beyond the kernel's: a server's, a client's, a pool's, just
// after their last use and once they have cooled. The other ends belong to a process of their own,
// so that each may have as many as descriptors allow, and all memory that is counted is ours.

#include "bench/bare_peer.hpp"
#include "bench/bench.hpp"
#include "bench/flags.hpp"

#include <httpool/client.hpp>
#include <httpool/connection_pool.hpp>
#include <httpool/server.hpp>
#include <httpool/tls_client.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <algorithm>
#include <chrono>
#include <iostream>
#include <stdexcept>
#include <string>

#include <malloc.h>
#include <sys/resource.h>

namespace bench {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

std::size_t bytes_in_use() noexcept {
  const struct mallinfo2 figures = mallinfo2();
  return figures.uordblks + figures.hblkhd;
}

void allow_descriptors(std::size_t count) {
  rlimit limit{};
  check(getrlimit(RLIMIT_NOFILE, &limit) == 0, "getrlimit");
  if (limit.rlim_cur >= count)
    return;
  limit.rlim_cur = count;
  limit.rlim_max = std::max(limit.rlim_max, limit.rlim_cur); // which takes privileges
  check(setrlimit(RLIMIT_NOFILE, &limit) == 0, "more descriptors");
}

httpool::response hello(const httpool::request&) {
  return httpool::response(200, "Hello, World!", "text/plain");
}

httpool::pool_options sized_for(std::size_t idle) {
  httpool::pool_options options;
  options.max_connections = options.max_dials = options.max_waiters = idle;
  options.acquire_timeout = options.idle_timeout = std::chrono::hours(1);
  return options;
}

struct figures {
  std::size_t just_used = 0;
  std::size_t idle = 0;
};

/// What there is more of than `before`, now and after the time in which a connection gives back
/// what it keeps only for the next use.
figures measure(asio::io_context& context, std::size_t before) {
  figures result;
  result.just_used = bytes_in_use() - before;
  context.restart();
  context.run_for(std::chrono::seconds(1));
  result.idle = bytes_in_use() - before;
  return result;
}

/// Connections of a server, each of which has been answered once.
figures measure_server(std::size_t idle) {
  bare_peer clients(&ask_each);
  asio::io_context context(1);
  httpool::server_options options;
  options.max_connections = idle;
  options.idle_timeout = std::chrono::hours(1);
  const httpool::server server(context, tcp::endpoint(asio::ip::address_v4::loopback(), 0), hello,
                               options);
  const auto fill = [&](std::size_t count) {
    clients.begin({.port = server.local_endpoint().port(), .connections = count});
    while (!clients.is_done())
      context.poll();
    context.poll();
  };
  fill(1);
  const std::size_t before = bytes_in_use();
  fill(idle);
  return measure(context, before);
}

/// Connections of a client, each of which has served once.
figures measure_client(std::size_t idle) {
  bare_peer server(&answer_each);
  asio::io_context context(1);
  httpool::client_options options;
  options.pool = sized_for(idle);
  httpool::client client(context, "127.0.0.1", server.port(), options);
  const auto fill = [&](std::size_t count) {
    server.begin({.port = 0, .connections = count});
    std::size_t answered = 0;
    for (std::size_t i = 0; i != count; ++i)
      client.async_send(httpool::request(),
                        [&](boost::system::error_code ec, const httpool::client_response&) {
                          if (ec)
                            throw boost::system::system_error(ec, "an exchange");
                          ++answered;
                        });
    while (answered != count)
      context.run_one();
    while (!server.is_done())
      context.poll();
    if (client.stats().front().pool.idle != count)
      throw std::runtime_error("not every connection is idle");
  };
  fill(1);
  const std::size_t before = bytes_in_use();
  fill(idle);
  return measure(context, before);
}

#ifdef BENCH_TLS
/// The same over TLS, with a server that listens there.
figures measure_tls_client(std::size_t idle, std::uint16_t port) {
  asio::io_context context(1);
  httpool::tls_options trust;
  trust.verify_peer = false;
  httpool::client_options options;
  options.pool = sized_for(idle);
  options.pool.tls = httpool::tls_client::create(trust);
  httpool::client client(context, {httpool::scheme::https, "127.0.0.1", port}, options);
  const auto fill = [&](std::size_t count) {
    for (std::size_t i = 0; i != count; ++i)
      client.async_send(httpool::request(),
                        [](boost::system::error_code ec, const httpool::client_response&) {
                          if (ec)
                            throw boost::system::system_error(ec, "an exchange over TLS");
                        });
    while (client.stats().front().pool.idle != count)
      context.run_one();
  };
  fill(1);
  const std::size_t before = bytes_in_use();
  fill(idle);
  return measure(context, before);
}
#endif

/// Connections of a pool that have not served yet.
figures measure_pool(std::size_t idle) {
  bare_peer server(&accept_each);
  asio::io_context context(1);
  httpool::pool_options options = sized_for(idle);
  options.min_idle = 1;
  httpool::connection_pool pool(context, "127.0.0.1", server.port(), options);
  server.begin({.port = 0, .connections = idle});
  const auto fill = [&](std::size_t count) {
    pool.prewarm(count);
    while (pool.stats().idle < count)
      context.run_one();
  };
  fill(1);
  const std::size_t before = bytes_in_use();
  fill(idle);
  return measure(context, before);
}

} // namespace

int run_memory(const std::vector<std::string>& given) {
  po::options_description flags("httpool_bench memory");
  flags.add_options()("connections", po::value<std::size_t>()->default_value(10'000),
                      "that are idle")("most", po::value<std::size_t>()->default_value(0),
                                       "bytes of an idle connection; more fail, unless it is 0");
#ifdef BENCH_TLS
  flags.add_options()("tls-port", po::value<std::uint16_t>(),
                      "of a TLS server here: a client's connections to it, too, a tenth as many");
#endif
  const po::variables_map values = read(flags, given);
  const auto idle = at_least<std::size_t>(values, "connections", 2);
  const auto most = at_least<std::size_t>(values, "most", 0);
  allow_descriptors(idle + 100);
  bool is_good = true;
  const auto tell = [&](const std::string& what, std::size_t count, const figures& bytes) {
    const auto line = [&](const std::string& name, std::size_t each) {
      std::cout << R"({"case":")" << name << R"(","connections":)" << count
                << R"(,"bytes_per_connection":)" << each << '}' << std::endl;
    };
    const std::size_t counted = count - 1; // the first one was there before
    line(what + "_just_used", bytes.just_used / counted);
    line(what, bytes.idle / counted);
    return bytes.idle / counted;
  };
  for (const auto& [what, bytes] :
       {std::pair("server", measure_server(idle)), std::pair("client", measure_client(idle)),
        std::pair("pool", measure_pool(idle))})
    is_good = (tell(what, idle, bytes) <= most || most == 0) && is_good;
#ifdef BENCH_TLS
  if (const auto& port = values["tls-port"]; !port.empty()) {
    const std::size_t count = std::max<std::size_t>(idle / 10, 2);
    tell("client_tls", count, measure_tls_client(count, port.as<std::uint16_t>()));
  }
#endif
  if (!is_good)
    std::cerr << "httpool_bench: more than " << most << " bytes a connection" << std::endl;
  return is_good ? 0 : 1;
}

} // namespace bench
