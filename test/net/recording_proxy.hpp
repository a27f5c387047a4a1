// A proxy and an origin that remember every byte that they are told.
#pragma once

#include "tls/secure_stream.hpp"

#include <httpool/stream.hpp>
#include <httpool/tls_server.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace proxy_test {

namespace asio = boost::asio;
using asio::ip::tcp;
using tls_pointer = std::shared_ptr<httpool::tls_server>;

inline const tcp::endpoint any_port(asio::ip::address_v4::loopback(), 0);

/// A connection with its stream, encrypted if `tls` is given.
struct line {
  explicit line(tcp::socket accepted) : socket(std::move(accepted)) {}

  asio::awaitable<void> secure(tls_pointer tls) {
    if (!tls)
      co_return;
    httpool::detail::stream_access::encrypt(over, tls->secure(over));
    co_await httpool::detail::stream_access::secure(over)->handshake();
  }

  asio::awaitable<void> fill(std::size_t size) {
    while (received.size() < size)
      co_await more();
  }

  asio::awaitable<void> more() {
    std::array<char, 4096> piece;
    const std::size_t size =
        co_await over.async_read_some(asio::buffer(piece), asio::use_awaitable);
    received.append(piece.data(), size);
  }

  /// The next bytes.
  asio::awaitable<std::string> take(std::size_t size) {
    co_await fill(size);
    std::string taken = received.substr(0, size);
    received.erase(0, size);
    co_return taken;
  }

  /// The next head, with the empty line.
  asio::awaitable<std::string> head() {
    std::size_t end = 0;
    while ((end = received.find("\r\n\r\n")) == std::string::npos)
      co_await more();
    co_return co_await take(end + 4);
  }

  asio::awaitable<void> say(std::string text) {
    co_await asio::async_write(over, asio::buffer(text), asio::use_awaitable);
  }

  tcp::socket socket;
  httpool::stream over{socket};
  std::string received;
};
using line_pointer = std::shared_ptr<line>;

/// Listens until it goes, and counts connections.
class listener {
public:
  explicit listener(asio::io_context& context, tls_pointer tls = {})
      : acceptor_(context, any_port), tls_(std::move(tls)) {}
  virtual ~listener() = default;

  std::uint16_t port() const { return acceptor_.local_endpoint().port(); }
  const tls_pointer& tls() const { return tls_; }

  void start() { asio::co_spawn(acceptor_.get_executor(), accept(), asio::detached); }

  std::size_t accepted = 0;

protected:
  virtual asio::awaitable<void> serve(line_pointer client) = 0;

private:
  asio::awaitable<void> accept() {
    for (;;) {
      tcp::socket socket = co_await acceptor_.async_accept(asio::use_awaitable);
      ++accepted;
      asio::co_spawn(acceptor_.get_executor(), begin(std::make_shared<line>(std::move(socket))),
                     asio::detached);
    }
  }

  asio::awaitable<void> begin(line_pointer client) {
    co_await client->secure(tls_);
    co_await serve(client);
  }

  tcp::acceptor acceptor_;
  const tls_pointer tls_;
};

/// Answers every request that has no body.
class recording_origin final : public listener {
public:
  explicit recording_origin(asio::io_context& context, tls_pointer tls = {})
      : listener(context, std::move(tls)) {
    start();
  }

  std::string heard;
  std::string answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

private:
  asio::awaitable<void> serve(line_pointer client) override {
    for (;;) {
      heard += co_await client->head();
      co_await client->say(answer);
    }
  }
};

/// Forwards, and opens tunnels by CONNECT and SOCKS, but always to the same origin, whatever the
/// name.
class recording_proxy final : public listener {
public:
  recording_proxy(asio::io_context& context, std::uint16_t origin_port, tls_pointer tls = {})
      : listener(context, std::move(tls)), origin_port_(origin_port) {
    start();
  }

  std::string told;    ///< What it was told for itself: requests, or all of a tunnel's beginning.
  std::string relayed; ///< What clients sent through tunnels.
  std::size_t tunnels = 0;
  std::string connected = "HTTP/1.1 200 Connection established\r\n\r\n";
  std::string late; ///< What it says in a tunnel, to an origin that it does not call then,
  bool waits_for_client = false; ///< once the client has begun to speak.
  bool is_mute = false;          ///< It answers nothing.

private:
  asio::awaitable<void> serve(line_pointer client) override {
    co_await client->fill(1);
    if (is_mute)
      co_await client->fill(~std::size_t{0});
    if (client->received.front() == '\x05')
      co_await socks(client);
    else
      co_await http(client);
  }

