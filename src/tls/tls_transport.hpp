// The layer below TLS, as OpenSSL knows it: a BIO that neither waits nor loses anything.
#pragma once

#include "tls/openssl.hpp"
#include "tls/secure_stream.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/system/error_code.hpp>

#include <cstddef>
#include <vector>

#include <openssl/ssl.h>

namespace httpool::detail {

/// A socket, or what encrypts it already. OpenSSL reads from and writes to it, through the BIO that
/// `attach` makes. A read that finds nothing is to be tried again; a write is never: what there is
/// no room for is kept, since OpenSSL takes it ill if a record that it wants to write comes while
/// half of another waits.
class tls_transport {
  using error_code = boost::system::error_code;

public:
  using lowest_layer_type = stream::lowest_layer_type;

  /// `over` becomes a stream without encryption: what it had is below this.
  explicit tls_transport(stream& over) noexcept;

  tls_transport(const tls_transport&) = delete;
  tls_transport& operator=(const tls_transport&) = delete;

  /// Must outlive `handle`.
  ///
  /// \throws std::bad_alloc
  void attach(SSL* handle);

  lowest_layer_type& lowest_layer() noexcept { return plain_.lowest_layer(); }

  /// The layer between, if there is one.
  secure_stream* below() const noexcept { return stream_access::secure(plain_); }

  /// Before each call of OpenSSL. It may read so many bytes; `beyond` is the error of who wants
  /// more, `would_block` for one who goes on later.
  void begin(std::size_t most, error_code beyond) noexcept {
    allowed_ = most;
    beyond_ = beyond;
    failure_ = {};
  }

  /// Whether all of that has been read: there may be more, above the socket.
  bool is_spent() const noexcept { return allowed_ == 0; }

  /// What has failed below since then, if anything has.
  error_code failure() const noexcept { return failure_; }

  /// Whether the layer between has received more than was read.
  bool has_unread() const noexcept { return below() && below()->has_unread(); }

  bool has_unsent() const noexcept { return !rest_.empty() || (below() && below()->has_unsent()); }

  /// Sends what was kept, as far as there is room now: else `would_block`.
  void send_rest(error_code& ec) noexcept;

private:
  static const BIO_METHOD* method();
  static int read(BIO* bio, char* to, std::size_t size, std::size_t* got) noexcept;
  static int write(BIO* bio, const char* from, std::size_t size, std::size_t* sent) noexcept;
  static long control(BIO* bio, int command, long number, void* pointer) noexcept;

  std::size_t read_some(boost::asio::mutable_buffer to, error_code& ec) noexcept;
  std::size_t write_some(boost::asio::const_buffer from, error_code& ec) noexcept;
  void write_or_keep(boost::asio::const_buffer from, error_code& ec) noexcept;

  stream plain_; ///< With what encrypted the stream before.
  std::size_t allowed_ = 0;
  error_code beyond_;
  error_code failure_;
  std::vector<unsigned char> rest_; ///< What there was no room for,
  std::size_t sent_ = 0;            ///< and how much of that has been sent since.
};

} // namespace httpool::detail
