#include "tls/tls_stream.hpp"

#include <httpool/error.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/system/system_error.hpp>

#include <algorithm>
#include <cerrno>
#include <new>
#include <string_view>
#include <utility>

#include <openssl/err.h>
#include <sys/socket.h>

namespace httpool::detail {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

/// The most that a record holds (RFC 8446 §5.1).
constexpr std::size_t record_size = 16 * 1024;

/// How much memory of gathered buffers a connection keeps that is looked at between two exchanges.
constexpr std::size_t kept_record = 2 * 1024;

/// What a peer may send at a stretch without any data in it: tickets take a few kilobytes. Who goes
/// on with key updates would have the thread for itself.
constexpr std::size_t most_without_data = 64 * 1024;

/// Whether the peer, or this side, found fault with a certificate (RFC 8446 §6.2).
bool is_about_certificates(const error_code& ec) noexcept {
  if (ec.category() != asio::error::get_ssl_category() ||
      ERR_GET_LIB(static_cast<unsigned long>(ec.value())) != ERR_LIB_SSL)
    return false;
  switch (ERR_GET_REASON(static_cast<unsigned long>(ec.value()))) {
  case SSL_R_CERTIFICATE_VERIFY_FAILED:
  case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
  case SSL_R_SSLV3_ALERT_NO_CERTIFICATE:
  case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
  case SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE:
  case SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED:
  case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED:
  case SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN:
  case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
  case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED:
    return true;
  default:
    return false;
  }
}

/// Whether the certificates of the peer were found bad: the error may be that of a signature, which
/// OpenSSL says before it says so.
bool has_rejected(const error_code& ec, SSL* handle) noexcept {
  return ec.category() == asio::error::get_ssl_category() &&
         SSL_get_verify_mode(handle) != SSL_VERIFY_NONE &&
         SSL_get_verify_result(handle) != X509_V_OK;
}

/// Whether the server has asked for a certificate, and closed for want of it: before TLS 1.3 there
/// is no alert that says so.
bool has_lacked_certificate(const error_code& ec, SSL* handle) noexcept {
  const unsigned char* types = nullptr;
  return ec.category() == asio::error::get_ssl_category() &&
         ERR_GET_REASON(static_cast<unsigned long>(ec.value())) ==
             SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE &&
         SSL_get0_certificate_types(handle, &types) != 0 && !SSL_get_certificate(handle);
}

/// Whether what came in place of a server's greeting is no record of TLS.
bool has_met_plain_text(const error_code& ec, SSL* handle) noexcept {
  return ec.category() == asio::error::get_ssl_category() &&
         ERR_GET_REASON(static_cast<unsigned long>(ec.value())) == SSL_R_WRONG_VERSION_NUMBER &&
         SSL_get_state(handle) == TLS_ST_CW_CLNT_HELLO;
}

/// What is told of an error of the transport or of OpenSSL.
error_code translated(const error_code& ec) noexcept {
  if (ec == asio::ssl::error::stream_truncated || ec == asio::error::connection_reset ||
      ec == asio::error::broken_pipe)
    return error::connection_closed;
  if (is_about_certificates(ec))
    return error::certificate_error;
  return ec;
}

} // namespace

// The layer below ---------------------------------------------------------------------------------

tls_transport::tls_transport(stream& over) noexcept : plain_(over.lowest_layer()) {
  stream_access::encrypt(plain_, stream_access::release(over));
}

std::size_t tls_transport::read_some(asio::mutable_buffer buffer, error_code& ec) {
  if (allowed_ == 0) {
    ec = error::protocol_error;
    return 0;
  }
  const std::size_t size =
      below() ? below()->read_now(buffer, ec) : plain_.lowest_layer().read_some(buffer, ec);
  allowed_ -= std::min(allowed_, size);
  return size;
}

