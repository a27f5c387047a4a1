/// \file
/// The body of a request that is produced piece by piece while it is sent.
#pragma once

#include <httpool/detail/export.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>

namespace httpool {

/// Where the body of an upload comes from.
///
/// A coroutine fills a buffer at a time. It runs on a strand of the client's executor, one call
/// after the other. If the exchange ends before the source does, the coroutine is cancelled, with
/// `cancellation_type::terminal`, and waited for: one that awaits what cannot be cancelled holds
/// the call up. It never runs after an `async_send` has completed. An `async_open` completes
/// earlier: the source may run until its stream has been read to the end, or for a moment after the
/// stream was dropped, so let it own what it needs.
class HTTPOOL_EXPORT body_source {
public:
  /// Fills the beginning of a buffer, and says how much; 0 at the end. What it throws ends the
  /// call: with its code if it is a `boost::system::system_error`, else with
  /// `error::body_source_failed`.
  using read_function =
      std::function<boost::asio::awaitable<std::size_t>(boost::asio::mutable_buffer)>;

  /// Begins again from the start. What it throws ends the call, as above.
  using rewind_function = std::function<void()>;

  /// No source: the body is the message's.
  body_source() noexcept = default;

  /// A body of that many bytes, or of any number, which is sent chunked. A source that ends before
  /// it has given all of them fails with `error::body_source_failed`; what it has beyond them is
  /// not asked for. A body that can't begin again is not sent again once some of it was produced.
  explicit body_source(read_function produce, std::optional<std::uint64_t> bytes = {},
                       rewind_function begin_again = {})
      : read(std::move(produce)), size(bytes), rewind(std::move(begin_again)) {}

  /// The content of a file, from its beginning; it can be sent again. It is read with blocking
  /// calls, 64 KiB at a time, on the thread that runs the client's executor.
  ///
  /// \throws boost::system::system_error if `path` cannot be opened or is not a regular file.
  static body_source file(const std::string& path);

  /// Whether there is a source.
  explicit operator bool() const noexcept { return static_cast<bool>(read); }

  read_function read;                  ///< \copybrief read_function
  std::optional<std::uint64_t> size{}; ///< How many bytes there are, if that is known.
  rewind_function rewind;              ///< \copybrief rewind_function
};

} // namespace httpool
