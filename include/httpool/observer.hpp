/// \file
/// The interface through which a pool tells what it does.
#pragma once

#include <httpool/detail/export.hpp>
#include <httpool/pool_stats.hpp>

#include <boost/system/error_code.hpp>

#include <chrono>
#include <cstdint>

namespace httpool {

/// Is told what a pool does. Derive from it, override what is of interest, and set
/// `pool_options::observer`.
///
/// \par Thread safety
/// A pool calls its observer from whichever thread an event happened on, never under its lock, and
/// possibly from several threads at once. Events of one connection come in order.
///
/// \par Errors
/// What an observer throws is swallowed: an observer cannot harm the pool. It may call the pool.
class HTTPOOL_EXPORT pool_observer {
public:
  virtual ~pool_observer() = default;

  /// A dial gave a connection, `took` after it began.
  virtual void connection_made(std::uint64_t /*id*/, std::chrono::nanoseconds /*took*/) {}

  /// A dial failed, `took` after it began.
  virtual void dial_failed(boost::system::error_code /*error*/, std::chrono::nanoseconds /*took*/) {
  }

  /// A connection ended after `uses` leases.
  virtual void connection_closed(std::uint64_t /*id*/, close_reason /*reason*/,
                                 std::uint64_t /*uses*/) {}

  /// A caller got a connection after `wait`; `uses` counts the leases of it, this one included.
  virtual void acquire_granted(std::uint64_t /*id*/, std::chrono::nanoseconds /*wait*/,
                               std::uint64_t /*uses*/) {}

  /// A caller got no connection: why, after how long, and what the pool held at that moment.
  virtual void acquire_failed(boost::system::error_code /*error*/,
                              std::chrono::nanoseconds /*wait*/,
                              const pool_snapshot& /*snapshot*/) {}

  /// A lease has lasted for `pool_options::lease_warning` or longer: said once of each, while it
  /// goes on.
  virtual void lease_overdue(const overdue_lease& /*lease*/) {}

  /// A probe ended, `took` after it began; if not `good`, `connection_closed` follows.
  virtual void probed(std::uint64_t /*id*/, bool /*good*/, std::chrono::nanoseconds /*took*/) {}
};

} // namespace httpool
