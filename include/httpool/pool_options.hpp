/// \file
/// How a pool is set up: its limits, its deadlines and its hooks.
#pragma once

#include <httpool/proxy.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

namespace httpool {

class connection_budget;
class lease;
class pool_observer;
class tls_client;

/// What bounds the number of connections and waiters; `connection_pool::set_limits` changes it
/// later.
struct pool_limits {
  /// Connections that may exist at once, whatever their state: dialing, idle, leased and closing
  /// ones all count. At least 1.
  std::size_t max_connections = 64;

  /// Callers that may wait beyond those whom free room will serve; 0 makes `async_acquire` fail at
  /// once, with `error::too_many_waiters`, when the pool is exhausted.
  std::size_t max_waiters = 1024;

  /// Idle connections that the pool keeps ready, even without traffic. At most `max_connections`.
  std::size_t min_idle = 0;

  /// Dials that may be in flight at once. At least 1.
  std::size_t max_dials = 8;
};

/// An active question to an idle connection: are you still good?
///
/// `ask` gets the idle connection as a lease and says whether it may serve again; false, an
/// exception, or no answer within `timeout` costs the connection. It need not call
/// `lease::keep_alive`. A probed connection counts as leased. It is asked once per `interval`
/// without use.
struct pool_probe {
  /// The question; no probing without one. It runs on the pool's executor.
  std::function<boost::asio::awaitable<bool>(lease&)> ask;

  /// Time without use or probe after which an idle connection is asked. Above zero.
  std::chrono::nanoseconds interval = std::chrono::seconds(10);

  /// Time that the answer may take. Above zero.
  std::chrono::nanoseconds timeout = std::chrono::seconds(1);
};

/// How a pool is set up. A nonsense value makes the pool's constructor throw
/// `std::invalid_argument` with the field's name and the value.
///
/// Every duration may be `std::chrono::nanoseconds::max()`, which means for ever.
struct pool_options {
  /// \copydoc pool_limits::max_connections
  std::size_t max_connections = pool_limits().max_connections;

  /// \copydoc pool_limits::max_waiters
  std::size_t max_waiters = pool_limits().max_waiters;

  /// \copydoc pool_limits::min_idle
  std::size_t min_idle = pool_limits().min_idle;

  /// \copydoc pool_limits::max_dials
  std::size_t max_dials = pool_limits().max_dials;

  /// Time that a caller waits for a connection before `error::acquire_timeout`. Zero means that
  /// only a connection that is idle already will do. Not negative.
  std::chrono::nanoseconds acquire_timeout = std::chrono::seconds(5);

  /// Time in which a connection is established, with name resolution, `prepare`, a proxy's tunnel
  /// and the handshakes of TLS, before `error::dial_timeout`. Above zero. The addresses of a name
  /// are tried in turn, families alternating (RFC 8305 section 4): for 250 ms each at first, then
  /// those that have not answered for an equal share each of the time left, at least 250 ms.
  std::chrono::nanoseconds dial_timeout = std::chrono::seconds(10);

  /// First pause between dials to a peer that does not answer; it doubles with each failure that
  /// no success has followed, up to `max_dial_backoff`, and is spread by ± 20 %. Not negative.
  std::chrono::nanoseconds dial_backoff = std::chrono::milliseconds(100);

  /// Longest pause between dials, before it is spread. Not below `dial_backoff`.
  std::chrono::nanoseconds max_dial_backoff = std::chrono::seconds(10);

  /// Time without use after which an idle connection beyond `min_idle` is closed. Above zero.
  std::chrono::nanoseconds idle_timeout = std::chrono::seconds(30);

  /// Age, ± 10 % so that connections made together do not end together, after which a connection
  /// serves no further lease. Above zero.
  std::chrono::nanoseconds max_lifetime = std::chrono::minutes(10);

  /// Leases that one connection serves before it is closed; 0 means any number.
  std::uint64_t max_uses = 0;

  /// Leases that last for so long are reported, once each, by `pool_observer::lease_overdue`, and
  /// found in `connection_pool::overdue_leases()`: perhaps somebody has forgotten them. Nothing
  /// else becomes of them; `lease::expires_after` cuts one off. Above zero. Off by default, since
  /// only its owner knows what is long: a WebSocket lasts for hours. A minute suits a service whose
  /// requests take seconds.
  std::chrono::nanoseconds lease_warning = std::chrono::nanoseconds::max();

  /// Health probe of idle connections; off unless `pool_probe::ask` is set.
  pool_probe probe = {};

  /// Encrypts the connections; none is by default. The handshake belongs to the dial.
  /// `tls_client::create` makes one; a `client` uses it for `https` alone.
  std::shared_ptr<tls_client> tls = {};

  /// The proxy that connections are made through: a tunnel, opened by CONNECT (RFC 9110 §9.3.6) or
  /// by SOCKS, within which TLS is spoken with the origin, if it is spoken. The proxy is the one
  /// that is resolved and dialed, and the origin is whom it is told. What a `client` uses is in
  /// `client_options::proxies`.
  ///
  /// Besides the errors of any dial there are `error::proxy_refused` and
  /// `error::proxy_authentication_failed`, and what a SOCKS proxy says of the origin, such as
  /// `error::connection_refused`.
  std::optional<httpool::proxy> proxy = {};

  /// Runs once on each new connection, within `dial_timeout`, before anybody is given it and before
  /// a proxy or TLS is spoken to, such as to set socket options, or for a greeting where there are
  /// neither. An exception fails the dial: with its code if it is a
  /// `boost::system::system_error`, else with `error::prepare_failed`. At the deadline it is
  /// cancelled, with `cancellation_type::terminal`: one that awaits what cannot be cancelled keeps
  /// its place among the connections until that ends.
  std::function<boost::asio::awaitable<void>(boost::asio::ip::tcp::socket&)> prepare = {};

  /// Whether the pool keeps `pool_histograms` of how long what it does takes, and a `client` also
  /// `exchange_histograms`: some kilobytes an origin. `pool_stats` are kept in any case.
  bool metrics = true;

  /// A limit of connections that this pool shares with others; none by default.
  std::shared_ptr<connection_budget> budget = {};

  /// Is told what the pool does; none by default.
  std::shared_ptr<pool_observer> observer = {};
};

/// What one `async_acquire` may have otherwise than the pool's options say.
struct acquire_options {
  /// Replaces `pool_options::acquire_timeout` for this call. Zero or less means that only a
  /// connection that is idle already will do.
  std::optional<std::chrono::nanoseconds> timeout = {};

  /// For a request that cannot be sent again if the connection turns out dead: a connection that
  /// was idle for less than this is preferred. If there is none, and a dial may start now, the
  /// caller gets a dial of its own; if not, or if that fails or is late, it gets an older idle
  /// connection after all. Zero or less prefers a new connection to any idle one.
  std::optional<std::chrono::nanoseconds> max_idle = {};

  /// How long this call waits for a dial, which belongs to the pool and goes on: when this time has
  /// passed and a dial is in flight, the call fails with `error::dial_timeout`. When none is in
  /// flight, it goes on waiting for a connection that is given back, until its `timeout`.
  std::optional<std::chrono::nanoseconds> dial_timeout = {};
};

} // namespace httpool
