// A real pool whose connections exist already, for those who measure what is done with them.
#pragma once

#include "tls/secure_stream.hpp"

#include <httpool/connection_pool.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_future.hpp>

#include <cstddef>
#include <future>
#include <vector>

namespace bench {

/// Stands for a connection that is quiet, and costs nothing to look at.
class quiet_stream final : public httpool::detail::secure_stream {
  using error_code = boost::system::error_code;

public:
  boost::asio::awaitable<void> handshake() override { co_return; }
  void read_some(boost::asio::mutable_buffer, httpool::detail::io_handler) override {}
  void write_some(const boost::asio::const_buffer*, std::size_t,
                  httpool::detail::io_handler) override {}
  std::size_t read_now(boost::asio::mutable_buffer, error_code& ec) noexcept override {
    ec = boost::asio::error::would_block;
    return 0;
  }
  bool has_failed() const noexcept override { return false; }
  bool has_unread() noexcept override { return false; }
  bool is_quiet() noexcept override { return true; }
  std::size_t write_now(const boost::asio::const_buffer*, std::size_t, error_code& ec) override {
    ec = boost::asio::error::would_block;
    return 0;
  }
  bool has_unsent() const noexcept override { return false; }
  void flush(httpool::detail::io_handler) override {}
  void say_end() noexcept override {}
  void give_back_memory() noexcept override {}
  ssl_st* native_handle() noexcept override { return nullptr; }
};

inline httpool::pool_options sized(std::size_t connections) {
  httpool::pool_options options;
  options.max_connections = connections;
  options.max_waiters = 1'000'000;
  return options;
}

/// A pool whose connections lead to a listener of this process. Looking at them before they are
/// handed out is a system call each, unless it `peeks` not: then a `quiet_stream` is looked at.
class ready_pool {
public:
  ready_pool(std::size_t connections, bool peeks)
      : pool(context, "127.0.0.1", listener_.local_endpoint().port(), sized(connections)) {
    std::vector<std::future<httpool::lease>> dialed;
    for (std::size_t i = 0; i != connections; ++i)
      dialed.push_back(pool.async_acquire(boost::asio::use_future));
    while (pool.stats().leased != connections)
      context.run_one();
    context.poll();
    for (std::future<httpool::lease>& each : dialed) {
      httpool::lease made = each.get();
      if (!peeks)
        httpool::detail::stream_access::encrypt(
            made.stream(), httpool::detail::secure_stream_pointer(new quiet_stream));
      made.keep_alive(true);
    }
    context.restart();
  }

  boost::asio::io_context context{1};

private:
  boost::asio::ip::tcp::acceptor listener_{context, {boost::asio::ip::address_v4::loopback(), 0}};

public:
  httpool::connection_pool pool;
};

} // namespace bench
