/// \file
/// The interface through which one exchange of a client tells how it goes.
#pragma once

#include <httpool/detail/export.hpp>

#include <boost/system/error_code.hpp>

#include <chrono>
#include <cstdint>
#include <optional>

namespace httpool {

/// The dial that made a connection. Dials belong to the pool: it may have begun before the exchange
/// did, or for another.
struct traced_dial {
  /// When it began.
  std::chrono::steady_clock::time_point began = {};

  /// When the transport was connected, to the proxy if there is one.
  std::chrono::steady_clock::time_point connected = {};

  /// When TLS with the origin was ready; nothing if there is none.
  std::optional<std::chrono::steady_clock::time_point> secured = {};

  /// When the connection was ready for use.
  std::chrono::steady_clock::time_point ended = {};
};

/// The connection that an exchange has got.
struct traced_connection {
  std::uint64_t id = 0;               ///< Its number in its pool (`lease::id`).
  bool reused = false;                ///< It had served before.
  std::chrono::nanoseconds idle = {}; ///< For how long nobody had used it.
  traced_dial dial = {};              ///< How it was made, whenever that was.
};

/// Is told how one exchange goes, as Go's `httptrace` does. Derive from it, override what is of
/// interest, and set `send_options::trace`.
///
/// The order is `queued` if no connection is idle, `got_connection`, `request_written`,
/// `first_byte`, `done`. A request that is sent again begins again after `retried`. An exchange
/// that fails omits what it has not reached. The response may begin before the whole of a large
/// request is written. `done` comes once, and last.
///
/// \par Lifetime
/// It belongs to the caller and must live until `done` was called. That is before the call
/// completes or, after `async_open`, when the body has been read or dropped. A context that is
/// destroyed while the exchange is under way calls `done`, too.
///
/// \par Thread safety
/// Called from whichever thread a step happens on, one call after the other, never under a lock;
/// `queued` and `got_connection` possibly within the call that begins the exchange.
///
/// \par Errors
/// What it throws is swallowed: it cannot harm the exchange.
class HTTPOOL_EXPORT exchange_trace {
public:
  virtual ~exchange_trace() = default;

  /// No connection was idle: the exchange waits for one that is given back, or dialed.
  virtual void queued() {}

  /// There is a connection.
  virtual void got_connection(const traced_connection& /*connection*/) {}

  /// The system has taken the whole request.
  virtual void request_written() {}

  /// The first byte of a response has come, be it an informational one.
  virtual void first_byte() {}

  /// The connection has died without a byte of response, and the request is sent again.
  virtual void retried(boost::system::error_code /*why*/) {}

  /// The exchange has ended: with the status of a complete response, or with an error and 0.
  virtual void done(boost::system::error_code /*error*/, unsigned /*status*/) {}
};

} // namespace httpool
