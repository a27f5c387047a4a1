/// \file
/// An HTTP/1.1 client over pools of connections, one an origin.
#pragma once

#include <httpool/body_source.hpp>
#include <httpool/client_response.hpp>
#include <httpool/connection_pool.hpp>
#include <httpool/detail/client_operations.hpp>
#include <httpool/detail/export.hpp>
#include <httpool/exchange_stats.hpp>
#include <httpool/origin.hpp>
#include <httpool/pool_options.hpp>
#include <httpool/proxy_settings.hpp>
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
#include <string_view>
#include <utility>
#include <vector>

namespace httpool {

/// How a client is set up. A nonsense value makes the client's constructor throw
/// `std::invalid_argument` with the field's name and the value.
struct client_options {
  /// The pool of connections of each origin. Its `tls` is used for `https` alone; its `proxy` must
  /// not be set.
  pool_options pool = {};

  /// The proxies that requests go through; none by default. `proxy_settings::from_environment` has
  /// those that the environment names.
  ///
  /// A field `Proxy-Authorization` of a request, which takes the place of the credentials that the
  /// settings have, goes to a proxy that forwards the request, and is left out of every other one:
  /// it is not for origins. `Proxy-Connection` is always left out. A request that is forwarded has
  /// the `Host` of its target, whatever it says itself (RFC 9112 §3.2). A 407 of a proxy that
  /// forwards is a response like another; one that a tunnel is refused with is
  /// `error::proxy_authentication_failed`.
  proxy_settings proxies = {};

  /// Connections that may exist at once over all origins, whatever their state; 0 means 512, or
  /// `pool_options::max_connections` if that is more. When all exist, the one that has been idle
  /// for the longest is closed for an origin that needs another; one that is never idle is not, so
  /// that origins that are always busy may keep others waiting until their `acquire_timeout`.
  /// Clients that are to share a limit share a `pool_options::budget` instead.
  std::size_t max_total_connections = 0;

  /// Origins that are remembered though they have no connection left, the latest ones: if they are
  /// asked again, their figures go on, and what is known of their addresses is used. Those of an
  /// origin that is forgotten begin anew. The client's own is never forgotten.
  std::size_t remembered_origins = 100;

  /// If not empty, idle connections are asked `HEAD` on this path every `pool_probe::interval`, and
  /// must answer with a status below 500 within `pool_probe::timeout`, both of
  /// `pool_options::probe`. A proxy that forwards is sent it as a request for the origin; a
  /// `pool_probe::ask` is given the connection to that proxy as it is.
  std::string probe_path = {};

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

  /// Requests that may not be sent a second time (see `send_options::replay`) prefer a connection
  /// that was idle for less than this, or else a new one, since the longer one is idle the likelier
  /// its peer closes it just as the request is written: many servers do after 5 s. See
  /// `acquire_options::max_idle`; `std::chrono::nanoseconds::max()` turns it off. Not negative.
  std::chrono::nanoseconds unsafe_max_idle = std::chrono::seconds(4);

  /// Time that a request with `Expect: 100-continue` waits for leave to send its body, before it
  /// sends it all the same (RFC 9110 §10.1.1). Not negative.
  std::chrono::nanoseconds continue_timeout = std::chrono::seconds(1);

  /// How many exchanges may share a connection (RFC 9112 §9.3.2): with more than 1, requests are
  /// sent before the responses to those ahead of them have come, which saves round trips and
  /// system calls. From 1, which is off, to 1024.
  ///
  /// Calls of `async_send` share that may be sent again (`replay::safe`), have a small body at
  /// hand, and want nothing of the connection: no `Expect`, `Upgrade` or `Connection: close`, no
  /// `first_byte_timeout` or `read_timeout`, no TLS. All others have a connection alone, as
  /// without this. A connection is shared once it has served.
  ///
  /// Leave it off unless you know the peer. A response that takes long, or is long, holds up all
  /// those behind it. A peer, or a proxy before it, that confuses the order of its responses gives
  /// one caller the answer of another, and nothing can tell. When a connection ends, all the
  /// requests on it that have no byte of a response are sent again, once: the peer may see each of
  /// them twice. A call whose time runs out takes the connection with it, and so do those whose
  /// responses are malformed; a cancelled one does not.
  std::size_t pipeline_depth = 1;

  /// The most bytes of the head of a response, with those of the informational responses (1xx)
  /// before it, and the most of a trailer section; beyond it `error::head_too_large`. Above zero,
  /// at most 2^31.
  std::size_t max_head_bytes = 64 * 1024;

  /// The most field lines that the head of a response may have; beyond it `error::head_too_large`.
  /// Above zero.
  std::size_t max_fields = 128;

