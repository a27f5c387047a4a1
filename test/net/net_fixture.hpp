// Loopback peers and callers for tests on real sockets. Nothing here sleeps: a test runs its
// context until what it waits for has happened, and gives up only after a time no machine needs.
#pragma once

#include "net/descriptors.hpp"

#include <httpool/connection_pool.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/address_v4.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/test/unit_test.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace net_test {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;
using httpool_test::descriptors;
using namespace std::chrono_literals;

/// When a test gives up.
inline constexpr auto patience = 60s;

inline std::chrono::steady_clock::time_point now() {
  return std::chrono::steady_clock::now();
}

/// A context that the test's own thread runs.
struct loop {
  asio::io_context context;

  /// Runs the context until `condition` holds; false if it never does.
  template <class Condition>
  bool until(Condition condition) {
    const auto work = asio::make_work_guard(context);
    const auto end = now() + patience;
    while (!condition()) {
      if (now() > end)
        return false;
      context.restart();
      context.run_one_for(20ms);
    }
    return true;
  }

  /// Runs what is ready now.
  void settle() {
    do
      context.restart();
    while (context.poll() > 0);
  }

  /// Whether `run()` returns, because no work is left.
  bool returns() {
    context.restart();
    context.run_for(patience);
    return context.stopped();
  }
};

/// One accepted connection, seen from the server. It reads until the end.
struct peer : std::enable_shared_from_this<peer> {
  explicit peer(tcp::socket accepted) : socket(std::move(accepted)) {}

  void read(bool echo) {
    socket.async_read_some(
        asio::buffer(chunk), [self = shared_from_this(), echo](error_code ec, std::size_t size) {
          if (ec) {
            self->has_ended = true;
            return;
          }
          self->received.append(self->chunk.data(), size);
          if (echo)
            asio::write(self->socket, asio::buffer(self->chunk.data(), size), ec);
          self->read(echo);
        });
  }

  void say(const std::string& text) { asio::write(socket, asio::buffer(text)); }

  void close() { socket.close(); }

  void reset() {
    socket.set_option(tcp::socket::linger(true, 0));
    socket.close();
  }

  tcp::socket socket;
  std::array<char, 512> chunk;
  std::string received;
  bool has_ended = false;
};

/// Accepts whoever comes to a port of the loopback that the system picks.
class server {
public:
  explicit server(asio::io_context& context, bool echo = false)
      : acceptor_(context, tcp::endpoint(asio::ip::address_v4::loopback(), 0)), echo_(echo) {
    endpoint_ = acceptor_.local_endpoint();
    accept();
  }

  server(const server&) = delete;
  server& operator=(const server&) = delete;
  ~server() { stop(); }

  const tcp::endpoint& endpoint() const { return endpoint_; }
  std::size_t accepted() const { return peers_.size(); }
  peer& at(std::size_t index) { return *peers_.at(index); }
  peer& last() { return *peers_.back(); }

  std::size_t open() const {
    std::size_t count = 0;
    for (const auto& p : peers_)
      count += !p->has_ended;
    return count;
  }

  /// Closes the port and all connections.
  void stop() {
    error_code ignored;
    acceptor_.close(ignored);
    for (const auto& p : peers_)
      p->socket.close(ignored);
  }

  /// Listens again, on the same port.
  void start() {
    acceptor_.open(endpoint_.protocol());
    acceptor_.set_option(tcp::acceptor::reuse_address(true));
    acceptor_.bind(endpoint_);
    acceptor_.listen();
    accept();
  }

  std::function<void(peer&)> on_accept; ///< Is called before anything is read.

private:
  void accept() {
    acceptor_.async_accept([this](error_code ec, tcp::socket socket) {
      if (ec)
        return;
      peers_.push_back(std::make_shared<peer>(std::move(socket)));
      if (on_accept)
        on_accept(*peers_.back());
      if (peers_.back()->socket.is_open())
        peers_.back()->read(echo_);
      accept();
    });
  }

  tcp::acceptor acceptor_;
  tcp::endpoint endpoint_;
  bool echo_;
  std::vector<std::shared_ptr<peer>> peers_;
};

/// A port that refuses connections, and is nobody else's.
class refusing_port {
public:
  explicit refusing_port(asio::io_context& context) : socket_(context, tcp::v4()) {
    socket_.bind(tcp::endpoint(asio::ip::address_v4::loopback(), 0));
  }
  tcp::endpoint endpoint() const { return socket_.local_endpoint(); }

private:
  tcp::socket socket_;
};

