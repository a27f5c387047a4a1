#include "live.hpp"

#include "calls.hpp"
#include "page_server.hpp"
#include "service_b_routes.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/address_v4.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <atomic>
#include <exception>
#include <iostream>
#include <thread>

namespace demo {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;

httpool::inspector* page = nullptr; // set before there are other threads
std::string title;

std::string name_of(const std::string& which) {
  return which.empty() ? title : title + " – " + which;
}

// Callers that have never enough: something to look at between the scenarios.
class steady_load {
public:
  explicit steady_load(httpool::inspector& on)
      : server_(1, {asio::ip::address_v4::loopback(), 0}, service_b::route, {}),
        client_(threads_, "127.0.0.1", server_.local_endpoint().port(), options(on)) {
    on.watch("Steady load", client_);
    for (std::size_t i = 0; i != 14; ++i)
      asio::co_spawn(threads_, caller(i), asio::detached);
  }

  steady_load(const steady_load&) = delete;
  steady_load& operator=(const steady_load&) = delete;

  ~steady_load() {
    client_.close();
    threads_.stop(); // callers that make a pause
    threads_.join();
  }

private:
  static httpool::client_options options(httpool::inspector& on) {
    httpool::client_options chosen;
    chosen.pool.max_connections = 8;
    chosen.pool.max_uses = 60;
    chosen.pool.idle_timeout = 5s;
    chosen.probe_path = "/healthz";
    chosen.pool.probe.interval = 2s;
    chosen.pool.observer = on.observer("Steady load");
    return chosen;
  }

  // Now busy, now not.
  asio::awaitable<void> caller(std::size_t number) {
    asio::steady_timer pause(threads_);
    for (std::uint64_t i = number * 131;; i = i * 31 + 7) {
      const answer got = co_await get(client_, "/delay/" + std::to_string(i % 97 * i % 11 * 90));
      if (got.error)
        co_return;
      pause.expires_after(std::chrono::milliseconds(i % 13 == 0 ? 6000 : i % 5 * 40));
      co_await pause.async_wait(asio::use_awaitable);
    }
  }

  httpool::server_threads server_;
  asio::thread_pool threads_{1};
  httpool::client client_;
};

} // namespace

void serve(std::uint16_t port,
           const std::function<void(const std::function<bool()>& goes_on)>& round) {
  asio::io_context context(1);
  asio::signal_set signals(context, SIGINT, SIGTERM);
  page_server shown(asio::ip::address_v4::loopback(), port);
  page = &shown.inspector();
  const steady_load load(*page);
  std::cout << "the page is at " << shown.url() << '\n' << std::flush;

  std::atomic<bool> is_over = false;
  std::exception_ptr failure;
  std::thread scenarios([&] {
    try {
      while (!is_over)
        round([&] { return !is_over; });
    } catch (...) {
      failure = std::current_exception();
      context.stop();
    }
  });
  signals.async_wait([&](boost::system::error_code, int) { context.stop(); });
  context.run();
  signals.clear(); // a second signal ends the program at once
  is_over = true;
  scenarios.join();
  page = nullptr;
  if (failure)
    std::rethrow_exception(failure);
}

void call_pools(std::string_view next) {
  title = next;
}

shown::shown(const httpool::connection_pool& pool) {
  if (page)
    page->watch(title, pool);
}

shown::shown(const httpool::client& client, const std::string& which) {
  if (page)
    page->watch(name_of(which), client);
}

shown::~shown() {
  if (page)
    page->sample();
}

std::shared_ptr<httpool::pool_observer> page_observer(const std::string& which) {
  return page ? page->observer(name_of(which)) : nullptr;
}

} // namespace demo
