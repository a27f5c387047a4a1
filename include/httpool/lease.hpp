/// \file
/// The right to use one connection alone.
#pragma once

#include <httpool/detail/export.hpp>
#include <httpool/stream.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>

#include <chrono>
#include <cstdint>
#include <string_view>
#include <utility>

namespace httpool {

namespace detail {
class pool_core;
struct connection;
} // namespace detail

/// The right to use one connection of a pool alone, until it is destroyed, reset or assigned to.
///
/// The connection goes back to its pool if `keep_alive(true)` was said, is otherwise closed: safe
/// by default, since a connection with half an exchange on it must not serve again.
///
/// \code
/// httpool::lease lease = co_await pool.async_acquire(asio::use_awaitable);
/// co_await asio::async_write(lease.stream(), asio::buffer(request), asio::use_awaitable);
/// ...
/// lease.keep_alive(true); // the exchange is complete
/// \endcode
///
/// A lease may outlive its pool, but not the execution context of the pool, except in a handler
/// that this context destroys.
///
/// \par Thread safety
/// Distinct leases: safe. One lease: one owner at a time, as for any Asio object.
class HTTPOOL_EXPORT lease {
public:
  /// The type of `get_executor()`.
  using executor_type = boost::asio::any_io_executor;

  /// Makes an empty lease.
  lease() noexcept = default;

  /// Takes `other`'s connection and leaves it empty.
  lease(lease&& other) noexcept
      : connection_(std::exchange(other.connection_, nullptr)),
        keep_alive_(std::exchange(other.keep_alive_, false)),
        delivered_(other.delivered_) {}

  /// Ends this lease, takes `other`'s connection and leaves it empty.
  lease& operator=(lease&& other) noexcept {
    if (this != &other) {
      reset();
      connection_ = std::exchange(other.connection_, nullptr);
      keep_alive_ = std::exchange(other.keep_alive_, false);
      delivered_ = other.delivered_;
    }
    return *this;
  }

  /// Ends the lease. Never blocks on the peer.
  ~lease() { reset(); }

  /// Whether it holds a connection. All that follows, except `reset`, requires that it does.
  explicit operator bool() const noexcept { return connection_ != nullptr; }

  /// What goes to and comes from the peer, whether or not TLS protects it. No operation may be
  /// pending on it when the lease ends.
  httpool::stream& stream() noexcept;

  /// The transport: the connected socket, which is all there is of a plain connection. Use it as
  /// any Asio socket, but neither close it nor move from it: the pool may have to shut it down
  /// until the lease ends. To end a connection early, end the lease; to take the socket away, say
  /// `detach()`. No operation may be pending on it when the lease ends. What an encrypted
  /// connection carries goes through `stream()`.
  boost::asio::ip::tcp::socket& socket() noexcept;

  /// The connection's read buffer, which stays with the connection; it is empty at first. Bytes
  /// that are left in it when the lease ends cost the connection.
  boost::beast::flat_buffer& buffer() noexcept;

  /// The executor of the socket, which is the pool's.
  executor_type get_executor() const noexcept;

  /// The number of the connection in its pool, counted from 1; no other connection has or will have
  /// it.
  std::uint64_t id() const noexcept;

  /// Whether the connection has served a lease before this one.
  bool reused() const noexcept { return uses() > 1; }

  /// Whether the connection was idle before this lease, rather than dialed or handed over for it.
  /// Then, or if it is `reused()`, its peer may have closed it unseen: a request may be sent again.
  bool waited() const noexcept;

  /// How many leases the connection has served, this one included.
  std::uint64_t uses() const noexcept;

  /// Says whether the connection may serve again when the lease ends. True is a claim: the exchange
  /// is complete, and both sides keep the connection alive. Bytes left unread, in the buffer or the
  /// socket, close it all the same.
  void keep_alive(bool keep) noexcept { keep_alive_ = keep; }

  /// What was last said by `keep_alive(bool)`; false at first.
  bool keep_alive() const noexcept { return keep_alive_; }

  /// Says for how long the connection may be idle after this lease at most, such as because its
  /// peer has announced when it will close it (`Keep-Alive: timeout=5`; take a margin off). A
  /// connection that has been idle for that long is never handed out and is closed, even one that
  /// `pool_options::min_idle` would keep. Zero or less lets it serve nobody after this lease. It
  /// holds until a later lease of the connection says otherwise.
  void limit_idle(std::chrono::nanoseconds length) noexcept;

  /// Says how many leases the connection may serve after this one at most, such as because its peer
  /// has announced it (`Keep-Alive: max=100`). `pool_options::max_uses` holds all the same. It
  /// holds until a later lease of the connection says otherwise.
  void limit_uses(std::uint64_t more) noexcept;

  /// Shuts the transport down at `deadline`, unless the lease ends before: what is then pending on
  /// the socket fails, `late()` becomes true, and the connection is not kept. A deadline costs no
  /// timer of its own and may come a few milliseconds late, never early. The latest call counts;
  /// `time_point::max()` means never.
  void expires_at(std::chrono::steady_clock::time_point deadline) noexcept;

  /// The same, counted from now.
  void expires_after(std::chrono::steady_clock::duration length) noexcept;

  /// Shuts the transport down now, as a deadline that has come. Unlike all else it may be called
  /// from another thread than the owner's, as long as the lease has not ended.
  void cut_off() noexcept;

  /// Whether the transport was shut down: at the deadline, at that of `async_drain`, or by
  /// `cut_off()`. This, not the error of the operation that failed, tells a late peer from a lost
  /// one.
  bool late() const noexcept;

  /// Says that the peer behind this connection's endpoint did not serve, such as by not answering,
  /// or by ending a fresh connection without a response: for 30 s, dials of the pool try the name's
  /// other addresses first. A connection that died while it was idle says nothing of its endpoint.
  /// Other connections to it stay, and so does this one if it is kept. May be called from another
  /// thread than the owner's, as long as the lease has not ended.
  void avoid_endpoint() noexcept;

  /// Says what the connection is used for, to whoever looks at the pool (`connection_view`, the
  /// live page): `lease.describe("SELECT ...")`. The first 48 bytes are kept, until this lease or a
  /// later one says something else. It allocates nothing and waits for nobody, and may be said as
  /// often as one likes. `httpool::client` says the method and the path of each request.
  void describe(std::string_view use) noexcept;

  /// Takes the socket out of the pool and of its limit, and leaves the lease empty. Bytes in
  /// `buffer()` are lost: take them first. A WebSocket has no need of it, and over TLS no use for
  /// it: see <httpool/websocket.hpp>.
  ///
  /// \throws std::logic_error if the connection is encrypted; nothing has changed then.
  boost::asio::ip::tcp::socket detach();

  /// Ends the lease now.
  void reset() noexcept {
    if (connection_)
      end();
  }

private:
  friend class detail::pool_core;
  friend lease&& deliver(lease& undelivered) noexcept;

  lease(detail::connection& connection, bool delivered) noexcept
      : connection_(&connection), delivered_(delivered) {}

  void end() noexcept;

  detail::connection* connection_ = nullptr; ///< Which keeps its pool.
  bool keep_alive_ = false;
  bool delivered_ = false;
};

/// Marks a lease as seen by its caller. One that is destroyed before, because its caller has gone,
/// goes to the next waiter as good as it was. For the library's own use.
inline lease&& deliver(lease& undelivered) noexcept {
  undelivered.delivered_ = true;
  return std::move(undelivered);
}

} // namespace httpool
