/// \file
/// What goes to and comes from the peer of a connection, encrypted or not.
#pragma once

#include <boost/asio/any_completion_handler.hpp>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/system/error_code.hpp>

#include <array>
#include <cstddef>
#include <memory>
#include <utility>

struct ssl_st; // OpenSSL's SSL

namespace httpool {

namespace detail {

class secure_stream;
struct stream_access;

struct delete_secure_stream {
  void operator()(secure_stream* stream) const noexcept;
};
using secure_stream_pointer = std::unique_ptr<secure_stream, delete_secure_stream>;

/// The completion handler of an encrypted read or write.
using io_handler =
    boost::asio::any_completion_handler<void(boost::system::error_code, std::size_t)>;

/// At most so many buffers of a sequence are looked at by one encrypted write.
constexpr std::size_t gathered_buffers = 16;

void secure_read_some(secure_stream& stream, boost::asio::mutable_buffer buffer,
                      io_handler handler);
void secure_write_some(secure_stream& stream, const boost::asio::const_buffer* buffers,
                       std::size_t count, io_handler handler);

} // namespace detail

/// The two directions of a connection, as an asynchronous stream of Asio and Beast: the same code
/// reads and writes a plain connection and one that TLS protects.
///
/// It belongs to a connection and is got from `lease::stream()`. On a plain connection its
/// operations are those of the socket. On an encrypted one a read gives at most one record of TLS
/// (16 KiB), a write sends at most one, in which it gathers small buffers; the end of the peer's
/// data is `boost::asio::error::eof` only if the peer has said so (close_notify, RFC 8446 §6.1),
/// otherwise `error::connection_closed`.
///
/// \par Thread safety
/// Distinct objects: safe. One object: unsafe; a read and a write that are pending together must
/// be on one strand.
///
/// \par Cancellation
/// Terminal. On an encrypted connection a cancelled operation leaves the connection good for
/// nothing but its end.
///
/// \code
/// httpool::lease lease = co_await pool.async_acquire(asio::use_awaitable);
/// co_await beast::http::async_write(lease.stream(), request, asio::use_awaitable);
/// co_await beast::http::async_read(lease.stream(), lease.buffer(), response, asio::use_awaitable);
/// \endcode
class stream {
public:
  /// The type of `get_executor()`.
  using executor_type = boost::asio::any_io_executor;

  /// The transport.
  using lowest_layer_type = boost::asio::ip::tcp::socket;

  /// The plain stream of `socket`, which must outlive it.
  explicit stream(lowest_layer_type& socket) noexcept : socket_(&socket) {}

  stream(const stream&) = delete;
  stream& operator=(const stream&) = delete;

  /// The executor of the socket.
  executor_type get_executor() const noexcept { return socket_->get_executor(); }

  /// The transport.
  lowest_layer_type& lowest_layer() noexcept { return *socket_; }
  /// The transport.
  const lowest_layer_type& lowest_layer() const noexcept { return *socket_; }

  /// Whether TLS protects the connection.
  bool is_encrypted() const noexcept { return secure_ != nullptr; }

  /// OpenSSL's handle, such as for the certificate of the peer (`SSL_get1_peer_certificate`); null
  /// if the connection is not encrypted. To read, write or change anything with it is an error.
  ssl_st* tls_handle() const noexcept;

  /// Reads some bytes: `void(boost::system::error_code, std::size_t)`.
  template <class MutableBufferSequence, class CompletionToken>
  auto async_read_some(const MutableBufferSequence& buffers, CompletionToken&& token) {
    return boost::asio::async_initiate<CompletionToken,
                                       void(boost::system::error_code, std::size_t)>(
        initiate_read{this}, token, buffers);
  }

  /// Writes some bytes: `void(boost::system::error_code, std::size_t)`.
  template <class ConstBufferSequence, class CompletionToken>
  auto async_write_some(const ConstBufferSequence& buffers, CompletionToken&& token) {
    return boost::asio::async_initiate<CompletionToken,
                                       void(boost::system::error_code, std::size_t)>(
        initiate_write{this}, token, buffers);
  }

private:
  friend struct detail::stream_access;

  struct initiate_read {
    using executor_type = stream::executor_type;

    stream* self;

    executor_type get_executor() const noexcept { return self->get_executor(); }

    template <class Handler, class Buffers>
    void operator()(Handler&& handler, const Buffers& buffers) const {
      if (!self->secure_)
        return self->socket_->async_read_some(buffers, std::forward<Handler>(handler));
      boost::asio::mutable_buffer first;
      const auto end = boost::asio::buffer_sequence_end(buffers);
      for (auto i = boost::asio::buffer_sequence_begin(buffers); i != end && first.size() == 0; ++i)
        first = *i;
      detail::secure_read_some(*self->secure_, first,
                               detail::io_handler(std::forward<Handler>(handler)));
    }
  };

  struct initiate_write {
    using executor_type = stream::executor_type;

    stream* self;

    executor_type get_executor() const noexcept { return self->get_executor(); }

    template <class Handler, class Buffers>
    void operator()(Handler&& handler, const Buffers& buffers) const {
      if (!self->secure_)
        return self->socket_->async_write_some(buffers, std::forward<Handler>(handler));
      std::array<boost::asio::const_buffer, detail::gathered_buffers> some;
      std::size_t count = 0;
      const auto end = boost::asio::buffer_sequence_end(buffers);
      for (auto i = boost::asio::buffer_sequence_begin(buffers); i != end && count != some.size();
           ++i) {
        const boost::asio::const_buffer each = *i;
        if (each.size() != 0)
          some[count++] = each;
      }
      detail::secure_write_some(*self->secure_, some.data(), count,
                                detail::io_handler(std::forward<Handler>(handler)));
    }
  };

  lowest_layer_type* socket_;
  detail::secure_stream_pointer secure_;
};

} // namespace httpool
