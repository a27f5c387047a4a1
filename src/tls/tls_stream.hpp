// TLS by OpenSSL, through Asio, over a stream that somebody else owns.
#pragma once

#include "tls/secure_stream.hpp"

#include <boost/asio/ssl/stream.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include <openssl/ssl.h>

namespace httpool::detail {

/// The layer below: a socket, or what encrypts it already.
class tls_transport {
public:
  using executor_type = stream::executor_type;
  using lowest_layer_type = stream::lowest_layer_type;

  explicit tls_transport(stream& over) noexcept;

  executor_type get_executor() const noexcept { return plain_.get_executor(); }
  lowest_layer_type& lowest_layer() noexcept { return plain_.lowest_layer(); }

  template <class Buffers, class Handler>
  auto async_read_some(const Buffers& buffers, Handler&& handler) {
    return plain_.async_read_some(buffers, std::forward<Handler>(handler));
  }

  template <class Buffers, class Handler>
  auto async_write_some(const Buffers& buffers, Handler&& handler) {
    return plain_.async_write_some(buffers, std::forward<Handler>(handler));
  }

  /// Without waiting.
  std::size_t read_some(boost::asio::mutable_buffer buffer, boost::system::error_code& ec);
  std::size_t write_some(boost::asio::const_buffer buffer, boost::system::error_code& ec);

  /// How many bytes may be read without waiting before this is said again.
  void limit_reads(std::size_t bytes) noexcept { allowed_ = bytes; }

  /// Whether this is the transport itself, and not another layer.
  bool is_lowest() const noexcept { return !plain_.is_encrypted(); }

  /// The layer between, if there is one.
  secure_stream* below() const noexcept { return stream_access::secure(plain_); }

  /// Whether a layer between has received more than was read.
  bool has_unread() noexcept { return below() && below()->has_unread(); }

  /// While it is on, what there is no room for is kept.
  void keep_rest(bool is_on) noexcept { keeps_rest_ = is_on; }

  /// What has been kept.
  std::vector<unsigned char>& rest() noexcept { return rest_; }
  const std::vector<unsigned char>& rest() const noexcept { return rest_; }

private:
  stream plain_; ///< With what encrypted the stream before.
  std::size_t allowed_ = 0;
  bool keeps_rest_ = false;
  std::vector<unsigned char> rest_;
};

class tls_stream final : public secure_stream {
public:
  enum class role : std::uint8_t { client, server };

  /// Who is told of handshakes.
  struct watcher {
    /// It has succeeded, unless this finds fault with what was agreed on.
    virtual boost::system::error_code completed(SSL* handle) noexcept = 0;

    /// It has failed, or was given up.
    virtual void failed() noexcept = 0;

  protected:
    ~watcher() = default;
  };

  /// `handle`, which is taken over, is set up for a connection but for its role.
  tls_stream(stream& over, SSL* handle, role plays, std::shared_ptr<watcher> told);
  ~tls_stream() override;

  boost::asio::awaitable<void> handshake() override;
  void read_some(boost::asio::mutable_buffer buffer, io_handler handler) override;
  void write_some(const boost::asio::const_buffer* buffers, std::size_t count,
                  io_handler handler) override;
  std::size_t read_now(boost::asio::mutable_buffer buffer,
                       boost::system::error_code& ec) noexcept override;
  bool has_unread() noexcept override;
  bool is_quiet() noexcept override;
  std::size_t write_now(boost::asio::const_buffer buffer,
                        boost::system::error_code& ec) noexcept override;
  std::size_t write_now(const boost::asio::const_buffer* buffers, std::size_t count,
                        boost::system::error_code& ec) override;
  bool has_unsent() const noexcept override { return !stream_.next_layer().rest().empty(); }
  void flush(io_handler handler) override;
  void say_end() noexcept override;
  void give_back_memory() noexcept override;
  ssl_st* native_handle() noexcept override { return stream_.native_handle(); }

private:
  friend struct tls_operation_end;
  friend struct tls_flush_end;

  boost::system::error_code ended(boost::system::error_code ec) noexcept;
  boost::asio::const_buffer gather(const boost::asio::const_buffer* buffers, std::size_t count);

  const std::shared_ptr<watcher> watcher_; ///< Outlives the stream, whose context it may hold.
  boost::asio::ssl::stream<tls_transport> stream_;
  const role role_;
  bool is_established_ = false;
  bool has_failed_ = false;
  unsigned pending_ = 0; ///< Operations that have not ended; some never do, with their context.
  std::vector<unsigned char> record_; ///< Small buffers, gathered.
};

} // namespace httpool::detail
