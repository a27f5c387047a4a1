// What is different if a connection is encrypted.

#include "server/connection.hpp"
#include "server/core.hpp"

#include <httpool/error.hpp>
#include <httpool/tls_server.hpp>

#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>

namespace httpool::detail {

namespace asio = boost::asio;
using boost::system::error_code;

// Makes the handshake, or ends the connection.
asio::awaitable<void> server_connection::encrypt() {
  if (core_->stopping())
    co_return end(false);
  error_code ec;
  waiting_ = waiting::handshake;
  in_tls_ = true;
  core_->clock().set(*this, deadline_kind::handshake);
  // Whoever connects and says nothing is not given the memory that TLS takes. That a wait ends does
  // not mean that there is something: an event may be late, and be that of another socket before.
  do {
    co_await socket_.async_wait(tcp::socket::wait_read,
                                asio::redirect_error(asio::use_awaitable, ec));
    if (char first = 0; !ec)
      socket_.receive(asio::buffer(&first, 1), tcp::socket::message_peek, ec);
  } while (ec == asio::error::would_block && !aborted_);
  if (!ec) {
    stream_access::encrypt(stream_, core_->options().tls->secure(stream_));
    try {
      co_await stream_access::secure(stream_)->handshake();
    } catch (const boost::system::system_error& failed) {
      ec = failed.code();
    }
  }
  in_tls_ = false;
  stop_waiting();
  if (late_)
    ++core_->counters().timed_out;
  if (late_ || aborted_ || ec == asio::error::eof || ec == error::connection_closed)
    co_return end(false);
  // Nor may a reset overtake the alert that tells the client why.
  if (ec)
    co_return end(true);
  context_.is_encrypted = true;
  context_.tls = stream_.tls_handle();
}

std::size_t server_connection::decrypt(asio::mutable_buffer to, error_code& ec) {
  secure_stream& from = *stream_access::secure(stream_);
  std::size_t latest = from.read_now(to, ec);
  std::size_t bytes = latest;
  // One record of a large body is not worth the trouble, unless it is small: there may be much to
  // read before each. The end is told by the next read.
  constexpr std::size_t large_record = 8 * 1024;
  while (past_buffer_ && latest >= large_record && bytes < to.size()) {
    latest = from.read_now(to + bytes, ec);
    bytes += latest;
  }
  if (bytes != 0)
    ec.clear();
  return bytes;
}

asio::awaitable<std::size_t> server_connection::read_encrypted(error_code& ec) {
  const asio::mutable_buffer to = room();
  std::size_t bytes = decrypt(to, ec);
  // A client that is fast must not have the thread for itself.
  if (ec != asio::error::would_block)
    co_await asio::post(core_->executor(), asio::use_awaitable);
  while (ec == asio::error::would_block) {
    co_await socket_.async_wait(tcp::socket::wait_read,
                                asio::redirect_error(asio::use_awaitable, ec));
    if (!ec && !aborted_)
      bytes = decrypt(to, ec);
    // What came was not a whole record, and a deadline or the server's stop has come meanwhile.
    if (late_ || aborted_ || (core_->stopping() && waiting_ == waiting::request)) {
      if (ec == asio::error::would_block)
        ec = asio::error::operation_aborted;
    }
  }
  co_return bytes;
}

asio::awaitable<bool> server_connection::write_encrypted() {
  error_code ec;
  while (!ec && !out_.empty()) {
    core_->clock().set(*this, deadline_kind::progress);
    in_tls_ = true;
    const std::size_t bytes = co_await stream_.async_write_some(
        out_.rest(), asio::redirect_error(asio::use_awaitable, ec));
    in_tls_ = false;
    core_->clock().clear(*this);
    if (late_)
      ++core_->counters().timed_out;
    if (late_ || aborted_)
      co_return false;
    out_.wrote(bytes);
  }
  co_return !ec;
}

} // namespace httpool::detail
