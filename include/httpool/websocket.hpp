/// \file
/// What Boost.Beast's WebSocket needs to run over the stream of a lease, plain or encrypted.
///
/// \code
/// httpool::lease lease = co_await pool.async_acquire(asio::use_awaitable);
/// websocket::stream<httpool::stream&> chat(lease.stream());
/// chat.set_option(websocket::stream_base::timeout::suggested(beast::role_type::client));
/// co_await chat.async_handshake("example.org", "/chat", asio::use_awaitable);
/// ...
/// co_await chat.async_close(websocket::close_code::normal, asio::use_awaitable);
/// \endcode
///
/// The lease must outlive the WebSocket and its operations. While it lasts the connection counts
/// against the limit of its pool; when it ends the connection is closed, since it speaks HTTP no
/// more. Deadlines are the WebSocket's own option `timeout`, which is off by default, or
/// `lease::expires_after`.
///
/// Users call none of these functions: Beast finds them by argument-dependent look-up.
#pragma once

#include <httpool/detail/export.hpp>
#include <httpool/stream.hpp>

#include <boost/asio/any_completion_handler.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/beast/core/role.hpp>
#include <boost/system/error_code.hpp>

#include <utility>

namespace httpool {

namespace detail {

using teardown_handler = boost::asio::any_completion_handler<void(boost::system::error_code)>;

HTTPOOL_EXPORT void start_teardown(boost::beast::role_type role, stream& of,
                                   teardown_handler handler);

struct initiate_teardown {
  using executor_type = stream::executor_type;

  stream* self;

  executor_type get_executor() const noexcept { return self->get_executor(); }

  template <class Handler>
  void operator()(Handler&& handler, boost::beast::role_type role) const {
    start_teardown(role, *self, teardown_handler(std::forward<Handler>(handler)));
  }
};

} // namespace detail

/// Ends both directions of a connection whose WebSocket has ended, and waits until the peer has
/// done the same: `void(boost::system::error_code)`.
///
/// An encrypted connection first says so (close_notify, RFC 8446 §6.1). Then a server ends what it
/// sends, a client leaves that to its peer (RFC 6455 §7.1.1). What still comes is discarded. After
/// two seconds, which bound all of it, the transport is shut down without the peer's consent. It is
/// shut down in any case when this completes, but stays open until the lease ends. No other
/// operation may be pending on the stream.
///
/// It completes as if by post, never inside the call.
///
/// \par Thread safety
/// That of the stream.
///
/// \par Cancellation
/// Terminal, partial and total, all to the same effect: the transport is shut down at once, and the
/// error is `boost::asio::error::operation_aborted`.
///
/// \par Errors
/// `boost::beast::error::timeout` if the peer has not ended in time. How it has ended, such as
/// without close_notify or by a reset, is none: WebSocket has frames of its own for that.
template <class TeardownHandler>
auto async_teardown(boost::beast::role_type role, stream& of, TeardownHandler&& handler) {
  return boost::asio::async_initiate<TeardownHandler, void(boost::system::error_code)>(
      detail::initiate_teardown{&of}, handler, role);
}

/// The same without waiting for anything: close_notify is sent if there is room for it at once, and
/// both directions are shut down, whatever the role. Never fails.
HTTPOOL_EXPORT void teardown(boost::beast::role_type role, stream& of,
                             boost::system::error_code& ec) noexcept;

/// What Beast does at a deadline of its own: shuts the transport down, upon which pending
/// operations fail. It is not closed, which is for its pool to do when the lease ends.
HTTPOOL_EXPORT void beast_close_socket(stream& of) noexcept;

} // namespace httpool
