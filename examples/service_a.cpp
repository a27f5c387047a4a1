// Calls an HTTP server over a pool of connections, and tells what came of it.

#include "page_server.hpp"
#include "service_a_options.hpp"
#include "service_a_output.hpp"
#include "service_a_report.hpp"
#ifdef SERVICE_A_TLS
#include "service_a_tls.hpp"
#endif

#include <httpool/body_source.hpp>
#include <httpool/client.hpp>
#include <httpool/version.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <csignal>
#include <exception>
#include <iostream>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <unistd.h>

namespace service_a {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;

constexpr const char* page_title = "ServiceA";

httpool::client_options client_options_for(const options& wanted, page_server* page) {
  httpool::client_options chosen;
  if (page)
    chosen.pool.observer = page->inspector().observer(page_title);
  chosen.exchange_timeout = wanted.timeout;
  chosen.pool.acquire_timeout = wanted.timeout;
  chosen.pool.dial_timeout = wanted.timeout;
  chosen.pool.max_connections = wanted.connections;
  chosen.pool.max_waiters = wanted.concurrency;
  chosen.max_total_connections = wanted.connections * wanted.destinations.size();
  // Short enough that a caller outlasts the pause after a failed dial, and finds a server that has
  // come back.
  const std::chrono::nanoseconds timeout = wanted.timeout;
  chosen.pool.dial_backoff = std::min<std::chrono::nanoseconds>(100ms, timeout / 8);
  chosen.pool.max_dial_backoff = std::min<std::chrono::nanoseconds>(1s, timeout / 4);
  chosen.proxies = wanted.proxies;
#ifdef SERVICE_A_TLS
  const auto is_https = [](const destination& to) {
    return to.where.scheme() == httpool::scheme::https;
  };
  auto& proxies = chosen.proxies;
  if (std::any_of(wanted.destinations.begin(), wanted.destinations.end(), is_https) ||
      proxies.http || proxies.https) {
    chosen.pool.tls = make_tls(wanted.tls);
    // Who calls is for the origin to know, and not for the proxy.
    tls_flags to_proxy = wanted.tls;
    to_proxy.cert.clear();
    to_proxy.key.clear();
    const auto tls = wanted.tls.cert.empty() ? chosen.pool.tls : make_tls(to_proxy);
    for (auto* each : {&proxies.http, &proxies.https}) {
      if (*each)
        (*each)->tls(tls);
    }
  }
#endif
  return chosen;
}

void flush_output() {
  if (!std::cout.flush())
    throw std::runtime_error("cannot write to standard output");
}

/// Callers that share one client until all requests have been sent.
class load {
public:
  load(asio::io_context& context, const options& wanted, page_server* page)
      : wanted_(wanted),
        context_(context),
        client_(context, wanted.destinations.front().where, client_options_for(wanted, page)),
        progress_(context) {
    if (page)
      page->inspector().watch(page_title, client_);
    if (wanted.output)
      output_.emplace(context.get_executor(), *wanted.output);
  }

  void start() {
    began_ = clock::now();
    callers_ = std::min(wanted_.concurrency, wanted_.requests);
    for (std::size_t i = 0; i != callers_; ++i)
      asio::co_spawn(client_.get_executor(), caller(), [](std::exception_ptr failure) {
        if (failure)
          std::rethrow_exception(failure); // out of run(), which ends the program
      });
    // Lines and bodies on the same terminal would run into the progress line.
    const bool is_writing = wanted_.json || wanted_.output == "-";
    if (isatty(STDERR_FILENO) && !(is_writing && isatty(STDOUT_FILENO)))
      show_progress(1s);
  }

  /// Says how it ended. True if every request got a response.
  bool report() {
    if (output_)
      output_->flush();
    if (!wanted_.json)
      summary_.print(wanted_.output == "-" ? std::cerr : std::cout, wanted_.urls, ended_ - began_);
    flush_output();
    if (wanted_.stats)
      print_stats();
    return summary_.all_answered();
  }

  /// For those who look at the page.
  void stay() {
    asio::signal_set signals(context_, SIGINT, SIGTERM);
    signals.async_wait([this](boost::system::error_code, int) { client_.close(); });
    context_.restart();
    context_.run();
  }

private:
  asio::awaitable<void> caller() {
    asio::steady_timer pause(client_.get_executor());
    while (next_ != wanted_.requests) {
      result one(next_++);
      const auto sent = clock::now();
      if (output_)
        co_await stream(one);
      else
        co_await send(one);
      one.elapsed = clock::now() - sent;
      tell(one);
      if (wanted_.gap > 0ms && next_ != wanted_.requests) {
        pause.expires_after(wanted_.gap);
        co_await pause.async_wait(asio::use_awaitable);
      }
    }
    if (--callers_ == 0)
      end();
  }

