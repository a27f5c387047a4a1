/// \file
/// What goes to and comes from the peer of a connection, encrypted or not.
#pragma once

#include <httpool/detail/export.hpp>

#include <boost/asio/any_completion_handler.hpp>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/append.hpp>
#include <boost/asio/associated_allocator.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/bind_allocator.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/recycling_allocator.hpp>
#include <boost/system/error_code.hpp>

#include <array>
#include <cstddef>
#include <memory>
#include <type_traits>
#include <utility>

struct ssl_st; // OpenSSL's SSL

namespace httpool {

namespace detail {

class secure_stream;
struct stream_access;

struct HTTPOOL_EXPORT delete_secure_stream {
  void operator()(secure_stream* stream) const noexcept;
};
using secure_stream_pointer = std::unique_ptr<secure_stream, delete_secure_stream>;

/// The completion handler of an encrypted read or write, and what is associated with it.
///
/// `any_completion_handler` alone would have an executor that allocates whenever it is copied,
/// which Asio 1.81 does where nothing may be thrown: for want of memory the process would be
/// terminated.
class io_handler {
public:
  using erased = boost::asio::any_completion_handler<void(boost::system::error_code, std::size_t)>;
  using executor_type = boost::asio::any_io_executor;
  using allocator_type = erased::allocator_type;
  using cancellation_slot_type = erased::cancellation_slot_type;

  template <class Handler>
  io_handler(Handler&& handler, const executor_type& fallback)
      : executor_(executor_of(handler, fallback)),
        call_(erase(std::forward<Handler>(handler), fallback)) {}

  void operator()(boost::system::error_code ec, std::size_t size) { std::move(call_)(ec, size); }

  executor_type get_executor() const noexcept { return executor_; }
  allocator_type get_allocator() const noexcept { return call_.get_allocator(); }
  cancellation_slot_type get_cancellation_slot() const noexcept {
    return call_.get_cancellation_slot();
  }

private:
  template <class Handler>
  static constexpr bool is_of_io_executor =
      std::is_convertible_v<boost::asio::associated_executor_t<Handler, executor_type>,
                            executor_type>;

  template <class Handler>
  static executor_type executor_of(const Handler& handler, const executor_type& fallback) {
    if constexpr (is_of_io_executor<Handler>)
      return boost::asio::get_associated_executor(handler, fallback);
    else
      return fallback;
  }

  template <class Allocator>
  struct is_within_handler : std::false_type {};
  template <class T, class... Signatures>
  struct is_within_handler<boost::asio::any_completion_handler_allocator<T, Signatures...>>
      : std::true_type {};

  /// An allocator of `any_completion_handler` is in the handler, which Asio 1.81 destroys before it
  /// frees what it has allocated with that for a handler around it.
  template <class Handler>
  static constexpr bool has_allocator_within = is_within_handler<
      boost::asio::associated_allocator_t<Handler, boost::asio::recycling_allocator<void>>>::value;

  template <class Handler>
  static auto allocator_of(const Handler& handler) noexcept {
    using fallback = boost::asio::recycling_allocator<void>;
    if constexpr (has_allocator_within<Handler>)
      return fallback();
    else
      return boost::asio::get_associated_allocator(handler, fallback());
  }

  /// A handler whose executor is of another kind finds its own way there, and keeps it busy.
  template <class Handler>
  static erased erase(Handler&& handler, const executor_type& fallback) {
    using type = std::decay_t<Handler>;
    if constexpr (is_of_io_executor<type> && !has_allocator_within<type>) {
      return erased(std::forward<Handler>(handler));
    } else if constexpr (is_of_io_executor<type>) {
      return erased(
          boost::asio::bind_allocator(allocator_of(handler), std::forward<Handler>(handler)));
    } else {
      const auto memory = allocator_of(handler);
      const auto slot = boost::asio::get_associated_cancellation_slot(handler);
      auto work =
          boost::asio::make_work_guard(boost::asio::get_associated_executor(handler, fallback));
      return erased(boost::asio::bind_allocator(
          memory, boost::asio::bind_cancellation_slot(
                      slot, [w = std::move(work), h = type(std::forward<Handler>(handler))](
                                boost::system::error_code ec, std::size_t size) mutable {
                        const auto until_it_is_there = std::move(w);
                        boost::asio::dispatch(boost::asio::append(std::move(h), ec, size));
                      })));
    }
  }

  executor_type executor_;
  erased call_;
};

/// At most so many buffers of a sequence are looked at by one encrypted write.
constexpr std::size_t gathered_buffers = 16;

HTTPOOL_EXPORT void secure_read_some(secure_stream& stream, boost::asio::mutable_buffer buffer,
                                     io_handler handler);
HTTPOOL_EXPORT void secure_write_some(secure_stream& stream,
                                      const boost::asio::const_buffer* buffers, std::size_t count,
                                      io_handler handler);

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
class HTTPOOL_EXPORT stream {
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
                               detail::io_handler(std::forward<Handler>(handler), get_executor()));
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
                                detail::io_handler(std::forward<Handler>(handler), get_executor()));
    }
  };

  lowest_layer_type* socket_;
  detail::secure_stream_pointer secure_;
};

} // namespace httpool
