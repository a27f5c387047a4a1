// Calls an HTTP server over a pool of connections, and tells what came of it.

#include "service_a_options.hpp"
#include "service_a_report.hpp"

#include <httpool/client.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <exception>
#include <iostream>
#include <stdexcept>
#include <string>
#include <utility>

#include <unistd.h>

namespace service_a {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;

httpool::client_options client_options_for(const options& wanted) {
  httpool::client_options chosen;
  chosen.exchange_timeout = wanted.timeout;
  chosen.pool.acquire_timeout = wanted.timeout;
  chosen.pool.dial_timeout = wanted.timeout;
  chosen.pool.max_connections = wanted.connections;
  chosen.pool.max_waiters = wanted.concurrency;
  // Short enough that a caller outlasts the pause after a failed dial, and finds a server that has
  // come back.
  const std::chrono::nanoseconds timeout = wanted.timeout;
  chosen.pool.dial_backoff = std::min<std::chrono::nanoseconds>(100ms, timeout / 8);
  chosen.pool.max_dial_backoff = std::min<std::chrono::nanoseconds>(1s, timeout / 4);
  return chosen;
}

void flush_output() {
  if (!std::cout.flush())
    throw std::runtime_error("cannot write to standard output");
}

/// Callers that share one client until all requests have been sent.
class load {
public:
  load(asio::io_context& context, const options& wanted)
      : wanted_(wanted),
        client_(context, wanted.host, wanted.port, client_options_for(wanted)),
        progress_(context) {}

  void start() {
    began_ = clock::now();
    callers_ = std::min(wanted_.concurrency, wanted_.requests);
    for (std::size_t i = 0; i != callers_; ++i)
      asio::co_spawn(client_.get_executor(), caller(), [](std::exception_ptr failure) {
        if (failure)
          std::rethrow_exception(failure); // out of run(), which ends the program
      });
    // JSON lines on the same terminal would run into the progress line.
    if (isatty(STDERR_FILENO) && !(wanted_.json && isatty(STDOUT_FILENO)))
      show_progress(1s);
  }

  /// Says how it ended. True if every request got a response.
  bool report() {
    if (!wanted_.json)
      summary_.print(std::cout, wanted_.url, ended_ - began_);
    flush_output();
    if (wanted_.stats)
      print(std::cerr, stats_);
    return summary_.all_answered();
  }

private:
  asio::awaitable<void> caller() {
    asio::steady_timer pause(client_.get_executor());
    while (next_ != wanted_.requests) {
      const std::size_t id = next_++;
      httpool::request message = wanted_.message;
      message.fields().set("X-Req", std::to_string(id));
      const auto sent = clock::now();
      const auto [error, answer] =
          co_await client_.async_send(std::move(message), asio::as_tuple(asio::use_awaitable));
      tell(result{id, error, answer, clock::now() - sent});
      if (wanted_.gap > 0ms && next_ != wanted_.requests) {
        pause.expires_after(wanted_.gap);
        co_await pause.async_wait(asio::use_awaitable);
      }
    }
    if (--callers_ == 0)
      end();
  }

  void tell(const result& one) {
    summary_.add(one);
    if (!wanted_.json)
      return;
    std::cout << to_json(one) << '\n';
    flush_output();
  }

  /// An open pool would keep the context running.
  void end() {
    ended_ = clock::now();
    stats_ = client_.pool().stats();
    client_.pool().close();
    progress_.cancel();
    if (is_showing_)
      std::cerr << "\r\x1b[K";
  }

  void show_progress(clock::duration after) {
    progress_.expires_after(after);
    progress_.async_wait([this](boost::system::error_code ec) {
      if (ec || callers_ == 0)
        return;
      is_showing_ = true;
      std::cerr << '\r' << summary_.done() << " of " << wanted_.requests << " requests";
      show_progress(200ms);
    });
  }

  const options& wanted_;
  httpool::client client_;
  asio::steady_timer progress_;
  summary summary_;
  httpool::pool_stats stats_;
  clock::time_point began_;
  clock::time_point ended_;
  std::size_t next_ = 0;
  std::size_t callers_ = 0;
  bool is_showing_ = false;
};

int run(int argc, const char* const* argv) {
  const options wanted = parse(argc, argv);
  if (wanted.help) {
    std::cout << usage();
    flush_output();
    return 0;
  }
  asio::io_context context(1);
  load all(context, wanted);
  all.start();
  context.run();
  return all.report() ? 0 : 1;
}

/// One line, whatever the arguments held.
int refuse(std::string why) {
  std::replace_if(
      why.begin(), why.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; }, '?');
  std::cerr << "service_a: " << why << '\n' << usage();
  return 2;
}

} // namespace
} // namespace service_a

int main(int argc, char** argv) {
  try {
    return service_a::run(argc, argv);
  } catch (const service_a::usage_error& e) {
    return service_a::refuse(e.what());
  } catch (const std::invalid_argument& e) { // the client's, of a host that cannot be one
    return service_a::refuse(e.what());
  } catch (const std::exception& e) {
    std::cerr << "service_a: " << e.what() << '\n';
    return 1;
  }
}