  httpool::request message_of(std::size_t id) const {
    const destination& to = wanted_.destinations[id % wanted_.destinations.size()];
    httpool::request message = wanted_.message;
    message.target(to.pool == 0 ? to.target : to.where.to_string() + to.target);
    if (!to.host.empty() && !message.fields().contains("Host"))
      message.fields().set("Host", to.host);
    message.fields().set("X-Req", std::to_string(id));
    return message;
  }

  httpool::body_source body() const {
    return wanted_.data_file ? httpool::body_source::file(*wanted_.data_file)
                             : httpool::body_source();
  }

  asio::awaitable<void> send(result& one) {
    auto [error, answer] = co_await client_.async_send(
        message_of(one.id), body(), httpool::send_options(), asio::as_tuple(asio::use_awaitable));
    one.error = error;
    one.add_body(answer.body());
    answer.body({});
    one.answer = std::move(answer);
  }

  asio::awaitable<void> stream(result& one) {
    auto [error, answer] = co_await client_.async_open(
        message_of(one.id), body(), httpool::send_options(), asio::as_tuple(asio::use_awaitable));
    one.error = error;
    if (answer && answer.head().status() != 101) // what follows that is no body
      co_await copy_body(answer, one);
    if (!one.error)
      one.answer = answer.head();
    output_->ended(one.id);
  }

  asio::awaitable<void> copy_body(httpool::response_stream& answer, result& one) {
    co_await output_->turn_of(one.id);
    std::vector<char> piece(64 * 1024);
    while (!one.error) {
      const auto [error, size] =
          co_await answer.async_read_some(asio::buffer(piece), asio::as_tuple(asio::use_awaitable));
      output_->write({piece.data(), size});
      one.add_body({piece.data(), size});
      one.error = error;
    }
    if (one.error == asio::error::eof)
      one.error.clear();
  }

  void tell(const result& one) {
    summary_.add(one, wanted_.destinations[one.id % wanted_.destinations.size()].pool);
    if (!wanted_.json)
      return;
    std::cout << to_json(one) << '\n';
    flush_output();
  }

  /// An open pool would keep the context running, which is what `stay` needs.
  void end() {
    ended_ = clock::now();
    stats_ = client_.stats();
    if (wanted_.keep)
      context_.stop();
    else
      client_.close();
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

  /// The client forgets a pool without connections, but for its own origin's.
  void print_stats() const {
    if (wanted_.pools == 1)
      return print(std::cerr, stats_.front().pool);
    for (std::size_t i = 0, pool = 0; pool != wanted_.pools; ++i) {
      const destination& to = wanted_.destinations[i];
      if (to.pool != pool)
        continue;
      ++pool;
      const auto found = std::find_if(stats_.begin(), stats_.end(),
                                      [&](const auto& one) { return one.origin == to.where; });
      if (found != stats_.end())
        print(std::cerr, found->pool, to.where.to_string());
      else
        std::cerr << "pool statistics of " << to.where.to_string()
                  << "\n  none: there is no pool for it now\n";
    }
  }

  const options& wanted_;
  asio::io_context& context_;
  httpool::client client_;
  std::optional<body_output> output_;
  asio::steady_timer progress_;
  summary summary_;
  std::vector<httpool::origin_stats> stats_;
  clock::time_point began_;
  clock::time_point ended_;
  std::size_t next_ = 0;
  std::size_t callers_ = 0;
  bool is_showing_ = false;
};

int run(int argc, const char* const* argv) {
  const options wanted = parse(argc, argv);
  if (wanted.help || wanted.version) {
    if (wanted.help)
      std::cout << usage();
    else
      std::cout << "httpool " << httpool::version() << '\n';
    flush_output();
    return 0;
  }
  asio::io_context context(1);
  std::optional<page_server> page;
  if (wanted.page) {
    page.emplace(wanted.page->address(), wanted.page->port());
    std::cerr << "service_a: the page is at " << page->url() << '\n';
  }
  load all(context, wanted, page ? &*page : nullptr);
  all.start();
  context.run();
  const bool are_all_answered = all.report();
  if (wanted.keep)
    all.stay();
  return are_all_answered ? 0 : 1;
}

/// One line, whatever the arguments held, and one that says how it is done.
int refuse(std::string why) {
  std::replace_if(
      why.begin(), why.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; }, '?');
  std::cerr << "service_a: " << why << '\n' << usage_line << "; --help lists the options\n";
  return 2;
}

} // namespace
} // namespace service_a

int main(int argc, char** argv) {
  try {
    return service_a::run(argc, argv);
  } catch (const service_a::usage_error& e) {
    return service_a::refuse(e.what());
  } catch (const std::exception& e) {
    std::cerr << "service_a: " << e.what() << '\n';
    return 1;
  }
}
