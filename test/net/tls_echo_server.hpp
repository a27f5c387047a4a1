// An HTTPS server on a thread of its own, whose every answer tells what it was asked for.
#pragma once

#include "net/scripted_peer.hpp"
#include "tls_fixture/server_certificates.hpp"

#include <httpool/origin.hpp>
#include <httpool/server.hpp>
#include <httpool/tls_server.hpp>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

namespace client_test {

/// What `tls_echo_server` answers: the target, which begins with a slash and has no dot, alone or
/// with dots behind it. What ends in 7 fills several records of TLS, what ends in 3 is more than a
/// client reads of a response that nobody wants any more.
inline std::string echo_of(std::string_view target) {
  const std::size_t more = target.back() == '7' ? 50'000 : target.back() == '3' ? 100'000 : 0;
  return std::string(target).append(more, '.');
}

class tls_echo_server {
public:
  explicit tls_echo_server(const httpool_test::tls::identity& who)
      : tls(httpool::tls_server::create(httpool_test::tls::options_of({who}))) {
    const tcp::endpoint at(asio::ip::address_v4::loopback(), 0);
    const auto echo = [](const httpool::request& asked) {
      return httpool::response(200, echo_of(asked.target()), "text/plain");
    };
    server.emplace(context, at, echo, httpool::server_options{.tls = tls});
    thread = std::thread([this] { context.run(); });
  }

  ~tls_echo_server() {
    server->close();
    thread.join();
    server.reset();
  }

  httpool::origin origin() const {
    return {httpool::scheme::https, "127.0.0.1", server->local_endpoint().port()};
  }

  asio::io_context context;
  const std::shared_ptr<httpool::tls_server> tls;
  std::optional<httpool::server> server;
  std::thread thread;
};

} // namespace client_test