/// What OpenSSL has to say is lost if there is no room for it and it is not kept, so that the
/// connection is too: a reader that answers its peer must not take that for a want of input.
std::size_t tls_transport::write_some(asio::const_buffer buffer, error_code& ec) {
  const auto* const from = static_cast<const unsigned char*>(buffer.data());
  std::size_t size = 0;
  if (keeps_rest_ && !rest_.empty()) // which goes first
    ec = asio::error::would_block;
  else
    size = below() ? below()->write_now(buffer, ec) : plain_.lowest_layer().write_some(buffer, ec);
  if (ec == asio::error::would_block && keeps_rest_) {
    rest_.insert(rest_.end(), from + size, from + buffer.size());
    ec = error_code();
    return buffer.size();
  }
  if (ec == asio::error::would_block)
    ec = error::connection_closed;
  return size;
}

// The stream --------------------------------------------------------------------------------------

tls_stream::tls_stream(stream& over, SSL* handle, role plays, std::shared_ptr<watcher> told)
    : watcher_(std::move(told)), stream_(over, handle), role_(plays) {}

/// OpenSSL takes a session for bad whose connection goes without a shutdown.
tls_stream::~tls_stream() {
  SSL* const handle = stream_.native_handle();
  if (is_established_)
    SSL_set_shutdown(handle, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
  else
    watcher_->failed();
}

asio::awaitable<void> tls_stream::handshake() {
  stream_.lowest_layer().non_blocking(true);
  const auto side =
      role_ == role::client ? asio::ssl::stream_base::client : asio::ssl::stream_base::server;
  const auto [ec] = co_await stream_.async_handshake(side, asio::as_tuple(asio::use_awaitable));
  SSL* const handle = stream_.native_handle();
  if (ec && (has_rejected(ec, handle) || has_lacked_certificate(ec, handle)))
    throw boost::system::system_error(ended(error::certificate_error));
  if (ec && has_met_plain_text(ec, handle))
    throw boost::system::system_error(ended(error::tls_not_spoken));
  if (ec)
    throw boost::system::system_error(ended(ec));
  if (const error_code refused = watcher_->completed(handle))
    throw boost::system::system_error(ended(refused));
  is_established_ = true;
  // Asio has OpenSSL free both of its buffers after every record: that is for those who are idle,
  // and know not when.
  if (role_ == role::client)
    SSL_clear_mode(handle, SSL_MODE_RELEASE_BUFFERS);
}

/// The handler of an operation, which learns what its error means. What is associated with the
/// handler stays so.
struct tls_operation_end {
  using executor_type = io_handler::executor_type;
  using allocator_type = io_handler::allocator_type;
  using cancellation_slot_type = io_handler::cancellation_slot_type;

  tls_stream* self;
  io_handler handler;
  error_code refusal = {};

  void operator()(error_code ec, std::size_t size) {
    --self->pending_;
    if (!ec)
      ec = refusal;
    handler(ec ? self->ended(ec) : ec, size);
  }

  executor_type get_executor() const noexcept { return handler.get_executor(); }
  allocator_type get_allocator() const noexcept { return handler.get_allocator(); }
  cancellation_slot_type get_cancellation_slot() const noexcept {
    return handler.get_cancellation_slot();
  }
};

/// The handler of a flush, which has sent nothing that is not counted already.
struct tls_flush_end : tls_operation_end {
  void operator()(error_code ec, std::size_t) {
    auto& rest = self->stream_.next_layer().rest();
    if (rest.capacity() > kept_record)
      std::vector<unsigned char>().swap(rest);
    rest.clear();
    tls_operation_end::operator()(ec, 0);
  }
};

error_code tls_stream::ended(error_code ec) noexcept {
  has_failed_ = true;
  return translated(ec);
}

void tls_stream::read_some(asio::mutable_buffer buffer, io_handler handler) {
  ++pending_;
  stream_.async_read_some(buffer, tls_operation_end{this, std::move(handler)});
}

void tls_stream::write_some(const asio::const_buffer* buffers, std::size_t count,
                            io_handler handler) {
  ++pending_;
  if (has_failed_) // what follows half a record would be taken for its rest
    return stream_.async_write_some(
        asio::const_buffer(),
        tls_operation_end{this, std::move(handler), error::connection_closed});
  stream_.async_write_some(gather(buffers, count), tls_operation_end{this, std::move(handler)});
}

asio::const_buffer tls_stream::gather(const asio::const_buffer* buffers, std::size_t count) {
  if (count == 0)
    return {};
  if (count == 1 || buffers[0].size() >= record_size)
    return buffers[0];
  record_.clear();
  for (std::size_t i = 0; i != count && record_.size() != record_size; ++i) {
    const auto* const from = static_cast<const unsigned char*>(buffers[i].data());
    record_.insert(record_.end(), from,
                   from + std::min(buffers[i].size(), record_size - record_.size()));
  }
  return asio::buffer(record_);
}

/// What Asio reads it hands to OpenSSL at once.
bool tls_stream::has_unread() noexcept {
  SSL* const handle = stream_.native_handle();
  return SSL_has_pending(handle) != 0 || BIO_ctrl_pending(SSL_get_rbio(handle)) != 0 ||
         stream_.next_layer().has_unread();
}

/// To ask the socket takes less than to ask OpenSSL.
bool tls_stream::is_quiet() noexcept {
  tls_transport& below = stream_.next_layer();
  if (has_failed_ || !below.is_lowest() || has_unread())
    return false;
  char byte = 0;
  const ssize_t seen =
      ::recv(below.lowest_layer().native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return seen < 0 && errno == EAGAIN;
}

std::size_t tls_stream::read_now(asio::mutable_buffer buffer, error_code& ec) noexcept {
  if (has_failed_) {
    ec = error::connection_closed;
    return 0;
  }
  if (record_.capacity() > kept_record)
    std::vector<unsigned char>().swap(record_);
  stream_.next_layer().limit_reads(most_without_data);
  const std::size_t size = stream_.read_some(buffer, ec);
  if (ec && ec != asio::error::would_block)
    ec = ended(ec);
  return size;
}

std::size_t tls_stream::write_now(asio::const_buffer buffer, error_code& ec) noexcept {
  if (has_failed_) {
    ec = error::connection_closed;
    return 0;
  }
  const std::size_t size = stream_.write_some(buffer, ec);
  if (ec)
    ec = ended(ec);
  return size;
}

std::size_t tls_stream::write_now(const asio::const_buffer* buffers, std::size_t count,
                                  error_code& ec) {
  tls_transport& below = stream_.next_layer();
  if (has_failed_ || !below.is_lowest()) {
    ec = asio::error::would_block; // and the other way to write says why
    return 0;
  }
  const asio::const_buffer record = asio::buffer(gather(buffers, count), record_size);
  below.keep_rest(true);
  std::size_t size = 0;
  try {
    while (size != record.size() && !ec) // records may be set up to be smaller
      size += stream_.write_some(record + size, ec);
  } catch (const std::bad_alloc&) {
    ec = asio::error::no_memory; // for the rest of a record that has begun
  }
  below.keep_rest(false);
  if (ec)
    ec = ended(ec);
  return size;
}

void tls_stream::flush(io_handler handler) {
  ++pending_;
  tls_transport& below = stream_.next_layer();
  asio::async_write(below.lowest_layer(), asio::buffer(below.rest()),
                    tls_flush_end{{this, std::move(handler)}});
}

void tls_stream::give_back_memory() noexcept {
  SSL* const handle = stream_.native_handle();
  // OpenSSL before 3.0.14 frees what it needs if but the header of a record has come.
  if (SSL_rstate_string(handle) == std::string_view("RH"))
    SSL_free_buffers(handle); // unless a part of a record is in them
  std::vector<unsigned char>().swap(record_);
  if (secure_stream* const below = stream_.next_layer().below())
    below->give_back_memory();
}

void tls_stream::say_end() noexcept {
  // The end that the peer has said is answered (RFC 8446 §6.1).
  const bool is_answer = SSL_get_shutdown(stream_.native_handle()) == SSL_RECEIVED_SHUTDOWN;
  if (!is_established_ || pending_ != 0 || (has_failed_ && !is_answer))
    return;
  has_failed_ = true;
  error_code ignored; // would_block, since the peer has not said the same
  stream_.next_layer().limit_reads(most_without_data);
  stream_.shutdown(ignored);
}

} // namespace httpool::detail
