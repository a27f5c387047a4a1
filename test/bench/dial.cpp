// New connections, one after the other: what a request costs that finds none.

#include "bench/bench.hpp"
#include "bench/flags.hpp"
#include "bench/recorder.hpp"

#include <httpool/connection_pool.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <exception>
#include <iostream>

namespace bench {
namespace {

namespace asio = boost::asio;

/// A lease that ends without a word costs its connection, so that each acquire dials.
asio::awaitable<void> dial(httpool::connection_pool& pool, recorder& figures) {
  for (;;) {
    const auto began = std::chrono::steady_clock::now();
    (co_await pool.async_acquire(asio::use_awaitable)).reset();
    if (!figures.record(began, std::chrono::steady_clock::now()))
      co_return;
  }
}

} // namespace

int run_dial(const std::vector<std::string>& given) {
  po::options_description flags("httpool_bench dial");
  flags.add_options()("host", po::value<std::string>()->default_value("127.0.0.1"),
                      "to dial")("port", po::value<std::uint16_t>()->required(), "to dial")(
      "seconds", po::value<double>()->default_value(3),
      "to measure")("warmup", po::value<double>()->default_value(.5), "seconds before that");
  const po::variables_map values = read(flags, given);
  asio::io_context context(1);
  httpool::connection_pool pool(context, values["host"].as<std::string>(),
                                values["port"].as<std::uint16_t>());
  recorder figures(at_least(values, "warmup", 0.), at_least(values, "seconds", 0.));
  std::exception_ptr failure;
  asio::co_spawn(context, dial(pool, figures), [&](const std::exception_ptr& why) {
    failure = why;
    context.stop();
  });
  context.run();
  if (failure)
    std::rethrow_exception(failure);
  std::cout << figures.row("") << std::endl;
  return 0;
}

} // namespace bench
