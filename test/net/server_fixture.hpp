// A server on a thread of its own, and a client that sends exactly what a test says.
#pragma once

#include "http1/body_decoder.hpp"
#include "http1/framing.hpp"
#include "http1/head_parser.hpp"
#include "net/descriptors.hpp"

#include <httpool/server.hpp>

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/socket_base.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/asio/write.hpp>
#include <boost/test/unit_test.hpp>

#include <chrono>
#include <future>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

namespace server_test {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;
using httpool_test::descriptors;
using namespace std::chrono_literals;

inline tcp::endpoint any_port() {
  return {asio::ip::address_v4::loopback(), 0};
}

// Waits for something that is sure to happen; the test's own time limit is the only one.
template <class Condition>
void until(Condition&& condition) {
  while (!condition())
    std::this_thread::yield();
}

class live_server {
public:
  explicit live_server(httpool::server_handler handler, httpool::server_options options = {})
      : server_(context_, any_port(), std::move(handler), std::move(options)),
        thread_([this] { context_.run(); }) {}

  // Closing has to end run(): nothing may be left that keeps it going.
  ~live_server() {
    server_.close();
    thread_.join();
  }

  httpool::server& operator*() { return server_; }
  httpool::server* operator->() { return &server_; }
  tcp::endpoint endpoint() const { return server_.local_endpoint(); }

  // Comes back once its thread has done what is ready now and what that makes ready, or has ended.
  void settle() {
    for (int turn = 0; turn < 2; ++turn) {
      const std::future<void> done = asio::post(context_, asio::use_future);
      until([&] { return done.wait_for(0s) == std::future_status::ready || context_.stopped(); });
    }
  }

private:
  asio::io_context context_{1};
  httpool::server server_;
  std::thread thread_;
};

// How a stop ended, for a test that does not run on the server's thread.
inline std::future<error_code> stop(live_server& server) {
  std::promise<error_code> ended;
  std::future<error_code> result = ended.get_future();
  server->async_stop([ended = std::move(ended)](error_code ec) mutable { ended.set_value(ec); });
  return result;
}

// What a client makes of the bytes that come, however they are transported.
class receiver {
public:
  // The next response, or none if the connection ends before one has begun. The test fails if it
  // ends in the middle of one.
  std::optional<httpool::response> receive(std::string_view method = "GET") {
    httpool::response message;
    httpool::http1::response_parser parser;
    while (parser.parse(in_, message) != httpool::http1::progress::done) {
      if (parser.trouble() != httpool::http1::problem::none) {
        BOOST_ERROR("not a response: " << in_);
        return std::nullopt;
      }
      if (!read_some()) {
        BOOST_TEST(in_.empty(), "a response was cut off: " << in_);
        return std::nullopt;
      }
    }
    in_.erase(0, parser.size());
    httpool::http1::response_framing how;
    BOOST_TEST((httpool::http1::frame(message, method, how) == httpool::http1::problem::none));
    httpool::http1::body_decoder decoder;
    decoder.start(how.body, ~std::uint64_t{0});
    while (true) {
      in_.erase(0, decoder.decode(in_, message.body(), message.trailers()));
      BOOST_TEST((decoder.trouble() == httpool::http1::problem::none));
      if (decoder.done() || decoder.trouble() != httpool::http1::problem::none)
        return message;
      if (!read_some()) {
        BOOST_ERROR("a body was cut off");
        return std::nullopt;
      }
    }
  }

  httpool::response get(std::string_view target) {
    send(std::string("GET ").append(target).append(" HTTP/1.1\r\nHost: a\r\n\r\n"));
    auto message = receive();
    BOOST_REQUIRE(message.has_value());
    return std::move(*message);
  }

  // False if the server has reset the connection.
  virtual bool send(std::string_view text) = 0;

  // Takes in at most so much, for receive() to look at later.
  bool read_some(std::size_t most = 65536) {
    std::string bytes(most, ' ');
    bytes.resize(read(asio::buffer(bytes), end_));
    in_ += bytes;
    return !end_;
  }

  // Whether the server has closed, without a reset and without sending anything else.
  bool at_end() {
    const bool more = read_some();
    return !more && in_.empty() && end_ == asio::error::eof;
  }

  bool was_reset() const { return end_ == asio::error::connection_reset; }

  // How it has ended.
  error_code end() const { return end_; }

protected:
  ~receiver() = default;

private:
  virtual std::size_t read(asio::mutable_buffer to, error_code& ec) = 0;

  std::string in_;
  error_code end_;
};

class client final : public receiver {
public:
  explicit client(const tcp::endpoint& to) : socket_(context_) { socket_.connect(to); }
  explicit client(const live_server& to) : client(to.endpoint()) {}

  // One whose system takes in hardly more than what the test has read.
  client(const live_server& to, asio::socket_base::receive_buffer_size window) : socket_(context_) {
    socket_.open(tcp::v4());
    socket_.set_option(window);
    socket_.connect(to.endpoint());
  }

  tcp::socket& socket() { return socket_; }

  bool send(std::string_view text) override {
    error_code ec;
    asio::write(socket_, asio::buffer(text), ec);
    return !ec;
  }

  // False if the server has reset the connection.
  bool half_close() {
    error_code ec;
    socket_.shutdown(tcp::socket::shutdown_send, ec);
    return !ec;
  }

private:
  std::size_t read(asio::mutable_buffer to, error_code& ec) override {
    return socket_.read_some(to, ec);
  }

  asio::io_context context_;
  tcp::socket socket_;
};

} // namespace server_test
