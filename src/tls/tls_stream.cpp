#include "tls/tls_stream.hpp"

#include "tls/tls_error.hpp"

#include <httpool/error.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>

#include <algorithm>
#include <cerrno>
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

/// What is taken in of a peer in one turn, and a record. To follow its changes of keys takes long.
constexpr std::size_t most_in_a_turn = 8 * 1024;

/// What a peer may send at a stretch without any data in it: tickets take a few kilobytes. Who goes
/// on with key updates would have the thread for itself.
constexpr std::size_t most_without_data = 64 * 1024;

/// How much memory of gathered buffers a connection keeps that is looked at between two exchanges.
constexpr std::size_t kept_record = 2 * 1024;

} // namespace

tls_stream::tls_stream(stream& over, owned<SSL> handle, role plays, std::shared_ptr<watcher> told)
    : watcher_(std::move(told)), transport_(over), handle_(std::move(handle)), role_(plays) {
  BIO* const bio = transport_.make_bio().release();
  SSL_set_bio(handle_.get(), bio, bio);
  SSL_set_mode(handle_.get(), SSL_MODE_AUTO_RETRY | SSL_MODE_RELEASE_BUFFERS |
                                  SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_clear_mode(handle_.get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ASYNC);
  role_ == role::client ? SSL_set_connect_state(handle_.get())
                        : SSL_set_accept_state(handle_.get());
}

/// OpenSSL takes a session for bad whose connection goes without a shutdown.
tls_stream::~tls_stream() {
  if (is_established_)
    SSL_set_shutdown(handle_.get(), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
  else
    watcher_->failed();
}

// OpenSSL -----------------------------------------------------------------------------------------

/// Calls OpenSSL, which must know nothing of earlier errors, or would take them for its own.
template <class Call>
error_code tls_stream::ask(std::size_t allowed, Call call) noexcept {
  if (ERR_peek_error() != 0)
    ERR_clear_error();
  transport_.allow(allowed);
  const int result = call(handle_.get());
  return result == 1 ? error_code() : tls_error(handle_.get(), result, transport_.read_error());
}

/// What OpenSSL has to answer leaves together.
std::size_t tls_stream::decrypt(asio::mutable_buffer to, std::size_t allowed,
                                error_code& ec) noexcept {
  ec.clear();
  std::size_t size = 0;
  if (to.size() == 0)
    return size;
  transport_.cork(true);
  ec = ask(allowed, [&](SSL* handle) { return SSL_read_ex(handle, to.data(), to.size(), &size); });
  transport_.cork(false);
  return size;
}

/// All that fits in a record, or nothing: `would_block` if OpenSSL has to read first, and perhaps
/// to answer.
std::size_t tls_stream::encrypt(asio::const_buffer from, error_code& ec) noexcept {
  ec.clear();
  std::size_t size = 0;
  if (from.size() == 0)
    return size;
  const std::size_t most = std::min(from.size(), record_size);
  transport_.cork(SSL_in_init(handle_.get()) != 0);
  ec = ask(most_in_a_turn,
           [&](SSL* handle) { return SSL_write_ex(handle, from.data(), most, &size); });
  transport_.cork(false);
  if (!ec)
    ec = transport_.write_error();
  return ec ? 0 : size;
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

/// What is told of an error that may have cut a record: nothing more is written. After one of its
/// own OpenSSL does not read any more, either.
error_code tls_stream::writing_ended(error_code ec) noexcept {
  has_failed_ |= bool(ec);
  if (ec.category() == asio::error::get_ssl_category() && !read_end_)
    read_end_ = error::connection_closed;
  return translated(ec);
}

/// The same where data may be lost: nothing is read, either.
error_code tls_stream::reading_ended(error_code ec) noexcept {
  if (ec && !read_end_)
    read_end_ = ec == asio::error::eof ? ec : error_code(error::connection_closed);
  return writing_ended(ec);
}

// The handshake -----------------------------------------------------------------------------------

asio::awaitable<void> tls_stream::handshake() {
  transport_.lowest_layer().non_blocking(true);
  error_code ec = co_await shake_hands();
  if (ec)
    ec = translated_of_handshake(ec, handle_.get());
  else
    ec = watcher_->completed(handle_.get());
  if (ec)
    throw boost::system::system_error(reading_ended(ec));
  is_established_ = true;
  // What is freed after every record is for those who are idle, and know not when.
  if (role_ == role::client)
    SSL_clear_mode(handle_.get(), SSL_MODE_RELEASE_BUFFERS);
}

asio::awaitable<error_code> tls_stream::shake_hands() {
  for (;;) {
    transport_.cork(true);
    const error_code ec = ask(most_in_a_turn, SSL_do_handshake);
    transport_.cork(false);
    const error_code not_sent = co_await send_flight();
    if (ec && ec != asio::error::would_block)
      co_return ec; // of which an alert has told the peer
    if (not_sent || !ec)
      co_return not_sent;
    const auto [none_came, size] =
        co_await transport_.async_fill(asio::as_tuple(asio::use_awaitable));
    if (const error_code failed = input_came(none_came, size))
      co_return failed;
  }
}

asio::awaitable<error_code> tls_stream::send_flight() {
  while (!transport_.write_error() && transport_.has_unsent()) {
    const auto [ec, size] = co_await transport_.async_send(asio::as_tuple(asio::use_awaitable));
    transport_.sent(ec, size);
  }
  co_return transport_.write_error();
}

// Operations --------------------------------------------------------------------------------------

/// What the steps of a read or a write have in common. What is associated with its handler is so
/// with each of them.
struct tls_stream::operation {
  using executor_type = io_handler::executor_type;
  using allocator_type = io_handler::allocator_type;
  using cancellation_slot_type = io_handler::cancellation_slot_type;

  operation(tls_stream& of, io_handler then)
      : self(&of), handler(std::move(then)), cancellation(handler.get_cancellation_slot()) {}

  void end(error_code ec, std::size_t size) {
    --self->pending_;
    handler(ec, size);
  }

  /// What was cancelled between two steps must not take the next.
  bool is_cancelled() const noexcept {
    return cancellation.cancelled() != asio::cancellation_type::none;
  }

  executor_type get_executor() const noexcept { return handler.get_executor(); }
  allocator_type get_allocator() const noexcept { return handler.get_allocator(); }
  cancellation_slot_type get_cancellation_slot() const noexcept { return cancellation.slot(); }

  tls_stream* self;
  io_handler handler;
  asio::cancellation_state cancellation;
};

/// One that has ended where it began, so that its handler has to wait for its turn.
struct tls_stream::completion : operation {
  completion(operation of, error_code with, std::size_t bytes)
      : operation(std::move(of)), ec(with), size(bytes) {}

  void operator()(error_code, std::size_t) { end(ec, size); }

  error_code ec;
  std::size_t size;
};

struct tls_stream::reading : operation {
  reading(operation of, asio::mutable_buffer buffer) : operation(std::move(of)), to(buffer) {}

  /// Input has come, or none will,
  void operator()(error_code ec, std::size_t size) { go_on(self->input_came(ec, size)); }

  /// or another operation has waited for it.
  void operator()(error_code) { go_on(self->read_end_); }

  void go_on(error_code ec) {
    if (!ec && is_cancelled())
      ec = asio::error::operation_aborted;
    const std::size_t size = ec ? 0 : self->decrypt(to, most_in_a_turn, ec);
    if (ec == asio::error::would_block)
      self->await_input(std::move(*this));
    else
      end(self->reading_ended(ec), size);
  }

  asio::mutable_buffer to;
};

/// Sends what is kept. What that counts for was written before.
struct tls_stream::flushing : operation {
  flushing(operation of, std::size_t bytes) : operation(std::move(of)), size(bytes) {}

  void operator()(error_code ec, std::size_t bytes) {
    self->transport_.sent(ec, bytes);
    go_on(self->transport_.write_error());
  }

  void go_on(error_code ec) {
    const bool is_done = !self->has_unsent();
    if (!ec && !is_done && is_cancelled())
      ec = asio::error::operation_aborted;
    if (ec || is_done)
      end(self->writing_ended(ec), ec ? 0 : size);
    else
      self->transport_.async_send(std::move(*this));
  }

  std::size_t size;
};

struct tls_stream::writing : operation {
  writing(operation of, asio::const_buffer buffer) : operation(std::move(of)), from(buffer) {}

  void operator()(error_code ec, std::size_t size) { go_on(self->input_came(ec, size)); }
  void operator()(error_code) {
    go_on(self->has_failed_ ? error_code(error::connection_closed) : error_code());
  }

  void go_on(error_code ec) {
    if (!ec && is_cancelled())
      ec = asio::error::operation_aborted;
    const std::size_t size = ec ? 0 : self->encrypt(from, ec);
    if (ec == asio::error::would_block)
      self->await_input(std::move(*this));
    else
      flushing(std::move(*this), size).go_on(ec);
  }

  asio::const_buffer from;
};

/// Two may wait, if OpenSSL has to read before it writes: half a ticket has come. One of them
/// reads, and both go on.
template <class Operation>
void tls_stream::await_input(Operation of) {
  if (!transport_.is_filling())
    return transport_.async_fill(std::move(of));
  if (!input_turn_)
    input_turn_.emplace(transport_.get_executor(), asio::steady_timer::time_point::max());
  input_turn_->async_wait(std::move(of));
}

/// No read may wait for what comes after the end, whoever has met that. The transport may end only
/// after the peer has said so.
error_code tls_stream::input_came(error_code ec, std::size_t size) {
  transport_.filled(size);
  if (input_turn_)
    input_turn_->cancel();
  if (ec == asio::error::operation_aborted)
    return ec;
  return reading_ended(ec == asio::error::eof ? error_code(error::connection_closed) : ec);
}

/// To read nothing takes no time, but a turn.
void tls_stream::complete(operation of, error_code ec, std::size_t size) {
  transport_.lowest_layer().async_read_some(asio::mutable_buffer(),
                                            completion(std::move(of), ec, size));
}

/// Where there is no memory for an operation that has begun, what it has taken is lost.
template <class Begin>
void tls_stream::begin_operation(io_handler handler, Begin begin) {
  ++pending_;
  try {
    begin(operation(*this, std::move(handler)));
  } catch (...) {
    --pending_;
    reading_ended(asio::error::no_memory);
    throw;
  }
}

void tls_stream::read_some(asio::mutable_buffer buffer, io_handler handler) {
  begin_operation(std::move(handler), [&](operation begun) {
    if (read_end_)
      return complete(std::move(begun), read_end_, 0);
    error_code ec = asio::error::would_block;
    const bool has_ended = (SSL_get_shutdown(handle_.get()) & SSL_RECEIVED_SHUTDOWN) != 0;
    const bool is_at_hand = buffer.size() == 0 || has_ended || has_unread();
    const std::size_t size = is_at_hand ? decrypt(buffer, most_in_a_turn, ec) : 0;
    if (ec == asio::error::would_block)
      await_input(reading(std::move(begun), buffer));
    else
      complete(std::move(begun), reading_ended(ec), size);
  });
}

void tls_stream::write_some(const asio::const_buffer* buffers, std::size_t count,
                            io_handler handler) {
  begin_operation(std::move(handler), [&](operation begun) {
    if (has_failed_)
      return complete(std::move(begun), error::connection_closed, 0);
    const asio::const_buffer record = gather(buffers, count);
    error_code ec;
    const std::size_t size = encrypt(record, ec);
    if (ec == asio::error::would_block)
      await_input(writing(std::move(begun), record));
    else if (!ec && has_unsent())
      transport_.async_send(flushing(std::move(begun), size));
    else
      complete(std::move(begun), writing_ended(ec), size);
  });
}

void tls_stream::flush(io_handler handler) {
  begin_operation(std::move(handler), [&](operation begun) {
    if (has_unsent())
      transport_.async_send(flushing(std::move(begun), 0));
    else
      complete(std::move(begun), writing_ended(transport_.write_error()), 0);
  });
}

// Without waiting ---------------------------------------------------------------------------------

std::size_t tls_stream::read_now(asio::mutable_buffer buffer, error_code& ec) noexcept {
  ec = read_end_;
  if (ec)
    return 0;
  if (record_.capacity() > kept_record)
    std::vector<unsigned char>().swap(record_);
  const std::size_t size = decrypt(buffer, most_without_data, ec);
  if (ec == asio::error::would_block && transport_.has_spent_allowance())
    ec = error::protocol_error;
  if (ec != asio::error::would_block)
    ec = reading_ended(ec);
  return size;
}

bool tls_stream::has_unread() noexcept {
  return transport_.has_unread() || SSL_has_pending(handle_.get()) != 0;
}

/// To ask the socket takes less than to ask OpenSSL.
bool tls_stream::is_quiet() noexcept {
  if (has_failed() || !transport_.is_lowest() || has_unread())
    return false;
  char byte = 0;
  const ssize_t seen =
      ::recv(transport_.lowest_layer().native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return seen < 0 && errno == EAGAIN;
}

std::size_t tls_stream::write_now(const asio::const_buffer* buffers, std::size_t count,
                                  error_code& ec) {
  if (has_failed_) {
    ec = asio::error::would_block; // and the other way to write says why
    return 0;
  }
  const std::size_t size = encrypt(gather(buffers, count), ec);
  if (ec != asio::error::would_block)
    ec = writing_ended(ec);
  return size;
}

void tls_stream::give_back_memory() noexcept {
  // OpenSSL before 3.0.14 frees what it needs if but the header of a record has come, or not all of
  // its data was read.
  if (SSL_has_pending(handle_.get()) == 0 &&
      SSL_rstate_string(handle_.get()) == std::string_view("RH"))
    SSL_free_buffers(handle_.get());
  std::vector<unsigned char>().swap(record_);
  transport_.give_back_memory();
}

void tls_stream::say_end() noexcept {
  // The end that the peer has said is answered (RFC 8446 §6.1).
  const bool is_answer = SSL_get_shutdown(handle_.get()) == SSL_RECEIVED_SHUTDOWN;
  if (!is_established_ || pending_ != 0 || (has_failed_ && !is_answer))
    return;
  has_failed_ = true;
  transport_.cork(true); // what is kept goes first
  SSL_shutdown(handle_.get());
  transport_.cork(false);
  ERR_clear_error();
}

} // namespace httpool::detail