  /// The most bytes that the body of a response may have, unless it is streamed; beyond it
  /// `error::body_too_large`.
  std::uint64_t max_body_bytes = 64 * 1024 * 1024;
};

/// The pool of one origin, at one moment.
struct origin_stats {
  httpool::origin origin;   ///< Where its connections lead.
  pool_stats pool;          ///< Its figures,
  exchange_stats exchanges; ///< and those of the exchanges over them.
};

/// How long what the pool of one origin does, and the exchanges over it, took.
struct origin_histograms {
  httpool::origin origin;        ///< Where its connections lead.
  pool_histograms pool;          ///< What the pool has measured,
  exchange_histograms exchanges; ///< and what the client has.
};

/// The pool of one origin at one moment, connection by connection.
struct origin_view {
  httpool::origin origin; ///< Where its connections lead.
  pool_view pool;         ///< What it holds.
};

class client;

namespace detail {
HTTPOOL_EXPORT std::vector<origin_view> views_of(client_core& core);
} // namespace detail

/// Sends requests over pooled connections and receives the responses.
///
/// \code
/// httpool::client client(context);
/// httpool::client_response answer = co_await client.async_send(
///     httpool::request("GET", "http://127.0.0.1:8080/orders"), asio::use_awaitable);
/// \endcode
///
/// A request whose target is a URL (see `parse_url`) goes to the URL's origin, with what is left as
/// its target. One whose target is a path goes to the client's own origin, if it has one. Each
/// origin has a pool of its own, made when it is first asked for and forgotten when it has been
/// empty while `client_options::remembered_origins` others became so.
///
/// It follows RFC 9112 to the letter and does no more than that: a connection serves again only
/// after a complete exchange that both sides keep alive; anything else costs the connection. What a
/// peer says in `Keep-Alive` about how long it will keep the connection is heeded, with a margin of
/// a second. There are no redirects, no decompression and no cookies.
///
/// \par Thread safety
/// All members may be called from any thread at any time, but for the destructor, which must be
/// alone. The context may be run by several threads, and handlers may run on other contexts.
class HTTPOOL_EXPORT client {
public:
  /// The type of `get_executor()`.
  using executor_type = boost::asio::any_io_executor;

  /// Makes a client without an origin of its own.
  ///
  /// \throws std::invalid_argument if an option is nonsense, with the name and the value, or
  /// `executor` is empty.
  explicit client(executor_type executor, client_options options = {});

  /// Makes a client of an origin.
  ///
  /// \throws std::invalid_argument if an option is nonsense, with the name and the value, or
  /// `executor` is empty.
  client(executor_type executor, const origin& base, client_options options = {});

  /// Makes a client of the origin `http://host:port`; `host` is a name or an IP literal, IPv6 with
  /// or without brackets.
  ///
  /// \throws std::invalid_argument if an option is nonsense, or `host` is none, with the name and
  /// the value, or `executor` is empty.
  client(executor_type executor, std::string_view host, std::uint16_t port,
         client_options options = {});

  /// The same, for an execution context such as `io_context`.
  template <class ExecutionContext>
  requires requires(ExecutionContext& context) {
    { context.get_executor() } -> std::convertible_to<executor_type>;
  }
  explicit client(ExecutionContext& context, client_options options = {})
      : client(executor_type(context.get_executor()), std::move(options)) {}

  /// The same, for an execution context such as `io_context`.
  template <class ExecutionContext>
  requires requires(ExecutionContext& context) {
    { context.get_executor() } -> std::convertible_to<executor_type>;
  }
  client(ExecutionContext& context, const origin& base, client_options options = {})
      : client(executor_type(context.get_executor()), base, std::move(options)) {}

  /// The same, for an execution context such as `io_context`.
  template <class ExecutionContext>
  requires requires(ExecutionContext& context) {
    { context.get_executor() } -> std::convertible_to<executor_type>;
  }
  client(ExecutionContext& context, std::string_view host, std::uint16_t port,
         client_options options = {})
      : client(executor_type(context.get_executor()), host, port, std::move(options)) {}

  client(const client&) = delete;
  client& operator=(const client&) = delete;

  /// Closes the client. Exchanges under way go on.
  ~client();

  /// The executor that connections live on and, without an executor of its own, a handler runs on.
  executor_type get_executor() const noexcept;

