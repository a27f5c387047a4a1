// TLS by OpenSSL, over a stream that somebody else owns.
#pragma once

#include "tls/openssl.hpp"
#include "tls/secure_stream.hpp"
#include "tls/tls_transport.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include <openssl/ssl.h>

namespace httpool::detail {

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

  /// `handle` is set up for a connection but for its role.
  ///
  /// \throws std::bad_alloc
  tls_stream(stream& over, owned<SSL> handle, role plays, std::shared_ptr<watcher> told);
  ~tls_stream() override;

  boost::asio::awaitable<void> handshake() override;
  void read_some(boost::asio::mutable_buffer buffer, io_handler handler) override;
  void write_some(const boost::asio::const_buffer* buffers, std::size_t count,
                  io_handler handler) override;
  std::size_t read_now(boost::asio::mutable_buffer buffer,
                       boost::system::error_code& ec) noexcept override;
  bool has_failed() const noexcept override { return has_failed_ || transport_.write_error(); }
  bool has_unread() noexcept override;
  bool is_quiet() noexcept override;
  std::size_t write_now(const boost::asio::const_buffer* buffers, std::size_t count,
                        boost::system::error_code& ec) override;
  bool has_unsent() const noexcept override { return transport_.has_unsent(); }
  void flush(io_handler handler) override;
  void say_end() noexcept override;
  void give_back_memory() noexcept override;
  ssl_st* native_handle() noexcept override { return handle_.get(); }

private:
  struct operation;
  struct completion;
  struct reading;
  struct flushing;
  struct writing;

  template <class Begin>
  void begin_operation(io_handler handler, Begin begin);
  void complete(operation of, boost::system::error_code ec, std::size_t size);
  template <class Operation>
  void await_input(Operation of);
  boost::system::error_code input_came(boost::system::error_code ec, std::size_t size);

  template <class Call>
  boost::system::error_code ask(std::size_t allowed, Call call) noexcept;
  std::size_t decrypt(boost::asio::mutable_buffer to, std::size_t allowed,
                      boost::system::error_code& ec) noexcept;
  std::size_t encrypt(boost::asio::const_buffer from, boost::system::error_code& ec) noexcept;
  boost::asio::const_buffer gather(const boost::asio::const_buffer* buffers, std::size_t count);
  boost::system::error_code writing_ended(boost::system::error_code ec) noexcept;
  boost::system::error_code reading_ended(boost::system::error_code ec) noexcept;
  boost::asio::awaitable<boost::system::error_code> shake_hands();
  boost::asio::awaitable<boost::system::error_code> send_flight();

  const std::shared_ptr<watcher> watcher_; ///< Outlives the handle, whose context it may hold.
  tls_transport transport_;                ///< Outlives the handle, too.
  const owned<SSL> handle_;
  const role role_;
  bool is_established_ = false;
  bool has_failed_ = false;
  boost::system::error_code read_end_; ///< What reads give after one that has failed.
  unsigned pending_ = 0; ///< Operations that have not ended; some never do, with their context.
  std::vector<unsigned char> record_;                   ///< Small buffers, gathered.
  std::optional<boost::asio::steady_timer> input_turn_; ///< For who has to wait for input that
                                                        ///< somebody else waits for already.
};

} // namespace httpool::detail
