#include "server/core.hpp"

#include <httpool/server.hpp>
#include <httpool/server_threads.hpp>

#include <boost/asio/io_context.hpp>

#include <future>
#include <mutex>
#include <new>
#include <stdexcept>
#include <thread>
#include <vector>

namespace httpool {

class server_threads::impl {
public:
  impl(std::size_t threads, boost::asio::ip::tcp::endpoint at, server_handler handler,
       server_options options) {
    if (threads == 0)
      throw std::invalid_argument("server_threads: threads must not be 0");
    const auto places = std::make_shared<detail::quota>(options.max_connections);
    for (std::size_t i = 0; i < threads; ++i) {
      options.reuse_port = i > 0;
      contexts_.push_back(std::make_unique<boost::asio::io_context>(1));
      auto core = std::make_shared<detail::server_core>(contexts_.back()->get_executor(), at,
                                                        handler, options, places);
      // The first has the port for itself, or fails if anyone listens there; only then it shares.
      if (i == 0 && threads > 1)
        core->share_port();
      at = core->local_endpoint();
      servers_.push_back(std::unique_ptr<server>(new server(std::move(core))));
    }
    try {
      for (const auto& context : contexts_)
        threads_.emplace_back([&context] { context->run(); });
    } catch (...) {
      end_threads();
      throw;
    }
  }

  ~impl() { end_threads(); }

  boost::asio::ip::tcp::endpoint local_endpoint() const {
    return servers_.front()->local_endpoint();
  }

  server_stats stats() const {
    server_stats sum = servers_.front()->stats();
    for (std::size_t i = 1; i < servers_.size(); ++i) {
      const server_stats each = servers_[i]->stats();
      sum.accepted += each.accepted;
      sum.requests += each.requests;
      sum.refused += each.refused;
      sum.timed_out += each.timed_out;
      sum.handler_failures += each.handler_failures;
      sum.writes += each.writes;
      sum.accept_pauses += each.accept_pauses;
    }
    return sum;
  }

  void close_connection(std::uint64_t id) {
    for (const auto& each : servers_)
      each->close_connection(id);
  }

  bool stop() {
    const std::lock_guard lock(stopping_);
    if (threads_.empty())
      return is_clean_;
    std::vector<std::promise<bool>> stopped; // outlives the threads, which set it
    try {
      stopped.resize(servers_.size());
      for (std::size_t i = 0; i < servers_.size(); ++i)
        servers_[i]->async_stop(
            [&done = stopped[i]](boost::system::error_code ec) { done.set_value(!ec); });
      for (std::promise<bool>& each : stopped)
        is_clean_ = each.get_future().get() && is_clean_;
      end_threads();
    } catch (const std::bad_alloc&) {
      is_clean_ = false;
      end_threads();
      for (const auto& each : servers_)
        each->core_->close_now();
    }
    return is_clean_;
  }

private:
  // Not to depend on handlers that do not heed their cancellation.
  void end_threads() {
    for (const auto& context : contexts_)
      context->stop();
    for (std::thread& each : threads_)
      each.join();
    threads_.clear();
  }

  std::vector<std::unique_ptr<boost::asio::io_context>> contexts_;
  std::vector<std::unique_ptr<server>> servers_;
  std::vector<std::thread> threads_;
  bool is_clean_ = true; // everything was answered when it stopped
  std::mutex stopping_;  // held by who stops: another one waits, and finds it done
};

server_threads::server_threads(std::size_t threads, const boost::asio::ip::tcp::endpoint& at,
                               server_handler handler, server_options options)
    : impl_(std::make_unique<impl>(threads, at, std::move(handler), std::move(options))) {}

server_threads::~server_threads() = default;

boost::asio::ip::tcp::endpoint server_threads::local_endpoint() const {
  return impl_->local_endpoint();
}

server_stats server_threads::stats() const {
  return impl_->stats();
}

void server_threads::close_connection(std::uint64_t id) {
  impl_->close_connection(id);
}

bool server_threads::stop() {
  return impl_->stop();
}

} // namespace httpool
