/// \file
/// What became of a client's exchanges.
#pragma once

#include <httpool/detail/export.hpp>
#include <httpool/histogram.hpp>

#include <boost/system/error_code.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <numeric>

namespace httpool {

/// How an exchange ended.
enum class exchange_outcome : std::uint8_t {
  informational, ///< A 101: the protocol was changed.
  successful,    ///< A 2xx.
  redirection,   ///< A 3xx.
  client_error,  ///< A 4xx.
  server_error,  ///< A 5xx, or a status beyond.
  timeout,       ///< A deadline passed, of whatever: `errc::timeout`.
  connection,    ///< There was no connection to be had, or it died: refused, closed, reset, not
                 ///< resolved, its proxy or its certificate at fault.
  protocol,      ///< The response was malformed, or beyond a limit.
  cancelled,     ///< The caller, or whoever dropped a streamed response, did not want the rest.
  other,         ///< The request could not be sent, too many wait, the pool was closed, and so on.
};

/// The number of values of `exchange_outcome`.
inline constexpr std::size_t exchange_outcome_count = 10;

/// As metrics have it: "1xx" to "5xx", "timeout", "connection", "protocol", "cancelled", "other".
HTTPOOL_EXPORT const char* to_string(exchange_outcome outcome) noexcept;

/// What an exchange counts as that has ended with a response of this status.
constexpr exchange_outcome outcome_of(unsigned status) noexcept {
  return status < 200   ? exchange_outcome::informational
         : status < 300 ? exchange_outcome::successful
         : status < 400 ? exchange_outcome::redirection
         : status < 500 ? exchange_outcome::client_error
                        : exchange_outcome::server_error;
}

/// What one counts as that has ended without: errors of the system, of name resolution and of TLS
/// are the connection's.
HTTPOOL_EXPORT exchange_outcome outcome_of(boost::system::error_code error) noexcept;

/// The exchanges with an origin: those that a client knew where to send.
struct exchange_stats {
  std::uint64_t active = 0; ///< Under way, streamed ones until their end was read or dropped.

  /// Those that have ended: `ended_by[std::size_t(exchange_outcome::timeout)]`.
  std::array<std::uint64_t, exchange_outcome_count> ended_by = {};

  /// Those that have ended in any way.
  std::uint64_t ended() const noexcept {
    return std::accumulate(ended_by.begin(), ended_by.end(), std::uint64_t{0});
  }

  /// Those that have ended in one way.
  std::uint64_t ended(exchange_outcome outcome) const noexcept {
    return ended_by[static_cast<std::size_t>(outcome)];
  }
};

/// How long exchanges with an origin took, from the call to the end of the response, by outcome.
struct exchange_histograms {
  /// `by_outcome[std::size_t(exchange_outcome::successful)]`.
  std::array<histogram, exchange_outcome_count> by_outcome;

  /// Of one outcome.
  const histogram& operator[](exchange_outcome outcome) const noexcept {
    return by_outcome[static_cast<std::size_t>(outcome)];
  }
};

} // namespace httpool
