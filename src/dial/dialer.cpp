#include "dial/dialer.hpp"

#include "dial/connect_to_path.hpp"
#include "dial/resolve.hpp"
#include "pool/options_check.hpp"
#include "pool/socket_calls.hpp"

#include <httpool/error.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>

#include <algorithm>
#include <memory>
#include <vector>

namespace httpool::detail {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;
using boost::system::system_error;

constexpr duration shortest_attempt = std::chrono::milliseconds(250);

/// Closes a socket when its time is up, unless this guard is gone by then. The guard, its timer's
/// handler and the user of the socket share a strand.
class attempt_guard {
public:
  attempt_guard(const asio::any_io_executor& strand, tcp::socket& socket, time_point deadline)
      : state_(std::make_shared<state>(strand, deadline, socket)) {
    state_->timer.async_wait(asio::bind_executor(strand, [s = state_](error_code ec) {
      if (ec || !s->socket)
        return;
      s->is_late = true;
      s->socket->close(ec);
    }));
  }

  attempt_guard(const attempt_guard&) = delete;
  attempt_guard& operator=(const attempt_guard&) = delete;

  ~attempt_guard() {
    state_->socket = nullptr;
    state_->timer.cancel();
  }

  bool is_late() const noexcept { return state_->is_late; }

private:
  struct state {
    state(const asio::any_io_executor& strand, time_point deadline, tcp::socket& guarded)
        : timer(strand, deadline), socket(&guarded) {}

    asio::steady_timer timer;
    tcp::socket* socket;
    bool is_late = false;
  };

  std::shared_ptr<state> state_;
};

/// Tries one endpoint and says why it failed.
asio::awaitable<error_code> try_connect(tcp::socket& socket, tcp::endpoint endpoint,
                                        time_point deadline) {
  const asio::any_io_executor strand = co_await asio::this_coro::executor;
  error_code ec;
  socket.close(ec);
  const attempt_guard guard(strand, socket, deadline);
  const auto [failure] =
      co_await socket.async_connect(endpoint, asio::as_tuple(asio::use_awaitable));
  if (guard.is_late())
    co_return error::dial_timeout;
  if (failure == asio::error::connection_refused || (!failure && is_its_own_peer(socket)))
    co_return error::connection_refused;
  if (failure == asio::error::connection_reset)
    co_return error::connection_closed;
  co_return failure;
}

} // namespace

asio::awaitable<void> connect_to_any(tcp::socket& socket, std::vector<tcp::endpoint> endpoints,
                                     time_point deadline) {
  error_code failure;
  for (std::size_t i = 0; i != endpoints.size(); ++i) {
    const time_point now = std::chrono::steady_clock::now();
    const auto attempts_left = static_cast<duration::rep>(endpoints.size() - i);
    const duration share = std::max(shortest_attempt, (deadline - now) / attempts_left);
    failure =
        co_await try_connect(socket, endpoints[i], std::min(deadline, saturating_add(now, share)));
    if (!failure)
      co_return;
    if (failure == asio::error::operation_aborted)
      break;
  }
  throw system_error(failure);
}

bool is_its_own_peer(const tcp::socket& socket) noexcept {
  error_code ec;
  const tcp::endpoint near_end = socket.local_endpoint(ec);
  if (ec)
    return false;
  const tcp::endpoint far_end = socket.remote_endpoint(ec);
  return !ec && near_end == far_end;
}

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
    endpoints = co_await resolve(name->host, name->port);
  else
    endpoints.push_back(std::get<tcp::endpoint>(target_));
  co_await connect_to_any(socket, std::move(endpoints), deadline);
  configure(socket);
}

} // namespace httpool::detail
