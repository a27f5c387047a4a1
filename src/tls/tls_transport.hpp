// What is below TLS, as OpenSSL sees it and as Asio does.
#pragma once

#include "tls/openssl.hpp"
#include "tls/secure_stream.hpp"

#include <httpool/stream.hpp>

#include <boost/asio/async_result.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/system/error_code.hpp>

#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

namespace httpool::detail {

/// A socket, or what encrypts it already. OpenSSL never waits for it: what it writes is sent, or
/// kept until there is room; if it finds nothing to read, `async_fill` waits for more. So reads do
/// not depend on whether the peer reads, nor on whether writing still works.
class tls_transport {
public:
  using executor_type = stream::executor_type;
  using lowest_layer_type = stream::lowest_layer_type;

  /// What is read at once, unless OpenSSL asks for more: small records, and the head of a large
  /// one.
  static constexpr std::size_t input_size = 4 * 1024;

  explicit tls_transport(stream& over) noexcept;

  executor_type get_executor() const noexcept { return plain_.get_executor(); }
  lowest_layer_type& lowest_layer() noexcept { return plain_.lowest_layer(); }

  /// Whether this is the transport itself, and not another layer.
  bool is_lowest() const noexcept { return !plain_.is_encrypted(); }

  /// The layer between, if there is one.
  secure_stream* below() const noexcept { return stream_access::secure(plain_); }

  /// What OpenSSL reads from and writes to, and may not when the transport has gone.
  ///
  /// \throws std::bad_alloc
  owned<BIO> make_bio();

  // Input ----------------------------------------------------------------------------------------

  /// To be called before OpenSSL is, which then reads at most so much, and a record.
  void allow(std::size_t bytes) noexcept;

  /// Whether OpenSSL has read as much as it may.
  bool has_spent_allowance() const noexcept { return allowed_ == 0; }

  /// Why it could not read, since `allow`.
  const boost::system::error_code& read_error() const noexcept { return read_error_; }

  /// Whether more has been received than was read.
  bool has_unread() const noexcept { return first_ != last_ || (below() && below()->has_unread()); }

  /// Whether `async_fill` waits; nothing is read meanwhile.
  bool is_filling() const noexcept { return is_filling_; }

  /// When all that has come was read: reads more. `void(error_code, std::size_t)`, and `filled`
  /// has to be called first of all.
  ///
  /// \throws std::bad_alloc
  template <class Token>
  auto async_fill(Token&& token) {
    return boost::asio::async_initiate<Token, void(boost::system::error_code, std::size_t)>(
        initiate_fill{this}, token);
  }
  void filled(std::size_t size) noexcept;

  // Output ---------------------------------------------------------------------------------------

  /// What OpenSSL writes while it is on is kept, and sent together with what was kept before when
  /// it is off, as far as there is room.
  void cork(bool is_on) noexcept;

  bool has_unsent() const noexcept {
    return !sending_.empty() || !kept_.empty() || (below() && below()->has_unsent());
  }

  /// Why nothing more is sent: OpenSSL, which is not told, shall go on reading.
  const boost::system::error_code& write_error() const noexcept { return write_error_; }

  /// Sends some of what has been kept, while more may be: `void(error_code, std::size_t)`, and
  /// `sent` has to be called first of all.
  template <class Token>
  auto async_send(Token&& token) {
    return boost::asio::async_initiate<Token, void(boost::system::error_code, std::size_t)>(
        initiate_send{this}, token);
  }
  void sent(const boost::system::error_code& ec, std::size_t size) noexcept;

  /// Frees what is empty.
  void give_back_memory() noexcept;

private:
  friend struct tls_bio;

  struct initiate_fill {
    using executor_type = tls_transport::executor_type;

    tls_transport* self;

    executor_type get_executor() const noexcept { return self->get_executor(); }

    template <class Handler>
    void operator()(Handler&& handler) const {
      self->make_input();
      self->is_filling_ = true; // before another thread may run the handler
      try {
        self->plain_.async_read_some(boost::asio::buffer(self->input_.get(), input_size),
                                     std::forward<Handler>(handler));
      } catch (...) {
        self->is_filling_ = false;
        throw;
      }
    }
  };

  struct initiate_send {
    using executor_type = tls_transport::executor_type;

    tls_transport* self;

    executor_type get_executor() const noexcept { return self->get_executor(); }

    template <class Handler>
    void operator()(Handler&& handler) const {
      self->is_sending_ = true;
      try {
        secure_stream* const below = self->below();
        if (below && below->has_unsent())
          below->flush(io_handler(std::forward<Handler>(handler), get_executor()));
        else
          self->plain_.async_write_some(self->next_to_send(), std::forward<Handler>(handler));
      } catch (...) {
        self->is_sending_ = false;
        throw;
      }
    }
  };

  void make_input();
  boost::asio::const_buffer next_to_send() noexcept;

  std::size_t read(boost::asio::mutable_buffer to, boost::system::error_code& ec);
  std::size_t write_some(boost::asio::const_buffer from, boost::system::error_code& ec);
  void write(boost::asio::const_buffer from) noexcept;
  void took(std::size_t size) noexcept;
  void fail_writing(const boost::system::error_code& ec) noexcept;

  stream plain_; ///< With what encrypted the stream before.

  boost::system::error_code read_error_;
  std::size_t allowed_ = 0; ///< How many bytes may still be read.
  std::unique_ptr<unsigned char[]> input_;
  std::size_t first_ = 0; ///< What OpenSSL has not yet read of `input_`: from here
  std::size_t last_ = 0;  ///< to here.
  bool is_filling_ = false;

  boost::system::error_code write_error_;
  bool is_corked_ = false;
  bool is_sending_ = false;
  std::vector<unsigned char> sending_; ///< What `async_send` may refer to, of which
  std::size_t sent_ = 0;               ///< so much has gone;
  std::vector<unsigned char> kept_;    ///< and what follows.
};

} // namespace httpool::detail
