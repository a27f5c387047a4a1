// A client that faults strike, and a server for it.
#pragma once

#include "client/client_core.hpp"
#include "torture/peers.hpp"
#include "torture/scenario.hpp"

#include <httpool/client.hpp>
#include <httpool/server.hpp>
#include <httpool/url.hpp>

#include <boost/asio/strand.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace torture {

inline constexpr std::size_t body_size = 150'000;

/// Answers by the target: with a short body, a long one, or the end of the connection.
inline httpool::response serve(const httpool::request& message) {
  if (message.target() == "/long")
    return httpool::response(200, std::string(body_size, 'b'), "text/plain");
  httpool::response made(200, message.body().empty() ? "short" : "taken", "text/plain");
  if (message.target() == "/last")
    made.fields().set("Connection", "close");
  return made;
}

/// An HTTP server that no fault strikes.
class http_peer {
public:
  explicit http_peer(bench& in, std::shared_ptr<httpool::tls_server> tls = {})
      : server_(in.peers(), any_port, serve, {.tls = std::move(tls)}) {}
  std::uint16_t port() const { return server_.local_endpoint().port(); }

private:
  httpool::server server_;
};

inline httpool::client_options options_of(bench& b) {
  httpool::client_options options;
  options.pool = patient_options(b);
  options.exchange_timeout = 60s;
  return options;
}

inline httpool::origin origin_of(const char* scheme, const char* host, std::uint16_t port) {
  std::string text(scheme);
  text.append("://").append(host).append(":").append(std::to_string(port));
  return httpool::parse_url(text).value().origin();
}

/// A client, made in spite of the fault if need be, and what is checked when it goes.
class caller {
public:
  caller(bench& b, httpool::origin base, httpool::client_options options, bool on_strand = false)
      : bench_(b) {
    b.make_context();
    const auto make = [&] {
      httpool::client::executor_type executor = b.own().get_executor();
      if (on_strand)
        executor = asio::make_strand(b.own().get_executor());
      client_.emplace(executor, base, options);
    };
    if (!b.attempt(make)) {
      b.calm();
      make();
    }
  }
  caller(const caller&) = delete;
  caller& operator=(const caller&) = delete;

  httpool::client& operator*() noexcept { return *client_; }

  void send(answered& of, const char* method, const char* target, std::size_t bytes = 0) {
    bench_.start(of, [&](auto handler) {
      httpool::request message(method, target);
      if (bytes != 0)
        message.body(std::string(bytes, 'a'));
      client_->async_send(std::move(message), std::move(handler));
    });
    bench_.await(of, "an exchange");
    check(of);
  }

  void check(const answered& of) {
    bench_.check_end(of, "an exchange");
    if (of.is_good())
      bench_.check(of.result.status() == 200, "the response is good");
  }

  /// The pool and the client work; then nothing is left.
  void finish() {
    bench_.calm();
    answered last;
    client_->async_send(httpool::request("GET", "/"), reporter<httpool::client_response>(last));
    bench_.await(last, "an exchange when all is well again");
    bench_.check(last.is_good() && last.result.body() == "short", "the client works again");
    bench_.finish(httpool::detail::core_of(client_->pool()));
    end();
  }

  void end() {
    client_.reset();
    bench_.end_context();
  }

private:
  bench& bench_;
  std::optional<httpool::client> client_;
};

} // namespace torture
