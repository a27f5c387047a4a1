// Peers of the scenarios, on a context of their own that no fault strikes.
#pragma once

#include "torture/bench.hpp"

#include <httpool/server.hpp>
#include <httpool/tls_client.hpp>
#include <httpool/tls_server.hpp>

#include <algorithm>
#include <array>
#include <list>
#include <memory>
#include <string>
#include <utility>

#include <sys/socket.h>

namespace torture {

inline const tcp::endpoint any_port(asio::ip::address_v4::loopback(), 0);

/// Accepts whoever comes and says nothing, and knows how many there were at most.
class quiet_peer {
public:
  explicit quiet_peer(bench& in) : acceptor_(in.peers(), any_port) { accept(); }
  quiet_peer(const quiet_peer&) = delete;
  quiet_peer& operator=(const quiet_peer&) = delete;

  tcp::endpoint endpoint() const { return acceptor_.local_endpoint(); }
  std::size_t most() const noexcept { return most_; }

  /// Closes the connections that there are.
  void hang_up() { connections_.clear(); }

private:
  void accept() {
    acceptor_.async_accept([this](error_code ec, tcp::socket socket) {
      if (ec)
        return;
      // An end that has come before this connection is not waiting to be read behind it.
      connections_.remove_if([](tcp::socket& each) {
        char byte = 0;
        return ::recv(each.native_handle(), &byte, 1, MSG_DONTWAIT) == 0;
      });
      connections_.push_back(std::move(socket));
      most_ = std::max(most_, connections_.size());
      accept();
    });
  }

  tcp::acceptor acceptor_;
  std::list<tcp::socket> connections_;
  std::size_t most_ = 0;
};

/// A port that refuses connections, and is nobody else's.
class refusing_port {
public:
  explicit refusing_port(bench& in) : socket_(in.peers(), tcp::v4()) { socket_.bind(any_port); }
  tcp::endpoint endpoint() const { return socket_.local_endpoint(); }

private:
  tcp::socket socket_;
};

/// Relays all that comes to a port once it was asked to CONNECT, wherever to.
class tunnel_proxy {
public:
  tunnel_proxy(bench& in, std::uint16_t origin_port);
  tunnel_proxy(const tunnel_proxy&) = delete;
  tunnel_proxy& operator=(const tunnel_proxy&) = delete;

  std::uint16_t port() const { return acceptor_.local_endpoint().port(); }

private:
  asio::awaitable<void> accept();
  asio::awaitable<void> serve(tcp::socket client);

  tcp::acceptor acceptor_;
  std::uint16_t origin_port_;
};

/// What servers and clients with TLS are given; made once.
const std::shared_ptr<httpool::tls_server>& server_tls();
httpool::tls_options client_tls_options();

/// A client that says what it is told to a server under test, and hears all that comes back.
class plain_client {
public:
  plain_client(bench& in, const tcp::endpoint& to);
  plain_client(const plain_client&) = delete;
  plain_client& operator=(const plain_client&) = delete;

  void say(std::string text);
  const std::string& heard() const noexcept { return heard_; }
  bool has_ended() const noexcept { return has_ended_; }

private:
  void hear();

  tcp::socket socket_;
  std::array<char, 4096> room_{};
  std::string said_;
  std::string heard_;
  bool has_ended_ = false;
};

} // namespace torture
