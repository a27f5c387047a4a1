/// \file
/// The pool of connections to one origin.
#pragma once

#include <httpool/connection_budget.hpp>
#include <httpool/detail/export.hpp>
#include <httpool/detail/pool_operations.hpp>
#include <httpool/error.hpp>
#include <httpool/lease.hpp>
#include <httpool/pool_histograms.hpp>
#include <httpool/pool_options.hpp>
#include <httpool/pool_stats.hpp>
#include <httpool/pool_view.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>

#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <source_location>
#include <string>
#include <utility>
#include <vector>

namespace httpool {

namespace detail {
class client_core;
}

/// A pool of connections to one origin, over TCP or a Unix-domain socket.
///
/// \code
/// httpool::connection_pool pool(context, "127.0.0.1", 8080, {.max_connections = 5});
/// httpool::lease lease = co_await pool.async_acquire(asio::use_awaitable);
/// \endcode
///
/// Connections are dialed when callers need them, reused newest first, looked at before each
/// hand-out, watched while they are idle, and limited in number, age, idle time and use. Callers
/// for whom none is ready wait, first come, first served.
///
/// A pool with idle connections or waiters is outstanding work of its execution context: `run()`
/// returns after `close()` or a completed `async_drain()`, and after a name that is being looked up
/// has been, which cannot be interrupted.
///
/// \par Memory
/// What lacks memory fails alone: a call throws `std::bad_alloc` or completes with
/// `boost::asio::error::no_memory`, a dial or a probe has failed, and the pool goes on. That is so
/// on an `io_context` or a strand of one. Asio 1.81 terminates the process, or loses what a strand
/// should run, if memory lacks for executors that hold others.
///
/// \par Thread safety
/// All members may be called from any thread at any time, but for the destructor, which must be
/// alone. The context may be run by several threads.
class HTTPOOL_EXPORT connection_pool {
public:
  /// The type of `get_executor()`.
  using executor_type = boost::asio::any_io_executor;

  /// Makes a pool that dials `host`, a name or an IP literal, IPv6 with or without brackets. A name
  /// is resolved anew for each dial, and each of its addresses is tried in turn
  /// (`pool_options::dial_timeout` says for how long).
  ///
  /// What peers and proxies are told of `host`, and what the peer's certificate must be for, is the
  /// form that `origin` says: in lower case, without brackets, and without a dot at its end.
  ///
  /// \throws std::invalid_argument if an option is nonsense, with the field's name and the value,
  /// if `executor` is empty, or if `host` is none of them, as `origin` does.
  connection_pool(executor_type executor, std::string host, std::uint16_t port,
                  pool_options options = {});

  /// Makes a pool that dials `endpoint`.
  connection_pool(executor_type executor, const boost::asio::ip::tcp::endpoint& endpoint,
                  pool_options options = {});

  /// Makes a pool that dials the Unix-domain socket at `endpoint`, whose type must be said: a
  /// string alone is no endpoint.
  ///
  /// The `tcp::socket` of a lease then holds the descriptor of a connected Unix-domain socket. It
  /// reads, writes, waits, cancels, shuts down, closes and gives its `native_handle()` as ever, but
  /// neither `local_endpoint()` and `remote_endpoint()` nor TCP's own options mean anything on it.
  /// While the backlog of the listener is full, a dial tries again until its deadline.
  ///
  /// \throws std::invalid_argument also if the path is empty or contains NUL, as that of an
  /// abstract socket does.
  template <std::same_as<boost::asio::local::stream_protocol::endpoint> Endpoint>
  connection_pool(executor_type executor, const Endpoint& endpoint, pool_options options = {});

  /// The same, for an execution context such as `io_context`.
  template <class ExecutionContext>
  requires requires(ExecutionContext& context) {
    { context.get_executor() } -> std::convertible_to<executor_type>;
  }
  connection_pool(ExecutionContext& context, std::string host, std::uint16_t port,
                  pool_options options = {})
      : connection_pool(executor_type(context.get_executor()), std::move(host), port,
                        std::move(options)) {}

  /// The same, for an execution context such as `io_context`.
  template <class ExecutionContext>
  requires requires(ExecutionContext& context) {
    { context.get_executor() } -> std::convertible_to<executor_type>;
  }
  connection_pool(ExecutionContext& context, const boost::asio::ip::tcp::endpoint& endpoint,
                  pool_options options = {})
      : connection_pool(executor_type(context.get_executor()), endpoint, std::move(options)) {}

  /// The same, for an execution context such as `io_context`.
  template <class ExecutionContext,
            std::same_as<boost::asio::local::stream_protocol::endpoint> Endpoint>
  requires requires(ExecutionContext& context) {
    { context.get_executor() } -> std::convertible_to<executor_type>;
  }
  connection_pool(ExecutionContext& context, const Endpoint& endpoint, pool_options options = {})
      : connection_pool(executor_type(context.get_executor()), endpoint, std::move(options)) {}

  connection_pool(const connection_pool&) = delete;
  connection_pool& operator=(const connection_pool&) = delete;

