#include "faults/scene.hpp"

#include "faults/clocks.hpp"
#include "faults/delaying_proxy.hpp"
#include "faults/name_server.hpp"
#include "faults/recording_server.hpp"
#include "faults/socket_filter.hpp"
#include "net/descriptors.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>

namespace httpool_test::faults {
namespace {

namespace asio = boost::asio;
using clock = tally::clock;
constexpr auto token = asio::as_tuple(asio::use_awaitable);

constexpr std::uint32_t calls_before = 100;
constexpr std::uint32_t calls_after = 200;
constexpr auto patience = 30s;

} // namespace

scene::scene(const fault& what, std::uint64_t seed, shared_state& shared)
    : what_(what), seed_(seed), shared_(shared), context_(1) {}

row scene::run() {
  leap_with(shared_.leap, shared_.wall_timers);
  isolate(what_.needs);
  start_others();
  const std::size_t descriptors_before = descriptors();
  row to;
  {
    const std::uint16_t port = what_.is_behind_proxy ? shared_.proxy_port : shared_.port;
    httpool::client sender(context_, what_.is_by_name ? known_name : "127.0.0.1", port, options());
    traffic load(context_, sender, what_.deadline, seed_);
    load_ = &load;
    asio::co_spawn(context_, direct(sender, load), [this](std::exception_ptr trouble) {
      if (trouble)
        trouble_ = trouble;
    });
    context_.run();
    if (trouble_)
      std::rethrow_exception(trouble_);
    judge_pool(sender.pool().stats());
    judge_calls(to);
    judge_recovery(to);
  }
  const std::size_t descriptors_after = descriptors();
  if (descriptors_after != descriptors_before)
    complain(std::to_string(descriptors_before) + " descriptors became " +
             std::to_string(descriptors_after));
  std::string all;
  for (const std::string& each : problems_)
    all += all.empty() ? each : "; " + each;
  put(all, to.problem);
  return to;
}

asio::awaitable<void> scene::direct(httpool::client& sender, traffic& load) {
  tally& sum = load.sum();
  load.start(callers);
  const auto has_begun_well = [&] { return sum.in_a_row >= calls_before; };
  const bool began_well = co_await load.until(has_begun_well, clock::now() + patience);
  if (!began_well)
    complain("there were failures before the fault");
  try {
    co_await what_.happen(*this);
  } catch (...) {
    trouble_ = std::current_exception();
  }
  ended_ = clock::now();
  const std::uint32_t begun = sum.begun;
  sum.first_answer = {};
  sum.in_a_row = 0;
  // Those that began before may still fail: their answers were lost.
  const auto is_steady = [&] {
    return sum.in_a_row >= calls_after && !load.is_under_way_before(begun);
  };
  const bool recovered = co_await load.until(is_steady, ended_ + patience);
  if (!recovered)
    complain("calls went on failing");
  load.stop();
  const auto has_ended = [&] { return load.callers() == 0; };
  const bool all_ended = co_await load.until(has_ended, clock::now() + patience);
  if (!all_ended)
    complain(std::to_string(load.callers()) + " calls did not end");
  const httpool::pool_stats rest = sender.pool().stats();
  if (rest.leased != 0 || rest.waiting != 0)
    complain("the pool has " + std::to_string(rest.leased) + " leases and " +
             std::to_string(rest.waiting) + " waiters, and nobody calls");
  const auto [ec] = co_await sender.async_drain(std::chrono::nanoseconds(5s), token);
  if (ec)
    complain("the client did not drain");
  co_await server().tell('q');
}

asio::awaitable<void> scene::pause(std::chrono::nanoseconds duration) {
  asio::steady_timer timer(context_, duration);
  co_await timer.async_wait(token);
}

void scene::start_server() {
  server_.emplace(context_, [this](int control) { serve(control, shared_); });
}

void scene::start_others() {
  start_server();
  if (what_.is_behind_proxy)
    proxy_.emplace(context_, [this](int control) { forward_late(control, shared_); });
  if (what_.is_by_name) {
    ask_names_of_loopback();
    names_.emplace(context_, serve_names);
  }
  // Descriptors that the context makes at their first use, and keeps, are there from now on.
  asio::steady_timer(context_, 0s).async_wait([](boost::system::error_code) {});
  asio::ip::tcp::socket(context_, asio::ip::tcp::v4());
  context_.run();
  context_.restart();
}

httpool::client_options scene::options() {
  httpool::client_options options;
  options.exchange_timeout = what_.deadline;
  options.pool.acquire_timeout = what_.deadline;
  options.pool.max_connections = what_.connections;
  options.pool.max_uses = what_.max_uses;
  options.pool.dial_timeout = 500ms;
  options.pool.dial_backoff = 50ms;
  options.pool.max_dial_backoff = 400ms;
  options.pool.prepare = [this](asio::ip::tcp::socket& socket) -> asio::awaitable<void> {
    if (lost_on_new_ != 0)
      lose_segments(socket.native_handle(), lost_on_new_);
    co_return;
  };
  return options;
}

} // namespace httpool_test::faults
