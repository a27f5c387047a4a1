/// \file
/// What one call of a client may have otherwise than the client's options say.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

namespace httpool {

class exchange_trace;

/// When a request may be sent a second time, over a fresh connection, because the first connection,
/// which had been kept, died without a byte of response. A request whose body cannot be produced
/// again is never sent again once some of it was.
enum class replay : std::uint8_t {
  never,     ///< Not at all.
  if_unsent, ///< Only if no byte of it had been written.
  safe,      ///< Also if it had been: the peer may see it twice.
};

/// What one call may have otherwise than the client's options say.
struct send_options {
  /// Replaces `client_options::exchange_timeout`.
  std::optional<std::chrono::nanoseconds> timeout = {};

  /// Replaces `pool_options::acquire_timeout`.
  std::optional<std::chrono::nanoseconds> acquire_timeout = {};

  /// How long the call waits for a connection that is being dialed: see
  /// `acquire_options::dial_timeout`. Without it, until `acquire_timeout`; the pool's own
  /// `pool_options::dial_timeout` holds in any case.
  std::optional<std::chrono::nanoseconds> dial_timeout = {};

  /// Replaces `client_options::first_byte_timeout`.
  std::optional<std::chrono::nanoseconds> first_byte_timeout = {};

  /// Replaces `client_options::read_timeout`.
  std::optional<std::chrono::nanoseconds> read_timeout = {};

  /// Whether the request may be sent again. If not set, `replay::safe` for idempotent methods
  /// (RFC 9110 §9.2.2) and `replay::if_unsent` for others.
  std::optional<httpool::replay> replay = {};

  /// Is told how the exchange goes: see `exchange_trace`, whose lifetime is the caller's affair.
  /// Nobody by default. A traced exchange has its connection alone
  /// (`client_options::pipeline_depth`).
  exchange_trace* trace = nullptr;
};

} // namespace httpool
