/// \file
/// A response, and how it came.
#pragma once

#include <httpool/detail/export.hpp>
#include <httpool/response.hpp>

#include <cstdint>

namespace httpool {

namespace detail {
class exchange;
class pipelined_call;
} // namespace detail

/// What a client received, and over which connection.
class HTTPOOL_EXPORT client_response : public response {
public:
  /// An empty response that came over no connection.
  client_response() noexcept = default;

  /// The number of the connection in its pool (`lease::id`), or 0 when there was none.
  std::uint64_t connection_id() const noexcept { return connection_id_; }

  /// Whether that connection had served before (`lease::reused`).
  bool reused() const noexcept { return reused_; }

  /// How often the request was sent, or begun to be: 2 when a connection that had been kept died
  /// and the request was sent again over a fresh one, else 1; 0 in the empty response of an error.
  unsigned attempts() const noexcept { return attempts_; }

private:
  friend class detail::exchange;
  friend class detail::pipelined_call;

  std::uint64_t connection_id_ = 0;
  unsigned attempts_ = 0;
  bool reused_ = false;
};

} // namespace httpool
