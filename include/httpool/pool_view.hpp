/// \file
/// All that a pool holds at one moment, connection by connection.
#pragma once

#include <httpool/detail/export.hpp>
#include <httpool/pool_stats.hpp>

#include <boost/asio/ip/tcp.hpp>

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace httpool {

/// What a connection of a pool is doing. Each state counts against `max_connections`.
enum class connection_state : std::uint8_t {
  dialing, ///< Is being established.
  idle,    ///< Ready for the next caller.
  leased,  ///< A caller or a probe has it.
  closing, ///< Is being closed.
};

/// The name of a state, such as "idle".
HTTPOOL_EXPORT const char* to_string(connection_state state) noexcept;

/// One connection of a pool.
struct connection_view {
  std::uint64_t id = 0;        ///< As in `lease::id()`; 0 while it is being dialed.
  connection_state state = {}; ///< What it is doing.
  bool probed = false;         ///< It is leased to a probe.
  std::uint64_t uses = 0;      ///< Leases, the present one included; probes do not count.

  /// Its peer; none while it is being dialed, nor if that is a Unix-domain socket.
  boost::asio::ip::tcp::endpoint endpoint;

  /// When its dial began or, while that has to wait, as a retry's may, the wait for it.
  std::chrono::steady_clock::time_point dialed_at = {};

  /// When its state began; of a closing one, when its last lease did or, without any, its dial.
  std::chrono::steady_clock::time_point since = {};

  /// What the caller that has it, or had it last, said that it uses it for (`lease::describe`),
  /// such as `GET /items/7`: no more than 48 bytes, which may be any, and end within a character.
  /// Empty if nobody has said anything.
  std::string description = {};
};

/// A pool at one moment: the figures and the connections agree.
struct pool_view {
  pool_stats stats;                         ///< The pool's figures.
  std::vector<connection_view> connections; ///< `stats.total()` of them, in no order.
  std::uint32_t dial_failures = 0;          ///< Dials that failed since the last success.
  std::chrono::nanoseconds backoff = {};    ///< For how long no dial may begin, for they failed.
};

} // namespace httpool