  asio::awaitable<void> http(line_pointer client) {
    for (;;) {
      std::string head = co_await client->head();
      told += head;
      if (head.starts_with("CONNECT ")) {
        co_await client->say(connected);
        if (!late.empty())
          co_await pose(client);
        if (connected.starts_with("HTTP/1.1 200"))
          co_await tunnel(client);
        co_return;
      }
      co_await forward(client, std::move(head));
    }
  }

  /// Speaks where the origin ought to, and hears what the client has to say to that.
  asio::awaitable<void> pose(line_pointer client) {
    if (waits_for_client)
      co_await client->fill(1);
    co_await client->say(late);
    for (;;) {
      co_await client->fill(1);
      relayed += std::exchange(client->received, {});
    }
  }

  /// As RFC 9112 §3.2.2, §3.2.4 and RFC 9110 §11.7.2 say: origin-form, or `*` for the origin as a
  /// whole, and without what is the proxy's.
  asio::awaitable<void> forward(line_pointer client, std::string head) {
    const std::size_t scheme = head.find("http://");
    const std::size_t path = head.find_first_of("/ ", scheme + 7);
    const bool is_whole = head.starts_with("OPTIONS ") && head[path] == ' ';
    head.replace(scheme, path - scheme, is_whole ? "*" : "");
    if (const std::size_t own = head.find("Proxy-Authorization:"); own != std::string::npos)
      head.erase(own, head.find("\r\n", own) + 2 - own);
    const line_pointer origin = co_await connect();
    co_await origin->say(head);
    const std::string answer = co_await origin->head();
    co_await client->say(answer + co_await origin->take(2));
  }

  asio::awaitable<void> socks(line_pointer client) {
    const auto next = [&](std::size_t size) { return take(client, size); };
    const std::string greeting = co_await next(2);
    const std::string methods = co_await next(static_cast<unsigned char>(greeting[1]));
    if (methods.find('\x02') != std::string::npos) {
      co_await client->say("\x05\x02");
      const std::string user = co_await next(2);
      const std::string name = co_await next(static_cast<unsigned char>(user[1]) + 1u);
      const std::string password = co_await next(static_cast<unsigned char>(name.back()));
      co_await client->say(std::string("\x01\x00", 2));
    } else {
      co_await client->say(std::string("\x05\x00", 2));
    }
    const std::string wanted = co_await next(5);
    const std::size_t rest = wanted[3] == 1   ? 3
                             : wanted[3] == 4 ? 15
                                              : static_cast<unsigned char>(wanted[4]);
    const std::string place = co_await next(rest + 2);
    co_await client->say(std::string("\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00", 10));
    co_await tunnel(client);
  }

  asio::awaitable<std::string> take(line_pointer client, std::size_t size) {
    std::string taken = co_await client->take(size);
    told += taken;
    co_return taken;
  }

  asio::awaitable<line_pointer> connect() {
    tcp::socket socket(co_await asio::this_coro::executor);
    const tcp::endpoint at(asio::ip::address_v4::loopback(), origin_port_);
    co_await socket.async_connect(at, asio::use_awaitable);
    co_return std::make_shared<line>(std::move(socket));
  }

  asio::awaitable<void> tunnel(line_pointer client) {
    ++tunnels;
    const line_pointer origin = co_await connect();
    asio::co_spawn(co_await asio::this_coro::executor, relay(origin, client, nullptr),
                   asio::detached);
    co_await relay(client, origin, &relayed);
  }

  static asio::awaitable<void> relay(line_pointer from, line_pointer to, std::string* record) {
    try {
      for (;;) {
        co_await from->fill(1);
        if (record)
          *record += from->received;
        co_await to->say(std::exchange(from->received, {}));
      }
    } catch (const boost::system::system_error&) {
    }
    boost::system::error_code ignored;
    to->socket.shutdown(tcp::socket::shutdown_both, ignored);
  }

  const std::uint16_t origin_port_;
};

} // namespace proxy_test
