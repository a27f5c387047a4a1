#include "dial/dialer.hpp"

#include "dial/connect_to_path.hpp"
#include "dial/interleave.hpp"
#include "pool/options_check.hpp"
#include "pool/socket_calls.hpp"
#include "tls/secure_stream.hpp"

#include <httpool/error.hpp>
#include <httpool/tls_client.hpp>

#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>

#include <utility>

namespace httpool::detail {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::system_error;

dialer::dialer(target to, const pool_options& options)
    : target_(std::move(to)), prepare_(options.prepare), tls_(options.tls) {
  if (const auto* unix_socket = std::get_if<unix_path>(&target_))
    check_path(unix_socket->path);
}

namespace {

/// Turns down a peer that spoke before it was asked: what it said must not be taken for a part of
/// the handshake, or for what comes encrypted after it.
void insist_on_silence(stream& quiet) {
  const liveness seen = look_at(quiet);
  if (seen == liveness::spoke)
    throw system_error(error::protocol_error);
  if (seen == liveness::closed)
    throw system_error(error::connection_closed);
}

} // namespace

asio::awaitable<tcp::endpoint> dialer::dial(stream& made, time_point deadline) {
  const reached met = co_await connect(made.lowest_layer(), deadline);
  try {
    co_await establish(made);
  } catch (const system_error& e) {
    if (tells_of_endpoint(e.code(), deadline))
      memory_.failed(met.endpoint, std::chrono::steady_clock::now());
    throw;
  }
  memory_.worked(met.endpoint, met.tried_at);
  co_return met.endpoint;
}

/// Makes of a connected transport what callers are given.
asio::awaitable<void> dialer::establish(stream& made) {
  if (prepare_)
    co_await prepare_(made.lowest_layer());
  if (!tls_)
    co_return;
  insist_on_silence(made);
  const host_and_port to = peer();
  stream_access::encrypt(made, tls_->secure(made, to.host, to.port));
  co_await stream_access::secure(made)->handshake();
}

/// Whom TLS has to find at the other end; nobody that has a name, if it is a Unix-domain socket.
dialer::host_and_port dialer::peer() const {
  if (const auto* name = std::get_if<host_and_port>(&target_))
    return *name;
  if (const auto* endpoint = std::get_if<tcp::endpoint>(&target_))
    return {endpoint->address().to_string(), endpoint->port()};
  return {};
}

void dialer::failed(const tcp::endpoint& endpoint, time_point now) noexcept {
  memory_.failed(endpoint, now);
}

asio::awaitable<reached> dialer::connect(tcp::socket& socket, time_point deadline) {
  if (const auto* unix_socket = std::get_if<unix_path>(&target_)) {
    co_await connect_to_path(socket, unix_socket->path, deadline);
    co_return reached{};
  }
  std::vector<tcp::endpoint> endpoints;
  if (const auto* name = std::get_if<host_and_port>(&target_)) {
    endpoints = interleave_families(co_await name->resolver(name->host, name->port));
    endpoints = memory_.order(std::move(endpoints), std::chrono::steady_clock::now());
  } else {
    endpoints.push_back(std::get<tcp::endpoint>(target_));
  }
  const reached met = co_await connect_to_any(socket, std::move(endpoints), deadline, memory_);
  configure(socket);
  co_return met;
}

} // namespace httpool::detail