  /// Sends `message` and gives its response: `void(boost::system::error_code, client_response)`.
  ///
  /// The client sets `Host` and the framing field where the request has none, and nothing else. The
  /// whole body is received. Informational responses (1xx) are passed over, within
  /// `client_options::max_head_bytes`.
  ///
  /// A large body is written while the response is read. If that is complete first, the rest of the
  /// request is not sent, and the connection is closed.
  ///
  /// With `Expect: 100-continue` the body waits for the peer's leave, or for
  /// `client_options::continue_timeout`; it is not sent if the final response comes instead.
  ///
  /// \par Sending again
  /// A request is sent a second time, over a fresh connection, when its own had been kept (had been
  /// idle or had served), died without a byte of response, and `send_options::replay` allows it.
  /// Never a third time, and never after a timeout.
  ///
  /// \par Completion
  /// Never inside this call, on the handler's associated executor.
  ///
  /// \par Errors
  /// `error::invalid_request` if the message cannot be put on the wire, or its method is CONNECT:
  /// the client could not hand over the tunnel. Those of `parse_url` if its target is no path, such
  /// as `error::invalid_url` for `orders`, which lacks the `/` that a path begins with;
  /// `error::url_without_host` if it is a path, and the client has no origin of its own. Nothing
  /// was sent then. Those of `connection_pool::async_acquire`. `error::exchange_timeout`,
  /// `error::first_byte_timeout`, `error::read_timeout`, `error::connection_closed`,
  /// `error::protocol_error`, `error::head_too_large`, `error::body_too_large`,
  /// `boost::asio::error::no_memory`, and others of the system. An error comes with an empty
  /// response, even if a status had been received.
  ///
  /// \par Cancellation
  /// Every type, with `boost::asio::error::operation_aborted`. Once a connection is leased for the
  /// request, it costs the connection, unless that is shared (`client_options::pipeline_depth`).
  /// One that comes too late has no effect. Emit the signal where the call was made or later, not
  /// while it is being started.
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

  /// Sends `message` and receives its response into `answer`: `void(boost::system::error_code)`.
  ///
  /// Otherwise as above. Both messages must live, and be left alone, until the operation ends; what
  /// memory `answer` has is used again. A small request to the client's own origin, for which it
  /// need not be changed, over a connection without TLS, allocates nothing after others of its
  /// kind. `answer` is cleared when the call begins, and is empty after an error.
  ///
  /// \code
  /// const httpool::request question("GET", "/orders");
  /// httpool::client_response answer;
  /// for (;;)
  ///   co_await client.async_send(question, answer, asio::use_awaitable);
  /// \endcode
  template <class CompletionToken>
  auto async_send(const request& message, client_response& answer, CompletionToken&& token) {
    return async_send(message, answer, send_options(), std::forward<CompletionToken>(token));
  }

  /// A message that is gone before it is sent.
  template <class CompletionToken>
  void async_send(const request&& message, client_response& answer, CompletionToken&&) = delete;

  /// The same, with options for this call alone.
  template <class CompletionToken>
  auto async_send(const request& message, client_response& answer, const send_options& options,
                  CompletionToken&& token) {
    return boost::asio::async_initiate<CompletionToken, void(boost::system::error_code)>(
        detail::initiate_fill{core_}, token, &message, &answer, options);
  }

  /// A message that is gone before it is sent.
  template <class CompletionToken>
  void async_send(const request&& message, client_response& answer, const send_options&,
                  CompletionToken&&) = delete;

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

  /// Closes the client and waits until all exchanges have ended:
  /// `void(boost::system::error_code)`.
  ///
  /// Exchanges that have not ended after `timeout` are cut off, and fail with `error::pool_closed`;
  /// the operation completes with `boost::asio::error::timed_out` then. To cancel it has no effect.
  template <class CompletionToken>
  auto async_drain(std::chrono::nanoseconds timeout, CompletionToken&& token) {
    return boost::asio::async_initiate<CompletionToken, void(boost::system::error_code)>(
        detail::initiate_client_drain{core_}, token, timeout);
  }

  /// The same, with a timeout of 10 s.
  template <class CompletionToken>
  auto async_drain(CompletionToken&& token) {
    return async_drain(std::chrono::seconds(10), std::forward<CompletionToken>(token));
  }

  /// Closes idle connections, fails calls that wait for one with `error::pool_closed`, and refuses
  /// new ones from now on. Exchanges under way go on, and their connections close when they end.
  void close() noexcept;

  /// The figures of each origin that has a pool, be it empty: the client's own first.
  std::vector<origin_stats> stats() const;

  /// What each of them has measured since its pool was made; all empty if `pool_options::metrics`
  /// is false.
  std::vector<origin_histograms> histograms() const;

  /// The pool of each, connection by connection.
  std::vector<origin_view> views() const;

  /// The pool of the client's own origin, such as for `prewarm` and `set_limits`.
  ///
  /// \throws std::logic_error if the client has none.
  connection_pool& pool();

private:
  friend const std::shared_ptr<detail::client_core>& detail::core_of(const client& one) noexcept;

  std::shared_ptr<detail::client_core> core_;
};

} // namespace httpool
