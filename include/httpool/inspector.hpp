/// \file
/// A page that shows what pools do, live, for whoever runs a program that has them.
#pragma once

#include <httpool/detail/export.hpp>
#include <httpool/observer.hpp>
#include <httpool/request.hpp>
#include <httpool/request_context.hpp>
#include <httpool/server_handler.hpp>
#include <httpool/server_options.hpp>

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace httpool {

class client;
class connection_pool;

namespace detail {
class inspector_core;
}

/// How an `inspector` is set up. Its constructor throws `std::invalid_argument`, with the field's
/// name and the value, for what is out of range.
struct inspector_options {
  /// How often the pools are looked at, and the page is told: from 50 ms to 1 s.
  std::chrono::nanoseconds sample_every = std::chrono::milliseconds(200);

  /// Pools that are shown, those of clients included; others are left out. From 1 to 1000.
  std::size_t max_pools = 32;

  /// Connections of a pool that have a lane; others are counted. From 1 to 10000.
  std::size_t max_lanes = 256;

  /// Readers of `/pool/events` at a time; others get a 503. At most 1000.
  std::size_t max_streams = 8;

  /// Names by which the page may be asked for, beside `localhost` and every IP address: in lower
  /// case, without a port. A request whose `Host` is another name is refused, since that is how
  /// pages of others would reach a server of this machine (DNS rebinding).
  std::vector<std::string> hosts = {};
};

/// Shows pools, clients and servers as a page on a `server`: `/pool`, `/pool.json`, the events
/// that keep the page live, `/pool/events`, and the figures of `metrics_registry`, `/metrics`, with
/// the names given as labels `name`. Of two pools with the same name that has the first alone.
///
/// \code
/// httpool::inspector inspector;
/// inspector.watch("orders", client);
/// httpool::server page(context, {asio::ip::address_v4::loopback(), 9000}, inspector.handler());
/// \endcode
///
/// A thread of its own looks at the pools some times a second, so that there is a minute to look
/// back on and the page works when an event loop is stuck. That costs a pool its lock for some
/// microseconds each time. What it keeps is bounded by its options.
///
/// It tells what a program does to whoever can reach its port, the paths of its requests included,
/// but not their queries. Give it one of the loopback, and see `doc/security.md`.
///
/// \par Thread safety
/// All members may be called from any thread at any time, but for the destructor, which must be
/// alone.
class HTTPOOL_EXPORT inspector {
public:
  /// Begins to look at what will be watched.
  ///
  /// \throws std::invalid_argument if an option is out of range.
  explicit inspector(inspector_options options = {});

  inspector(const inspector&) = delete;
  inspector& operator=(const inspector&) = delete;

  /// Ends as `close()` does. Handlers may live on, and answer 503.
  ~inspector();

  /// Shows a pool from now on; it is taken off the page a minute after it was destroyed. One that
  /// is gone makes room for another of the same name.
  void watch(std::string name, const connection_pool& pool);

  /// Shows the pools of all origins of a client from now on.
  void watch(std::string name, const client& of);

  /// Shows a server's figures, which `figures` gives, and which must not outlive it: it is called
  /// until `unwatch_server()` or `close()` return, by one thread at a time, the inspector's or that
  /// of a server. After `close()` this does nothing.
  ///
  /// No lock but one of its own is held around it. It may call this inspector, but for `close()`
  /// and the destructor, and must not wait for a thread that is in `sample()`, `unwatch_server()`,
  /// `close()` or an answer. If it throws, that server is shown as one whose figures failed.
  void watch_server(std::string name, std::function<server_stats()> figures);

  /// Shows the servers of that name no more. Nobody asks them for figures once this returns: it
  /// waits for who does, unless it is called from within them.
  void unwatch_server(std::string_view name) noexcept;

  /// An observer for the pool or client that is watched by that name: with it the page shows how
  /// long callers wait and dials take, and what happened last. It passes everything on to `next`.
  std::shared_ptr<pool_observer> observer(std::string name,
                                          std::shared_ptr<pool_observer> next = {});

  /// The answer to a request for one of the inspector's paths; nothing for any other path.
  std::optional<reply> answer(const request& message, const request_context& context) const;

  /// Answers requests for the inspector's paths, sends those for `/` to `/pool`, and says 404 to
  /// all others.
  server_handler handler() const;

  /// Answers requests for the inspector's paths, and has `beneath` answer all others.
  server_handler mount(server_handler beneath) const;

  /// Looks at everything now, beside the regular times.
  void sample();

  /// Ends the streams of events and looks at nothing any more. To be called before a server that it
  /// is mounted on is stopped, which would otherwise wait for those streams until its deadline.
  void close() noexcept;

private:
  std::shared_ptr<detail::inspector_core> core_;
};

} // namespace httpool