/// A port that does not answer, for its backlog is full, until it is told to.
class silent_port {
public:
  explicit silent_port(asio::io_context& context) : acceptor_(context, tcp::v4()) {
    acceptor_.bind(tcp::endpoint(asio::ip::address_v4::loopback(), 0));
    acceptor_.listen(0);
    for (int i = 0; i != 4; ++i)
      fillers_.emplace_back(context).async_connect(endpoint(), [](error_code) {});
  }
  tcp::endpoint endpoint() const { return acceptor_.local_endpoint(); }

  /// Accepts all who have come, and who come from now on.
  void answer() {
    answers_ = true;
    acceptor_.async_accept([this](error_code ec, tcp::socket socket) {
      if (ec)
        return;
      accepted_.push_back(std::move(socket));
      answer();
    });
  }
  bool answers() const { return answers_; }

private:
  tcp::acceptor acceptor_;
  std::vector<tcp::socket> fillers_;
  std::vector<tcp::socket> accepted_;
  bool answers_ = false;
};

/// Holds coroutines back until it is opened.
class gate {
public:
  explicit gate(asio::io_context& context, std::size_t let_by = 0)
      : timer_(context, asio::steady_timer::time_point::max()), let_by_(let_by) {}

  asio::awaitable<void> pass() {
    if (++arrived_ <= let_by_ || is_open_)
      co_return;
    try {
      co_await timer_.async_wait(asio::use_awaitable);
    } catch (const boost::system::system_error&) {
      if (!is_open_)
        throw;
    }
  }

  void open() {
    is_open_ = true;
    timer_.cancel();
  }

  std::size_t arrived() const { return arrived_; }

  /// A `prepare` hook that passes this gate.
  auto hook() {
    return [this](tcp::socket&) { return pass(); };
  }

private:
  asio::steady_timer timer_;
  const std::size_t let_by_;
  bool is_open_ = false;
  std::size_t arrived_ = 0;
};

/// What a caller got.
struct outcome {
  bool is_done = false;
  error_code error;
  httpool::lease lease;
  std::size_t order = 0; ///< How many of its pool's callers were done before.
};
using call = std::shared_ptr<outcome>;

/// The handler that fills an outcome in.
inline auto into(call result) {
  return [result = std::move(result)](error_code ec, httpool::lease lease) {
    static std::size_t done = 0;
    BOOST_TEST(!result->is_done);
    result->is_done = true;
    result->error = ec;
    result->lease = std::move(lease);
    result->order = done++;
  };
}

inline call acquire(httpool::connection_pool& pool, httpool::acquire_options options = {}) {
  const auto result = std::make_shared<outcome>();
  pool.async_acquire(options, into(result));
  return result;
}

/// Acquires and waits for the lease.
inline httpool::lease leased(loop& run, httpool::connection_pool& pool) {
  const call result = acquire(pool);
  BOOST_TEST_REQUIRE(run.until([&] { return result->is_done; }));
  BOOST_TEST_REQUIRE(result->error == error_code());
  return std::move(result->lease);
}

/// Acquires and waits for the failure.
inline error_code failed(loop& run, httpool::connection_pool& pool,
                         httpool::acquire_options options = {}) {
  const call result = acquire(pool, options);
  BOOST_TEST_REQUIRE(run.until([&] { return result->is_done; }));
  BOOST_TEST(!result->lease);
  return result->error;
}

inline void give_back(httpool::lease lease) {
  lease.keep_alive(true);
}

/// Makes `count` idle connections.
inline void fill(loop& run, httpool::connection_pool& pool, std::size_t count) {
  std::vector<httpool::lease> leases;
  while (leases.size() != count)
    leases.push_back(leased(run, pool));
  while (!leases.empty()) {
    give_back(std::move(leases.back()));
    leases.pop_back();
  }
}

/// What `pool_stats` promises to hold at every moment.
inline void check_sums(const httpool::pool_stats& s) {
  BOOST_TEST(s.acquires ==
             s.granted + s.timed_out + s.cancelled + s.failed + s.refused + s.waiting);
  BOOST_TEST(s.dials == s.made + s.dials_failed + s.dialing);
  BOOST_TEST(s.made == s.idle + s.leased + s.closed());
}

} // namespace net_test
