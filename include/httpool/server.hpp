/// \file
/// An HTTP/1.1 server.
#pragma once

#include <httpool/detail/export.hpp>
#include <httpool/detail/operation.hpp>
#include <httpool/server_handler.hpp>
#include <httpool/server_options.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/execution_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/intrusive/list_hook.hpp>
#include <boost/system/error_code.hpp>

#include <concepts>
#include <cstdint>
#include <memory>
#include <type_traits>
#include <utility>

namespace httpool {

class server_threads;

namespace detail {

class server_core;

/// An `async_stop` under way.
struct HTTPOOL_EXPORT stop_operation : boost::intrusive::list_base_hook<>, operation<> {
protected:
  ~stop_operation() = default;
};

/// Starts `server::async_stop`.
class HTTPOOL_EXPORT initiate_stop {
public:
  using executor_type = boost::asio::any_io_executor;

  explicit initiate_stop(std::shared_ptr<server_core> core) noexcept : core_(std::move(core)) {}

  executor_type get_executor() const noexcept;

  template <class Handler>
  void operator()(Handler&& handler) const {
    start(*handler_operation<stop_operation, std::decay_t<Handler>>::create(
        std::forward<Handler>(handler), get_executor()));
  }

private:
  void start(stop_operation& operation) const;

  std::shared_ptr<server_core> core_;
};

} // namespace detail

/// Listens on one endpoint and answers HTTP/1.0 and HTTP/1.1 requests with a handler.
///
/// A client may send as many requests ahead as it likes; they are answered in order, and the
/// responses to those that have arrived together leave in one write. `Expect: 100-continue`, HEAD,
/// chunked bodies both ways and `Date` are taken care of. Framing is strict (RFC 9112 §6): what is
/// malformed or ambiguous gets a 400 (or 408, 413, 414, 417, 431, 501, 505), and nothing that comes
/// after it on that connection is taken for a request.
///
/// \par Thread safety
/// Everything runs on the executor given, whose context must be run by one thread, or which must be
/// a strand. The members may be called from any thread. A server must be destroyed before its
/// context.
///
/// \code
/// asio::io_context context(1);
/// httpool::server server(context, {asio::ip::address_v4::loopback(), 8080},
///                        [](const httpool::request&) {
///                          return httpool::response(200, "Hello, World!", "text/plain");
///                        });
/// context.run();
/// \endcode
class HTTPOOL_EXPORT server {
public:
  /// The type of `get_executor()`.
  using executor_type = boost::asio::any_io_executor;

  /// Listens on `at` (port 0 lets the system pick one) and begins to serve as soon as the executor
  /// runs. Throws `boost::system::system_error`, whose text names the endpoint, if it cannot listen
  /// there, and `std::invalid_argument` for bad options and an empty executor.
  server(executor_type executor, const boost::asio::ip::tcp::endpoint& at, server_handler handler,
         server_options options = {});

  /// The same, for an execution context such as `io_context`.
  template <class Context>
  requires std::derived_from<Context, boost::asio::execution_context>
  server(Context& context, const boost::asio::ip::tcp::endpoint& at, server_handler handler,
         server_options options = {})
      : server(executor_type(context.get_executor()), at, std::move(handler), std::move(options)) {}

  server(const server&) = delete;
  server& operator=(const server&) = delete;

  /// Closes at once, as `close()` does.
  ~server();

  /// The executor that everything runs on: accepting, connections, handlers that are coroutines.
  executor_type get_executor() const;

  /// Where it listens; the port is the one picked by the system if that was asked for.
  boost::asio::ip::tcp::endpoint local_endpoint() const;

  /// Figures of one moment.
  server_stats stats() const;

  /// Closes the connection of that id at once, whatever it is doing; nothing happens if there is
  /// none.
  void close_connection(std::uint64_t id);

  /// Stops listening, closes all connections at once and cancels handlers.
  void close();

  /// Stops gracefully: no new connections; idle ones are closed, those whose client is still
  /// receiving a response within `server_options::linger_timeout`; requests of which a byte has
  /// arrived are finished and answered, the last one with `Connection: close`; what is left after
  /// `server_options::drain_timeout` is closed as by `close()`.
  ///
  /// Completion signature `void(boost::system::error_code)`: no error if everything was answered,
  /// `asio::error::timed_out` if something had to be cut, by a `close()` too. The handler runs on
  /// its associated executor. The server's executor has to run until then. Cancellation is not
  /// supported, as it could not undo the stop. Later calls join the first.
  /// `asio::error::no_memory` if there was none to wait with: everything was closed as by
  /// `close()` then.
  template <class CompletionToken>
  auto async_stop(CompletionToken&& token) {
    return boost::asio::async_initiate<CompletionToken, void(boost::system::error_code)>(
        detail::initiate_stop(core_), token);
  }

private:
  friend class server_threads;
  explicit server(std::shared_ptr<detail::server_core> core);

  std::shared_ptr<detail::server_core> core_;
};

} // namespace httpool
