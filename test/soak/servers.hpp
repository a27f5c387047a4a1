// A server that comes and goes.
#pragma once

#include <httpool/server_threads.hpp>
#include <httpool/tls_server.hpp>

#include <cstdint>
#include <memory>

namespace httpool_test::soak {

/// Answers `/echo/N`, `/slow/N`, `/large/N` and `/upload/N`, on one port throughout.
class restarting_server {
public:
  explicit restarting_server(std::shared_ptr<httpool::tls_server> tls = {});

  std::uint16_t port() const { return port_; }
  bool is_there() const { return running_ != nullptr; }

  void start();

  /// Requests that have arrived are answered first.
  void stop();

  /// Connections are cut off.
  void kill() { running_.reset(); }

private:
  std::shared_ptr<httpool::tls_server> tls_;
  std::uint16_t port_ = 0;
  std::unique_ptr<httpool::server_threads> running_;
};

} // namespace httpool_test::soak