  /// Closes the pool. Leases may live on. Never blocks on a peer.
  ~connection_pool();

  /// The executor that dials, probes and, without an executor of its own, a handler runs on.
  executor_type get_executor() const noexcept;

  /// Gives a connection when one is ready: `void(boost::system::error_code, lease)`.
  ///
  /// \par Completion
  /// Always by post, never inside this call, on the handler's associated executor.
  ///
  /// \par Errors
  /// `error::acquire_timeout`, `error::too_many_waiters`, `error::pool_closed`, or why a dial
  /// failed while this caller was the one who had waited longest: `error::dial_timeout`,
  /// `error::name_not_found`, `error::connection_refused`, `error::prepare_failed`,
  /// `error::connection_closed` or `error::protocol_error` if the peer ended the new connection or
  /// spoke on it unasked, and others of the system. `boost::asio::error::no_memory`.
  ///
  /// \par Cancellation
  /// Every type, with `boost::asio::error::operation_aborted` and no other effect. One that comes
  /// too late has none. Emit the signal where the call was made or while it waits, not while it is
  /// being started.
  ///
  /// `where` is told of a lease that becomes overdue (`pool_options::lease_warning`); leave it to
  /// its default, or hand on the place that your own caller is at.
  template <class CompletionToken>
  auto async_acquire(CompletionToken&& token,
                     std::source_location where = std::source_location::current()) {
    return async_acquire(acquire_options(), std::forward<CompletionToken>(token), where);
  }

  /// The same, with options for this call alone.
  template <class CompletionToken>
  auto async_acquire(acquire_options options, CompletionToken&& token,
                     std::source_location where = std::source_location::current()) {
    return boost::asio::async_initiate<CompletionToken, void(boost::system::error_code, lease)>(
        detail::initiate_acquire{core_, where}, token, options);
  }

  /// Gives an idle connection now, or an empty lease: when none is idle, while a caller waits, and
  /// when the pool is closed. Dials nothing.
  lease try_acquire(std::source_location where = std::source_location::current());

  /// The same, of a connection that was idle for less than `max_idle`.
  lease try_acquire(std::chrono::nanoseconds max_idle,
                    std::source_location where = std::source_location::current());

  /// Gives back `dead`, whose connection has died under its lessee, for a fresh dial in its place:
  /// the second try that a request may have. It neither queues behind a waiter nor overtakes one.
  /// Otherwise as `async_acquire`; `dead` must not be empty and must be of this pool.
  template <class CompletionToken>
  auto async_redial(lease dead, acquire_options options, CompletionToken&& token,
                    std::source_location where = std::source_location::current()) {
    return boost::asio::async_initiate<CompletionToken, void(boost::system::error_code, lease)>(
        detail::initiate_redial{core_, where}, token, std::move(dead), options);
  }

  /// Closes the pool and waits until all leases have ended: `void(boost::system::error_code)`.
  ///
  /// Leases that have not ended after `timeout` are cut off (see `lease::late`), and the operation
  /// completes with `boost::asio::error::timed_out`. Cancelling it, by any type, leaves the pool
  /// closed. With `boost::asio::error::no_memory` it has not begun: `timeout` could not be kept.
  template <class CompletionToken>
  auto async_drain(std::chrono::nanoseconds timeout, CompletionToken&& token) {
    return boost::asio::async_initiate<CompletionToken, void(boost::system::error_code)>(
        detail::initiate_drain{core_}, token, timeout);
  }

  /// The same, with a timeout of 10 s.
  template <class CompletionToken>
  auto async_drain(CompletionToken&& token) {
    return async_drain(std::chrono::seconds(10), std::forward<CompletionToken>(token));
  }

  /// Closes idle connections, gives up dials, fails waiters with `error::pool_closed` and refuses
  /// callers from now on. Leased connections close when their leases end.
  void close() noexcept;

  /// Figures of one moment.
  pool_stats stats() const;

  /// The leases that have outlasted `pool_options::lease_warning` by now, the longest first.
  std::vector<overdue_lease> overdue_leases() const;

  /// How long what the pool does has taken; all empty if `pool_options::metrics` is false.
  pool_histograms histograms() const;

  /// Figures and connections of one moment, in time that grows with the number of connections.
  pool_view view() const;

  /// Dials in advance, so that up to `count` connections exist, within the limits. It gives up when
  /// a dial fails; whoever needs connections at all times sets `pool_limits::min_idle`.
  void prewarm(std::size_t count);

  /// Changes the limits. Surplus idle connections close at once, leased ones when their leases end;
  /// waiters stay.
  ///
  /// \throws std::invalid_argument if a limit is nonsense, with the field's name and the value.
  void set_limits(const pool_limits& limits);

private:
  friend class detail::client_core;
  friend const std::shared_ptr<detail::pool_core>&
  detail::core_of(const connection_pool& pool) noexcept;

  explicit connection_pool(std::shared_ptr<detail::pool_core> core) noexcept;

  std::shared_ptr<detail::pool_core> core_;
};

} // namespace httpool
