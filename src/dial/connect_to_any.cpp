#include "dial/connect_to_any.hpp"

#include <httpool/error.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>

#include <algorithm>
#include <memory>

namespace httpool::detail {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;
using boost::system::system_error;

/// What RFC 8305 section 5 recommends between two attempts.
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

bool tells_of_endpoint(const error_code& failure, time_point until) noexcept {
  if (failure == asio::error::operation_aborted)
    return std::chrono::steady_clock::now() >= until;
  return failure != asio::error::no_descriptors &&
         failure != boost::system::errc::too_many_files_open_in_system &&
         failure != asio::error::no_memory && failure != asio::error::no_buffer_space;
}

asio::awaitable<reached> connect_to_any(tcp::socket& socket, std::vector<tcp::endpoint> endpoints,
                                        time_point deadline, endpoint_memory& memory) {
  error_code failure;
  for (bool is_first_round = true; !endpoints.empty(); is_first_round = false) {
    std::vector<tcp::endpoint> silent;
    for (std::size_t i = 0; i != endpoints.size(); ++i) {
      const time_point now = std::chrono::steady_clock::now();
      if (failure && now >= deadline)
        throw system_error(error::dial_timeout);
      const std::size_t untried = endpoints.size() - i;
      const bool is_alone = untried == 1 && (!is_first_round || silent.empty());
      duration share = deadline - now;
      if (!is_alone && is_first_round)
        share = shortest_attempt;
      else if (!is_alone)
        share = std::max(shortest_attempt, share / static_cast<duration::rep>(untried));
      const time_point until = std::min(deadline, saturating_add(now, share));
      failure = co_await try_connect(socket, endpoints[i], until);
      if (!failure)
        co_return reached{endpoints[i], now};
      if (tells_of_endpoint(failure, until))
        memory.failed(endpoints[i], std::chrono::steady_clock::now());
      if (failure == asio::error::operation_aborted)
        throw system_error(failure);
      if (is_first_round && !is_alone && failure == error::dial_timeout)
        silent.push_back(endpoints[i]);
    }
    endpoints = std::move(silent);
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

} // namespace httpool::detail
