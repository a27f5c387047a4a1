#include "dial/connect_to_path.hpp"

#include "pool/socket_calls.hpp"

#include <httpool/error.hpp>

#include <boost/asio/error.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>

#include <algorithm>

namespace httpool::detail {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using boost::system::system_error;

/// The system does not tell when a backlog has room again. This is short against any timeout of a
/// caller, and long against the system call.
constexpr duration backlog_pause = std::chrono::milliseconds(5);

} // namespace

asio::awaitable<void> connect_to_path(asio::ip::tcp::socket& socket, std::string path,
                                      time_point deadline) {
  const asio::local::stream_protocol::endpoint endpoint(path);
  asio::steady_timer pause(co_await asio::this_coro::executor);
  for (;;) {
    const error_code failure = connect_now(socket, endpoint);
    if (!failure)
      co_return;
    if (failure == asio::error::connection_refused)
      throw system_error(error::connection_refused);
    if (failure != asio::error::would_block)
      throw system_error(failure);
    const time_point now = std::chrono::steady_clock::now();
    if (now >= deadline)
      throw system_error(error::dial_timeout);
    pause.expires_at(std::min(deadline, saturating_add(now, backlog_pause)));
    co_await pause.async_wait(asio::use_awaitable);
  }
}

} // namespace httpool::detail
