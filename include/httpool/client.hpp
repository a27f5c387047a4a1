/// \file
/// An HTTP/1.1 client over a pool of connections to one origin.
#pragma once

#include <httpool/body_source.hpp>
#include <httpool/client_response.hpp>
#include <httpool/connection_pool.hpp>
#include <httpool/detail/client_operations.hpp>
#include <httpool/pool_options.hpp>
#include <httpool/request.hpp>
#include <httpool/response_stream.hpp>
#include <httpool/send_options.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/async_result.hpp>

#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

namespace httpool {

/// How a client is set up. A nonsense value makes the client's constructor throw
/// `std::invalid_argument` with the field's name and the value.
struct client_options {
  /// The pool of connections.
  pool_options pool = {};

  /// Time for a whole call: waiting for a connection, dialing, writing, head and body. What it runs
  /// out in gives the error: `error::acquire_timeout`, `error::dial_timeout` or
  /// `error::exchange_timeout`. Above zero.
  std::chrono::nanoseconds exchange_timeout = std::chrono::seconds(30);

  /// Time from when a request has been sent to the first byte of its response; beyond it
  /// `error::first_byte_timeout`. Above zero.
  std::chrono::nanoseconds first_byte_timeout = std::chrono::nanoseconds::max();

  /// Time between two bytes of a response, while they are waited for; beyond it
  /// `error::read_timeout`. Above zero.
  std::chrono::nanoseconds read_timeout = std::chrono::nanoseconds::max();

  /// Time that a request with `Expect: 100-continue` waits for leave to send its body, before it
  /// sends it all the same (RFC 9110 §10.1.1). Not negative.
  std::chrono::nanoseconds continue_timeout = std::chrono::seconds(1);

  /// The most bytes that the head of a response, or a trailer section, may have; beyond it
  /// `error::head_too_large`. Above zero, at most 2^31.
  std::size_t max_head_bytes = 64 * 1024;

  /// The most field lines that the head of a response may have; beyond it `error::head_too_large`.
  /// Above zero.
  std::size_t max_fields = 128;

  /// The most bytes that the body of a response may have, unless it is streamed; beyond it
  /// `error::body_too_large`.
  std::uint64_t max_body_bytes = 64 * 1024 * 1024;
};

/// Sends requests to one origin over pooled connections and receives the responses.
///
/// \code
/// httpool::client client(context, "127.0.0.1", 8080);
/// httpool::client_response answer =
///     co_await client.async_send(httpool::request("GET", "/"), asio::use_awaitable);
/// \endcode
///
/// It follows RFC 9112 to the letter and does no more than that: a connection serves again only
/// after a complete exchange that both sides keep alive; anything else costs the connection. There
/// are no redirects, no decompression and no cookies.
///
/// \par Thread safety
/// All members may be called from any thread at any time, but for the destructor, which must be
/// alone. The context may be run by several threads.
class client {
public:
  /// The type of `get_executor()`.
  using executor_type = boost::asio::any_io_executor;

  /// Makes a client of the origin `http://host:port`; `host` is a name or an IP literal, IPv6 with
  /// or without brackets.
  ///
  /// \throws std::invalid_argument if an option is nonsense, or `host` cannot stand in a `Host`
  /// field, with the name and the value.
  client(executor_type executor, std::string host, std::uint16_t port, client_options options = {});

  /// The same, for an execution context such as `io_context`.
  template <class ExecutionContext>
  requires requires(ExecutionContext& context) {
    { context.get_executor() } -> std::convertible_to<executor_type>;
  }
  client(ExecutionContext& context, std::string host, std::uint16_t port,
         client_options options = {})
      : client(executor_type(context.get_executor()), std::move(host), port, std::move(options)) {}

  client(const client&) = delete;
  client& operator=(const client&) = delete;

  /// Closes the pool. Exchanges under way go on.
  ~client();

  /// The executor that connections live on and, without an executor of its own, a handler runs on.
  executor_type get_executor() const noexcept;

