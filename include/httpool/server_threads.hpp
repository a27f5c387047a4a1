/// \file
/// A server on threads of its own.
#pragma once

#include <httpool/detail/export.hpp>
#include <httpool/server_handler.hpp>
#include <httpool/server_options.hpp>

#include <boost/asio/ip/tcp.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>

namespace httpool {

/// One port served by several threads, each with a `server` and an `io_context` of its own, so that
/// no connection ever waits for a lock. With more than one thread the system spreads connections
/// among them (`SO_REUSEPORT`). `max_connections` and the ids of connections are common to all.
///
/// \par Thread safety
/// The members may be called from any thread but the server's own. The handler and
/// `server_options::on_response` are called by all of the server's threads, and must be ready for
/// that.
class HTTPOOL_EXPORT server_threads {
public:
  /// Listens and starts the threads; `threads` is at least 1. Throws as `server`'s constructor
  /// does, and also if another server has the port, `SO_REUSEPORT` or not: only its own threads
  /// share it. `options.reuse_port` is not looked at.
  server_threads(std::size_t threads, const boost::asio::ip::tcp::endpoint& at,
                 server_handler handler, server_options options = {});

  server_threads(const server_threads&) = delete;
  server_threads& operator=(const server_threads&) = delete;

  /// Closes all connections at once and joins the threads.
  ~server_threads();

  /// Where it listens.
  boost::asio::ip::tcp::endpoint local_endpoint() const;

  /// The figures of all threads together.
  server_stats stats() const;

  /// Closes the connection of that id at once, whatever it is doing.
  void close_connection(std::uint64_t id);

  /// Stops gracefully, as `server::async_stop` does, and joins the threads. Returns whether
  /// everything was answered by the drain deadline; not so if there was no memory for that: then
  /// everything was closed at once.
  bool stop();

private:
  class impl;
  std::unique_ptr<impl> impl_;
};

} // namespace httpool
