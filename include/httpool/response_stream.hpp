/// \file
/// A response whose body is read piece by piece.
#pragma once

#include <httpool/client_response.hpp>
#include <httpool/detail/client_operations.hpp>
#include <httpool/detail/export.hpp>
#include <httpool/lease.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/buffer.hpp>

#include <cstddef>
#include <memory>
#include <utility>

namespace httpool {

/// The response to a request whose body has still to be read. It holds the connection until the
/// body has been read to its end.
///
/// It is an AsyncReadStream, so that `boost::asio::async_read` and its like work on it:
///
/// \code
/// httpool::response_stream answer = co_await client.async_open(
///     httpool::request("GET", "/large"), asio::use_awaitable);
/// std::string body;
/// auto [ec, size] = co_await asio::async_read(answer, asio::dynamic_buffer(body),
///                                             asio::as_tuple(asio::use_awaitable));
/// if (ec != asio::error::eof)
///   throw boost::system::system_error(ec); // the body is not complete
/// \endcode
///
/// If it is dropped before that, up to 64 KiB of what is left are read and thrown away, for up to
/// 50 ms, in the background; if the body ends with that, the connection serves on, else it is
/// closed.
///
/// \par Thread safety
/// One thread at a time, as for a socket. It may outlive the client, but not its context.
class HTTPOOL_EXPORT response_stream {
public:
  /// The type of `get_executor()`.
  using executor_type = boost::asio::any_io_executor;

  /// No response.
  response_stream() noexcept;

  /// Moves the response; what is left is empty.
  response_stream(response_stream&& other) noexcept;

  /// Drops the response and moves another; what is left is empty.
  response_stream& operator=(response_stream&& other) noexcept;

  /// Drops the response.
  ~response_stream();

  /// Whether there is a response.
  explicit operator bool() const noexcept { return exchange_ != nullptr; }

  /// The status and the fields, and which connection they came over. The body is empty; the
  /// trailers are complete when the body is. Not to be called on an empty one.
  const client_response& head() const noexcept;

  /// The executor of the client. Not to be called on an empty one.
  executor_type get_executor() const noexcept;

  /// Reads some of the body: `void(boost::system::error_code, std::size_t)`. Not to be called on an
  /// empty one.
  ///
  /// \par Completion
  /// Always by post, on the handler's associated executor. Not more than one read at a time; the
  /// buffers must live until it has completed.
  ///
  /// \par Errors
  /// `boost::asio::error::eof` at the end of a complete body, and only there.
  /// `error::connection_closed` if the connection ends before, `error::exchange_timeout`,
  /// `error::read_timeout`, `error::protocol_error`, `error::head_too_large` for the trailers, and
  /// others of the system. After an error the connection is closed.
  ///
  /// \par Cancellation
  /// Every type, with `boost::asio::error::operation_aborted`; it costs the connection.
  template <class MutableBufferSequence, class CompletionToken>
  auto async_read_some(const MutableBufferSequence& buffers, CompletionToken&& token) {
    boost::asio::mutable_buffer first;
    const auto end = boost::asio::buffer_sequence_end(buffers);
    for (auto i = boost::asio::buffer_sequence_begin(buffers); i != end && first.size() == 0; ++i)
      first = *i;
    return boost::asio::async_initiate<CompletionToken,
                                       void(boost::system::error_code, std::size_t)>(
        detail::initiate_read{exchange_}, token, first);
  }

  /// Takes the connection over after a 101 (RFC 9110 §15.2.2): what follows is not HTTP, or not
  /// this version of it. Bytes that the peer has sent behind the head are in the lease's buffer.
  /// `lease::detach` takes the socket out of the pool and its limit. Empty for any other response.
  /// Not to be called on an empty stream.
  lease upgraded() noexcept;

private:
  friend class detail::exchange;
  explicit response_stream(std::shared_ptr<detail::exchange> running) noexcept;

  std::shared_ptr<detail::exchange> exchange_;
};

} // namespace httpool
