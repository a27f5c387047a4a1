#include "dial/dialer.hpp"

#include "dial/connect_to_any.hpp"
#include "dial/connect_to_path.hpp"
#include "dial/interleave.hpp"
#include "pool/options_check.hpp"
#include "pool/socket_calls.hpp"

#include <boost/asio/use_awaitable.hpp>

#include <utility>

namespace httpool::detail {

namespace asio = boost::asio;
using asio::ip::tcp;

dialer::dialer(target to, const pool_options& options)
    : target_(std::move(to)), prepare_(options.prepare) {
  if (const auto* unix_socket = std::get_if<unix_path>(&target_))
    check_path(unix_socket->path);
}

asio::awaitable<void> dialer::dial(tcp::socket& socket, time_point deadline) const {
  co_await connect(socket, deadline);
  if (prepare_)
    co_await prepare_(socket);
}

asio::awaitable<void> dialer::connect(tcp::socket& socket, time_point deadline) const {
  if (const auto* unix_socket = std::get_if<unix_path>(&target_)) {
    co_await connect_to_path(socket, unix_socket->path, deadline);
    co_return;
  }
  std::vector<tcp::endpoint> endpoints;
  if (const auto* name = std::get_if<host_and_port>(&target_))
    endpoints = interleave_families(co_await name->resolver(name->host, name->port));
  else
    endpoints.push_back(std::get<tcp::endpoint>(target_));
  co_await connect_to_any(socket, std::move(endpoints), deadline);
  configure(socket);
}

} // namespace httpool::detail
