/// \file
/// What a server may be told, and what it tells.
#pragma once

#include <httpool/request_context.hpp>
#include <httpool/response.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>

namespace httpool {

class tls_server;

/// Options of a `server`. `server`'s constructors throw `std::invalid_argument`, naming field and
/// value, for a duration that is not positive, for a limit of zero where that is not said to mean
/// "no limit", and for a limit above what is said to be the most.
///
/// A deadline may be late by a few milliseconds, never early; `duration::max()` means none.
struct server_options {
  /// What the deadlines are given in: the steady clock's, as wall-clock time may jump.
  using duration = std::chrono::steady_clock::duration;

  /// Bytes of a request's head, request line and line breaks included; beyond: 431, or 414 if the
  /// request line alone is longer. Holds for the trailer section, too. At most 2^31.
  std::size_t max_head_bytes = 32 * 1024;

  /// Field lines of a request's head, and of its trailer section; beyond: 431.
  std::size_t max_fields = 128;

  /// Bytes of a request's content; beyond: 413.
  std::uint64_t max_body_bytes = 64 * 1024 * 1024;

  /// Encrypts the connections (`<httpool/tls_server.hpp>`, in the library `httpool::tls`); none of
  /// them is encrypted if null.
  std::shared_ptr<tls_server> tls = {};

  /// From the acceptance of an encrypted connection to the end of its handshake; then the
  /// connection is closed.
  duration handshake_timeout = std::chrono::seconds(10);

  /// From a request's first byte to the end of its head; then 408.
  duration head_timeout = std::chrono::seconds(10);

  /// Without progress, while a body is being read (then 408; progress is content, not chunk
  /// extensions or trailers) or a response written (then the connection is closed).
  duration body_timeout = std::chrono::seconds(10);

  /// Without a request; then the connection is closed. It begins anew while the client, at the pace
  /// that its network allows, is still receiving a response.
  duration idle_timeout = std::chrono::seconds(60);

  /// What in-flight requests get to finish once the server stops.
  duration drain_timeout = std::chrono::seconds(5);

  /// How long the server, having closed its side first, waits for the client to close the other, so
  /// that a reset does not overtake the last response (RFC 9112 §9.6). It begins anew while the
  /// client is still receiving.
  duration linger_timeout = std::chrono::seconds(2);

  /// Requests served on one connection; the last response says `Connection: close`. Zero: no limit.
  std::uint64_t max_requests = 0;

  /// Connections open at a time; more wait, unaccepted, for one of them to close. Zero: no limit.
  std::size_t max_connections = 0;

  /// Responses that are gathered into one write while the client has sent ahead. Nothing further is
  /// read while they are being written.
  std::size_t max_batch = 64;

  /// Bytes of responses after which such a write begins, whether or not `max_batch` is reached.
  std::size_t max_batch_bytes = 256 * 1024;

  /// Lets several servers listen on one port, among which the system spreads connections
  /// (`SO_REUSEPORT`). A port that another such server of the same user holds is then not in use!
  /// `server_threads` sets this by itself, and finds a port in use that anyone else listens on.
  bool reuse_port = false;

  /// Called with every response, the server's own refusals included, before it is sent. May add
  /// fields to it; must not throw.
  std::function<void(response&, const request_context&)> on_response = {};

  /// Called with what a handler has thrown, or the source of a body, before the client is told that
  /// it failed; also with what a cancelled coroutine throws. Nothing else keeps it. Must not throw.
  std::function<void(const std::exception_ptr&, const request_context&)> on_failure = {};
};

/// Figures of a server since it was made.
struct server_stats {
  std::uint64_t accepted = 0;         ///< Connections.
  std::size_t open = 0;               ///< Connections now.
  std::size_t peak_open = 0;          ///< The most there were at a time.
  std::uint64_t requests = 0;         ///< Requests handed to the handler.
  std::uint64_t refused = 0;          ///< Requests that were malformed or beyond a limit.
  std::uint64_t timed_out = 0;        ///< Connections cut at a deadline, idle ones included.
  std::uint64_t handler_failures = 0; ///< Handlers that threw, were cancelled, or gave a 1xx.
  std::uint64_t writes = 0;           ///< Writes of batches of responses.
  std::uint64_t accept_pauses = 0;    ///< Times that accepting lacked descriptors or memory.
};

} // namespace httpool
