#include "dial/dialer.hpp"

#include "dial/connect_to_path.hpp"
#include "dial/host.hpp"
#include "dial/http_tunnel.hpp"
#include "dial/interleave.hpp"
#include "dial/socks5.hpp"
#include "pool/options_check.hpp"
#include "pool/socket_calls.hpp"
#include "tls/secure_stream.hpp"

#include <httpool/error.hpp>
#include <httpool/tls_client.hpp>

#include <boost/asio/error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>

#include <stdexcept>
#include <utility>

namespace httpool::detail {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::system_error;

namespace {

/// A dot at the end of a name is for the resolver alone, which then takes no search list.
dialer::host_and_port named(const dialer::target& to) {
  if (const auto* name = std::get_if<dialer::host_and_port>(&to))
    return {normal_host(without_brackets(name->host)), name->port};
  if (const auto* endpoint = std::get_if<tcp::endpoint>(&to))
    return {endpoint->address().to_string(), endpoint->port()};
  return {};
}

/// What is connected to: the proxy, if there is one.
dialer::target first_hop(dialer::target to, const std::optional<proxy>& by) {
  if (const auto* unix_socket = std::get_if<dialer::unix_path>(&to)) {
    check_path(unix_socket->path);
    if (by)
      throw std::invalid_argument("httpool: proxy is " + by->to_string() +
                                  ", but a Unix-domain socket is not behind a proxy");
  }
  if (!by)
    return to;
  check(*by);
  if (by->kind() == proxy_kind::socks5 && named(to).host.size() > longest_socks_name)
    throw std::invalid_argument("httpool: host is \"" + named(to).host +
                                "\", but a SOCKS proxy can be told no more than 255 bytes");
  dialer::host_and_port hop{by->host(), by->port()};
  if (const auto* name = std::get_if<dialer::host_and_port>(&to))
    hop.resolver = name->resolver;
  return hop;
}

/// Turns down a peer that spoke before it was asked: what it said must not be taken for a part of
/// the handshake, or for what comes encrypted after it.
void insist_on_silence(stream& quiet) {
  const liveness seen = look_at(quiet);
  if (seen == liveness::spoke)
    throw system_error(error::protocol_error);
  if (seen == liveness::closed)
    throw system_error(error::connection_closed);
}

asio::awaitable<void> encrypt(stream& made, tls_client& by, std::string host, std::uint16_t port) {
  insist_on_silence(made);
  stream_access::encrypt(made, by.secure(made, host, port));
  co_await stream_access::secure(made)->handshake();
}

/// Whether a proxy has said so of the origin, and so has done its own part.
bool is_about_origin(const boost::system::error_code& ec) noexcept {
  return ec == error::proxy_refused || ec == error::proxy_authentication_failed ||
         ec == error::connection_refused || ec == error::name_not_found ||
         ec == asio::error::host_unreachable || ec == asio::error::network_unreachable;
}

} // namespace

void check(const proxy& by) {
  if (by.kind() == proxy_kind::https && !by.tls())
    throw std::invalid_argument("httpool: proxy is " + by.to_string() +
                                ", but has no tls to be spoken to with");
}

dialer::dialer(target to, const pool_options& options)
    : proxy_(options.proxy),
      peer_(named(to)),
      target_(first_hop(std::move(to), proxy_)),
      prepare_(options.prepare),
      tls_(options.tls) {}

asio::awaitable<tcp::endpoint> dialer::dial(stream& made, time_point deadline) {
  const reached met = co_await connect(made.lowest_layer(), deadline);
  bool is_in_tunnel = false;
  try {
    co_await establish(made, is_in_tunnel);
  } catch (const system_error& e) {
    if (!is_in_tunnel && !is_about_origin(e.code()) && tells_of_endpoint(e.code(), deadline))
      memory_.failed(met.endpoint, std::chrono::steady_clock::now());
    throw;
  }
  memory_.worked(met.endpoint, met.tried_at);
  co_return proxy_ ? tcp::endpoint() : met.endpoint;
}

/// Makes of a connected transport what callers are given.
asio::awaitable<void> dialer::establish(stream& made, bool& is_in_tunnel) {
  if (prepare_)
    co_await prepare_(made.lowest_layer());
  if (proxy_) {
    if (proxy_->kind() == proxy_kind::https)
      co_await encrypt(made, *proxy_->tls(), proxy_->host(), proxy_->port());
    if (proxy_->kind() == proxy_kind::socks5)
      co_await open_socks5_tunnel(made, peer_.host, peer_.port, *proxy_);
    else
      co_await open_http_tunnel(made, peer_.host, peer_.port, *proxy_);
    is_in_tunnel = true;
  }
  if (tls_)
    co_await encrypt(made, *tls_, peer_.host, peer_.port);
}

dialer::host_and_port dialer::peer() const {
  if (const auto* unix_socket = std::get_if<unix_path>(&target_))
    return {unix_socket->path, 0};
  return peer_;
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
