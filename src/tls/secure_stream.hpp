// What encrypts a connection, as those know it who have to do without OpenSSL: the pool, the client
// and the server.
#pragma once

#include <httpool/stream.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/system/error_code.hpp>

#include <cstddef>

namespace httpool::detail {

/// One side of a TLS connection, over a socket, or another such stream, that somebody else owns.
///
/// Errors: `eof` if the peer has said that it will send no more; `error::connection_closed` if the
/// transport ended without that; `error::certificate_error`; others of the transport and of
/// OpenSSL's category. After an error, a cancelled operation included, the stream is good for
/// nothing but its end: what is written then gives `connection_closed`, as does what is read unless
/// it was only a write that has failed.
class secure_stream {
public:
  secure_stream() = default;
  secure_stream(const secure_stream&) = delete;
  secure_stream& operator=(const secure_stream&) = delete;

  /// Sends nothing; leaves the session as good for resumption as it is.
  virtual ~secure_stream() = default;

  /// Agrees with the peer on keys, and verifies who it is. The transport is in non-blocking mode
  /// after that.
  ///
  /// \throws boost::system::system_error why not; of a client `error::tls_not_spoken`, too.
  virtual boost::asio::awaitable<void> handshake() = 0;

  /// Reads at most one record.
  virtual void read_some(boost::asio::mutable_buffer buffer, io_handler handler) = 0;

  /// Writes at most one record, in which small buffers are gathered.
  virtual void write_some(const boost::asio::const_buffer* buffers, std::size_t count,
                          io_handler handler) = 0;

  /// Reads what is there, without waiting: `would_block` if that is nothing. Session tickets and
  /// key updates that have come are taken in, but not without end: `error::protocol_error`. Not
  /// while a read is pending.
  virtual std::size_t read_now(boost::asio::mutable_buffer buffer,
                               boost::system::error_code& ec) noexcept = 0;

  /// Whether there has been an error.
  virtual bool has_failed() const noexcept = 0;

  /// Whether more has been received than was read: data, or what is to be taken in.
  virtual bool has_unread() noexcept = 0;

  /// Whether nothing has come. False if that cannot be told without decryption: `read_now` can.
  virtual bool is_quiet() noexcept = 0;

  /// Writes what fits in one record at most, gathered from the buffers, without waiting. What the
  /// transport has no room for counts as written, but is left to `flush`, before which nothing else
  /// may be written: see `has_unsent`. `would_block`, and nothing is written, if the peer has to
  /// send more first, or `write_some` has to say why not. Not while a write is pending.
  virtual std::size_t write_now(const boost::asio::const_buffer* buffers, std::size_t count,
                                boost::system::error_code& ec) = 0;

  /// Whether `write_now`, or a read that had to answer, has left something to `flush`.
  virtual bool has_unsent() const noexcept = 0;

  /// Sends what is left; the size is 0.
  virtual void flush(io_handler handler) = 0;

  /// Tells the peer that nothing more will be sent (close_notify), if that can be said at once. Not
  /// if an operation is pending, or has been dropped with its context.
  virtual void say_end() noexcept = 0;

  /// Frees what is kept from one exchange for the next. Between two of them, when nothing is
  /// pending.
  virtual void give_back_memory() noexcept = 0;

  virtual ssl_st* native_handle() noexcept = 0;
};

/// For those who own a connection.
struct stream_access {
  static secure_stream* secure(const stream& of) noexcept { return of.secure_.get(); }

  /// From now on `by`, which is over the stream as it was, encrypts what goes over it.
  static void encrypt(stream& plain, secure_stream_pointer by) noexcept {
    plain.secure_ = std::move(by);
  }

  /// What encrypts the stream; another one has to take its place.
  static secure_stream_pointer release(stream& from) noexcept { return std::move(from.secure_); }
};

} // namespace httpool::detail