  /// Sends `message` and gives its response: `void(boost::system::error_code, client_response)`.
  ///
  /// The client sets `Host` and the framing field where the request has none, and nothing else. The
  /// whole body is received. Informational responses (1xx) are passed over.
  ///
  /// A large body is written while the response is read. If that is complete first, the rest of the
  /// request is not sent, and the connection is closed.
  ///
  /// With `Expect: 100-continue` the body waits for the peer's leave, or for
  /// `client_options::continue_timeout`; it is not sent if the final response comes instead.
  ///
  /// \par Sending again
  /// A request is sent a second time, over a fresh connection, when the connection had been idle
  /// (`lease::waited`), died without a byte of response, and `send_options::replay` allows it. Never
  /// a third time, and never after a timeout.
  ///
  /// \par Completion
  /// Always by post, never inside this call, on the handler's associated executor.
  ///
  /// \par Errors
  /// `error::invalid_request` if the message cannot be put on the wire, or its method is CONNECT:
  /// the client could not hand over the tunnel. Nothing was sent then. Those of
  /// `connection_pool::async_acquire`. `error::exchange_timeout`, `error::first_byte_timeout`,
  /// `error::read_timeout`, `error::connection_closed`, `error::protocol_error`,
  /// `error::head_too_large`, `error::body_too_large`, `boost::asio::error::no_memory`, and others
  /// of the system. An error comes with an empty response, even if a status had been received.
  ///
  /// \par Cancellation
  /// Every type, with `boost::asio::error::operation_aborted`. Once a connection is leased for the
  /// request, it costs the connection. One that comes too late has no effect. Emit the signal where
  /// the call was made or later, not while it is being started.
  template <class CompletionToken>
  auto async_send(request message, CompletionToken&& token) {
    return async_send(std::move(message), send_options(), std::forward<CompletionToken>(token));
  }

  /// The same, with options for this call alone.
  template <class CompletionToken>
  auto async_send(request message, send_options options, CompletionToken&& token) {
    return async_send(std::move(message), body_source(), options,
                      std::forward<CompletionToken>(token));
  }

  /// The same, with a body that is produced while it is sent; the message's own must be empty. What
  /// the source fails with is an error too: see `body_source`.
  template <class CompletionToken>
  auto async_send(request message, body_source body, send_options options,
                  CompletionToken&& token) {
    return boost::asio::async_initiate<CompletionToken,
                                       void(boost::system::error_code, client_response)>(
        detail::initiate_call<detail::send_operation, client_response>{core_}, token,
        std::move(message), std::move(body), options);
  }

  /// Sends `message` and gives its response as soon as the head is there, with the body still to be
  /// read: `void(boost::system::error_code, response_stream)`.
  ///
  /// Otherwise as `async_send`, but that the body has no limit, and that a 101 is accepted if the
  /// request asked for it with `Upgrade` and `Connection: upgrade`: see
  /// `response_stream::upgraded`. The deadline of the exchange holds for the reading of the body
  /// too.
  template <class CompletionToken>
  auto async_open(request message, CompletionToken&& token) {
    return async_open(std::move(message), send_options(), std::forward<CompletionToken>(token));
  }

  /// The same, with options for this call alone.
  template <class CompletionToken>
  auto async_open(request message, send_options options, CompletionToken&& token) {
    return async_open(std::move(message), body_source(), options,
                      std::forward<CompletionToken>(token));
  }

  /// The same, with a body that is produced while it is sent, and may still be when the response
  /// comes.
  template <class CompletionToken>
  auto async_open(request message, body_source body, send_options options,
                  CompletionToken&& token) {
    return boost::asio::async_initiate<CompletionToken,
                                       void(boost::system::error_code, response_stream)>(
        detail::initiate_call<detail::open_operation, response_stream>{core_}, token,
        std::move(message), std::move(body), options);
  }

  /// The pool, such as for its statistics, for `prewarm` and to drain it at the end.
  connection_pool& pool() noexcept;

private:
  std::shared_ptr<detail::client_core> core_;
};

} // namespace httpool
