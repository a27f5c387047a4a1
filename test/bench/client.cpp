// Workers, each of which sends one GET after the other through a client that all of a thread share.

#include "bench/bench.hpp"
#include "bench/flags.hpp"
#include "bench/recorder.hpp"

#include <httpool/client.hpp>
#include <httpool/connection_budget.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <deque>
#include <exception>
#include <iostream>
#include <stdexcept>
#include <thread>

namespace bench {
namespace {

namespace asio = boost::asio;

/// A thread's context, its client and its workers.
class lane {
public:
  lane(const load& what, const httpool::client_options& options)
      : client_(context_, what.host, what.port, options), figures_(what.warmup, what.seconds) {}

  void start(std::size_t workers) {
    for (std::size_t i = 0; i != workers; ++i)
      asio::co_spawn(context_, work(), [this](const std::exception_ptr& failure) {
        if (failure && !failure_)
          failure_ = failure;
        context_.stop();
      });
  }

  void run() { context_.run(); }

  const recorder& figures() const {
    if (failure_)
      std::rethrow_exception(failure_);
    return figures_;
  }

  std::uint64_t opened() const {
    std::uint64_t made = 0;
    for (const httpool::origin_stats& each : client_.stats())
      made += each.pool.made;
    return made;
  }

private:
  asio::awaitable<void> work() {
    const httpool::request question;
    httpool::client_response answer;
    auto began = std::chrono::steady_clock::now();
    for (;;) {
      co_await client_.async_send(question, answer, asio::use_awaitable);
      if (answer.status() != 200)
        throw std::runtime_error("the server answered " + std::to_string(answer.status()));
      const auto ended = std::chrono::steady_clock::now();
      if (!figures_.record(began, ended))
        co_return;
      began = ended;
    }
  }

  asio::io_context context_{1};
  httpool::client client_;
  recorder figures_;
  std::exception_ptr failure_;
};

} // namespace

int run_client(const std::vector<std::string>& given) {
  po::options_description flags("httpool_bench client");
  add_load_to(flags);
  flags.add_options()(
      "threads", po::value<std::size_t>()->default_value(1),
      "each with a client and its share of the workers; the limit of connections is "
      "theirs together")("pipeline", po::value<std::size_t>()->default_value(1),
                         "exchanges that may share a connection")("unpooled", po::bool_switch(),
                                                                  "a connection for each request");
  const po::variables_map values = read(flags, given);
  const load wanted = load_of(values);
  const auto threads = at_least<std::size_t>(values, "threads", 1);
  if (wanted.workers < threads || wanted.connections < threads)
    throw usage_error{"each thread needs a worker and a connection"};
  httpool::client_options options;
  options.pool.max_connections = wanted.connections;
  options.pool.max_waiters = wanted.workers;
  options.pool.max_uses = values["unpooled"].as<bool>() ? 1 : 0;
  options.pipeline_depth = at_least<std::size_t>(values, "pipeline", 1);
  if (threads > 1)
    options.pool.budget = std::make_shared<httpool::connection_budget>(wanted.connections);
  std::deque<lane> lanes;
  for (std::size_t i = 0; i != threads; ++i) {
    lane& made = lanes.emplace_back(wanted, options);
    made.start(wanted.workers / threads + (i < wanted.workers % threads ? 1 : 0));
  }
  std::vector<std::jthread> running;
  for (std::size_t i = 1; i != lanes.size(); ++i)
    running.emplace_back([&each = lanes[i]] { each.run(); });
  lanes.front().run();
  running.clear();

  recorder all = lanes.front().figures();
  std::uint64_t opened = lanes.front().opened();
  for (std::size_t i = 1; i != lanes.size(); ++i) {
    all.add(lanes[i].figures());
    opened += lanes[i].opened();
  }
  std::cout << all.row(",\"connections_opened\":" + std::to_string(opened)) << std::endl;
  return 0;
}

} // namespace bench
