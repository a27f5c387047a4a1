#include "dial/dialer.hpp"

#include "dial/connect_to_path.hpp"
#include "dial/interleave.hpp"
#include "pool/options_check.hpp"
#include "pool/socket_calls.hpp"

#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>

#include <utility>

namespace httpool::detail {

namespace asio = boost::asio;
using asio::ip::tcp;

dialer::dialer(target to, const pool_options& options)
    : target_(std::move(to)), prepare_(options.prepare) {
  if (const auto* unix_socket = std::get_if<unix_path>(&target_))
    check_path(unix_socket->path);
}

asio::awaitable<tcp::endpoint> dialer::dial(tcp::socket& socket, time_point deadline) {
  const reached met = co_await connect(socket, deadline);
  try {
    if (prepare_)
      co_await prepare_(socket);
  } catch (const boost::system::system_error& e) {
    if (tells_of_endpoint(e.code(), deadline))
      memory_.failed(met.endpoint, std::chrono::steady_clock::now());
    throw;
  }
  memory_.worked(met.endpoint, met.tried_at);
  co_return met.endpoint;
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
