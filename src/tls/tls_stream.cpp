#include "tls/tls_stream.hpp"

#include "tls/tls_errors.hpp"

#include <httpool/error.hpp>

#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>

#include <algorithm>
#include <cerrno>
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

/// How much is read for one step of what waits, before others have their turn.
constexpr std::size_t most_at_once = 64 * 1024;

} // namespace

// The handshake -----------------------------------------------------------------------------------

tls_stream::tls_stream(stream& over, owned<SSL> handle, role plays, std::shared_ptr<watcher> told)
    : watcher_(std::move(told)), transport_(over), handle_(std::move(handle)), role_(plays) {
  SSL* const ssl = handle_.get();
  transport_.attach(ssl);
  SSL_set_mode(ssl, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_set_read_ahead(ssl, 1); // a record, its header included, is one read of the socket
  role_ == role::client ? SSL_set_connect_state(ssl) : SSL_set_accept_state(ssl);
}

/// OpenSSL takes a session for bad whose connection goes without a shutdown.
tls_stream::~tls_stream() {
  if (is_established_)
    SSL_set_shutdown(handle_.get(), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
  else
    watcher_->failed();
}

asio::awaitable<void> tls_stream::handshake() {
  stream::lowest_layer_type& socket = transport_.lowest_layer();
  socket.non_blocking(true);
  error_code ec = asio::error::would_block;
  while (ec == asio::error::would_block) {
    transport_.begin(most_at_once, asio::error::would_block);
    call([](SSL* ssl) { return SSL_do_handshake(ssl); }, ec);
    error_code below;
    while (has_unsent() && (!ec || ec == asio::error::would_block)) {
      co_await socket.async_wait(stream::lowest_layer_type::wait_write,
                                 asio::redirect_error(asio::use_awaitable, below));
      if (!below)
        transport_.send_rest(below);
      if (below && below != asio::error::would_block)
        ec = below;
    }
    if (ec != asio::error::would_block)
      break;
    if (transport_.is_spent())
      co_await asio::post(socket.get_executor(), asio::use_awaitable);
    else
      co_await socket.async_wait(stream::lowest_layer_type::wait_read,
                                 asio::redirect_error(asio::use_awaitable, below));
    if (below)
      ec = below;
  }
  SSL* const ssl = handle_.get();
  if (ec)
    throw boost::system::system_error(ended(told_of_handshake(ec, ssl)));
  if (const error_code refused = watcher_->completed(ssl))
    throw boost::system::system_error(ended(refused));
  is_established_ = true;
}

// Calls of OpenSSL --------------------------------------------------------------------------------

/// What a call gives that returns something above zero, or an error: `would_block` if it is to be
/// tried again when the socket has more to read. After `begin`.
template <class Call>
std::size_t tls_stream::call(Call what, error_code& ec) noexcept {
  ERR_clear_error();
  const int result = what(handle_.get());
  ec = result > 0 ? error_code() : outcome_of(result);
  return result > 0 ? static_cast<std::size_t>(result) : 0;
}

error_code tls_stream::outcome_of(int failed) const noexcept {
  switch (SSL_get_error(handle_.get(), failed)) {
  case SSL_ERROR_WANT_READ:
    return asio::error::would_block;
  case SSL_ERROR_ZERO_RETURN:
    return asio::error::eof;
  case SSL_ERROR_SSL:
    return {static_cast<int>(ERR_get_error()), asio::error::get_ssl_category()};
  default:
    return transport_.failure() ? transport_.failure() : error_code(error::connection_closed);
  }
}

/// After `begin`.
std::size_t tls_stream::read_record(asio::mutable_buffer to, error_code& ec) noexcept {
  const int most = static_cast<int>(std::min(to.size(), record_size));
  return call([&](SSL* ssl) { return SSL_read(ssl, to.data(), most); }, ec);
}

error_code tls_stream::ended(error_code ec) noexcept {
  has_failed_ = true;
  return told_of(ec);
}

// What waits --------------------------------------------------------------------------------------

/// A read or write that waits for the socket, as often as it has to. What is associated with the
/// handler is associated with each wait.
class tls_stream::operation {
public:
  using executor_type = io_handler::executor_type;
  using allocator_type = io_handler::allocator_type;
  using cancellation_slot_type = io_handler::cancellation_slot_type;

  operation(tls_stream& self, io_handler&& handler) noexcept
      : self_(&self), handler_(std::move(handler)) {}

  executor_type get_executor() const noexcept { return handler_.get_executor(); }
  allocator_type get_allocator() const noexcept { return handler_.get_allocator(); }
  cancellation_slot_type get_cancellation_slot() const noexcept {
    return handler_.get_cancellation_slot();
  }

protected:
  void end(error_code ec, std::size_t size) {
    --self_->pending_;
    handler_(ec ? self_->ended(ec) : ec, size);
  }

  tls_stream* self_;

private:
  io_handler handler_;
};

class tls_stream::reading : public operation {
public:
  reading(tls_stream& self, io_handler&& handler, asio::mutable_buffer to) noexcept
      : operation(self, std::move(handler)), to_(to) {}

  void operator()(error_code ec = {}) {
    std::size_t size = 0;
    if (!ec)
      size = self_->read_on(to_, ec);
    if (ec != asio::error::would_block)
      end(ec, size);
    else if (self_->transport_.is_spent())
      take_turn(std::move(*this));
    else
      wait(std::move(*this));
  }

  static void take_turn(reading&& self) {
    asio::post(self.self_->transport_.lowest_layer().get_executor(), std::move(self));
  }

  /// An answer to the peer that there was no room for goes before what it says next.
  static void wait(reading&& self) {
    tls_transport& below = self.self_->transport_;
    below.lowest_layer().async_wait(below.has_unsent() ? stream::lowest_layer_type::wait_write
                                                       : stream::lowest_layer_type::wait_read,
                                    std::move(self));
  }

private:
  asio::mutable_buffer to_;
};

/// Sends what is left of what has been encrypted.
class tls_stream::sending : public operation {
public:
  sending(tls_stream& self, io_handler&& handler, error_code ec, std::size_t size) noexcept
      : operation(self, std::move(handler)), failure_(ec), size_(size) {}

  void operator()(error_code ec = {}) {
    if (!ec)
      ec = failure_;
    if (!ec)
      self_->transport_.send_rest(ec);
    if (ec == asio::error::would_block)
      wait(std::move(*this));
    else
      end(ec, ec ? 0 : size_);
  }

  static void wait(sending&& self) {
    self.self_->transport_.lowest_layer().async_wait(stream::lowest_layer_type::wait_write,
                                                     std::move(self));
  }

private:
  error_code failure_;
  std::size_t size_;
};

/// Who goes on without end does so in turns.
std::size_t tls_stream::read_on(asio::mutable_buffer to, error_code& ec) noexcept {
  if (has_failed_) {
    ec = error::connection_closed;
    return 0;
  }
  if (transport_.has_unsent())
    transport_.send_rest(ec);
  if (ec || to.size() == 0)
    return 0;
  transport_.begin(most_at_once, asio::error::would_block);
  return read_record(to, ec);
}

void tls_stream::read_some(asio::mutable_buffer buffer, io_handler handler) {
  ++pending_;
  reading each(*this, std::move(handler), buffer);
  if (buffer.size() == 0 || has_failed_ || has_unread())
    reading::take_turn(std::move(each));
  else
    reading::wait(std::move(each));
}

void tls_stream::write_some(const asio::const_buffer* buffers, std::size_t count,
                            io_handler handler) {
  ++pending_;
  error_code ec;
  const std::size_t size = write_now(buffers, count, ec);
  sending rest(*this, std::move(handler), ec, size);
  if (ec || !has_unsent())
    asio::post(transport_.lowest_layer().get_executor(), std::move(rest));
  else
    sending::wait(std::move(rest));
}

void tls_stream::flush(io_handler handler) {
  ++pending_;
  sending::wait(sending(*this, std::move(handler), error_code(), 0));
}

// What does not -----------------------------------------------------------------------------------

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

bool tls_stream::has_unread() noexcept {
  return SSL_has_pending(handle_.get()) != 0 || transport_.has_unread();
}

/// To ask the socket takes less than to ask OpenSSL.
bool tls_stream::is_quiet() noexcept {
  if (has_failed_ || transport_.below() || has_unread())
    return false;
  char byte = 0;
  const ssize_t seen =
      ::recv(transport_.lowest_layer().native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return seen < 0 && errno == EAGAIN;
}

/// A peer that reads no answers must not be taken for one that has said nothing.
std::size_t tls_stream::read_now(asio::mutable_buffer buffer, error_code& ec) noexcept {
  if (has_failed_) {
    ec = error::connection_closed;
    return 0;
  }
  if (record_.capacity() > kept_record)
    std::vector<unsigned char>().swap(record_);
  const bool had_unsent = has_unsent();
  transport_.begin(most_without_data, error::protocol_error);
  const std::size_t size = read_record(buffer, ec);
  if ((!ec || ec == asio::error::would_block) && has_unsent() && !had_unsent)
    ec = error::connection_closed;
  if (ec == asio::error::would_block && role_ == role::server)
    SSL_free_buffers(handle_.get()); // it waits, for who knows how long
  else if (ec && ec != asio::error::would_block)
    ec = ended(ec);
  return ec ? 0 : size;
}

/// What follows half a record would be taken for its rest.
std::size_t tls_stream::write_now(const asio::const_buffer* buffers, std::size_t count,
                                  error_code& ec) {
  if (has_failed_) {
    ec = error::connection_closed;
    return 0;
  }
  const asio::const_buffer record = gather(buffers, count);
  if (record.size() == 0)
    return 0;
  transport_.begin(most_at_once, asio::error::would_block);
  const int most = static_cast<int>(std::min(record.size(), record_size));
  const std::size_t size = call([&](SSL* ssl) { return SSL_write(ssl, record.data(), most); }, ec);
  if (ec)
    ec = ended(ec);
  return size;
}

void tls_stream::send_rest(error_code& ec) noexcept {
  transport_.send_rest(ec);
}

void tls_stream::give_back_memory() noexcept {
  SSL_free_buffers(handle_.get()); // unless a part of a record is in them
  std::vector<unsigned char>().swap(record_);
  if (transport_.below())
    transport_.below()->give_back_memory();
}

void tls_stream::say_end() noexcept {
  SSL* const ssl = handle_.get();
  // The end that the peer has said is answered (RFC 8446 §6.1).
  const bool is_answer = SSL_get_shutdown(ssl) == SSL_RECEIVED_SHUTDOWN;
  if (!is_established_ || pending_ != 0 || (has_failed_ && !is_answer))
    return;
  has_failed_ = true;
  transport_.begin(0, asio::error::would_block);
  ERR_clear_error();
  SSL_shutdown(ssl);
}

} // namespace httpool::detail
