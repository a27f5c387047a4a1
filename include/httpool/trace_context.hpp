/// \file
/// The `traceparent` field of W3C Trace Context.
#pragma once

#include <httpool/detail/export.hpp>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace httpool {

/// Which trace a request belongs to, and which of its spans asks: what the field `traceparent` says
/// (W3C Trace Context §3.2). The client passes that field on as it is given. One that has been made
/// by default is not valid, and its field is no use to anyone: fill in both ids first.
///
/// \code
/// auto context = httpool::trace_context::parse(asked.fields().value("traceparent"));
/// if (context) {
///   context->parent_id = new_span_id();
///   next.fields().set("traceparent", context->to_string());
/// }
/// \endcode
struct HTTPOOL_EXPORT trace_context {
  std::array<std::uint8_t, 16> trace_id = {}; ///< Not all zero.
  std::array<std::uint8_t, 8> parent_id = {}; ///< Not all zero.
  std::uint8_t flags = 0; ///< Bit 0: sampled; others mean nothing in version 00.

  /// Whether the caller may have recorded the trace.
  bool sampled() const noexcept { return (flags & 1) != 0; }

  /// Whether neither id is all zero: what is not is ignored by those who get it.
  bool is_valid() const noexcept;

  /// What a field says; nothing if it is malformed, so that a new trace begins. Of a version later
  /// than 00 that part is read which all versions share.
  static std::optional<trace_context> parse(std::string_view field) noexcept;

  /// The field, in version 00, with the flag that is defined there, `sampled`, alone: whoever sends
  /// one of a later draft on, such as `random`, would claim what it does not know (§3.2.2.5).
  std::string to_string() const;

  /// Whether both say the same.
  friend bool operator==(const trace_context&, const trace_context&) = default;
};

} // namespace httpool
