// How an exchange sends its request.

#include "client/describe.hpp"
#include "client/exchange.hpp"
#include "client/exchange_steps.hpp"
#include "pool/connection.hpp"
#include "pool/socket_calls.hpp"
#include "tls/secure_stream.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/write.hpp>
#include <boost/system/system_error.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>

namespace httpool::detail {
namespace {

namespace asio = boost::asio;

/// How much of a body is produced at a time.
constexpr std::size_t piece_size = 64 * 1024;

/// The most that a record of TLS holds (RFC 8446 §5.1).
constexpr std::size_t record_size = 16 * 1024;

/// With so many exchanges under way others have something to do first. The response may be there
/// when the turn of its reader comes: a read that finds nothing is a system call for nothing.
constexpr std::size_t many = 4;

/// How long after a request that left at once others may begin and wait for the end of the turn.
constexpr std::chrono::microseconds soon(100);

gathered without_first(std::size_t bytes, gathered buffers) noexcept {
  for (asio::const_buffer& each : buffers) {
    const std::size_t size = std::min(bytes, each.size());
    each += size;
    bytes -= size;
  }
  return buffers;
}

/// Without waiting: all of what fits in a record of TLS, which the stream may have to flush then.
std::size_t write_now(secure_stream& to, const gathered& message, boost::system::error_code& ec) {
  if (asio::buffer_size(message) > record_size) {
    ec = asio::error::would_block;
    return 0;
  }
  gathered parts;
  std::size_t count = 0;
  for (const asio::const_buffer& each : message)
    if (each.size() != 0)
      parts[count++] = each;
  return to.write_now(parts.data(), count, ec);
}

} // namespace

boost::system::error_code code_of(const std::exception_ptr& failure) noexcept {
  try {
    std::rethrow_exception(failure);
  } catch (const boost::system::system_error& e) {
    return e.code() ? e.code() : error::body_source_failed;
  } catch (const std::bad_alloc&) {
    return asio::error::no_memory;
  } catch (...) {
    return error::body_source_failed;
  }
}

/// Where exchanges begin one after the other in one turn, as those do whose responses came
/// together, the first request leaves at once, and wakes the peer. Others that begin while that
/// takes leave together, after the turn: they find it awake. Not so what must not be sent twice, or
/// the look at its connection would be a while ago.
void exchange::send_in_turn(const owner& self) {
  exchange& x = *self;
  if (x.has_company()) {
    client_core& client = *x.client_;
    if (x.replay_ == replay::safe && client.queue.is_awaited() &&
        x.began_ < client.sent_at.load(std::memory_order_relaxed) + soon &&
        client.context->running_in_this_thread())
      return put_off(self, x.is_writing_, &exchange::begin_sending);
    client.sent_at.store(x.began_, std::memory_order_relaxed);
  }
  go_on<&exchange::send>(self);
}

void exchange::begin_sending(const owner& self, error_code ec, std::size_t size) {
  exchange& x = *self;
  x.is_writing_ = false;
  x.lease_.late() ? end(self, asio::error::operation_aborted) : send(self, ec, size);
}

void exchange::send(const owner& self, error_code ec, std::size_t) {
  exchange& x = *self;
  if (ec)
    return end(self, ec);
  if (!x.is_two_way_)
    return write(self, sending::whole);
  if (x.produced_)
    x.produced_->left = x.produced_->source.size.value_or(0);
  x.is_asking_leave_ = x.expects_leave_;
  if (x.expects_leave_)
    write(self, sending::head);
  else
    send_body(self);
  if (!x.is_ending_)
    read(self);
}

void exchange::send_body(const owner& self) {
  self->produced_ ? produce(self) : write(self, sending::whole);
}

/// The head leaves with whatever is written first.
void exchange::write(const owner& self, sending what) {
  exchange& x = *self;
  x.sending_ = what;
  gathered message;
  if (!std::exchange(x.is_head_sent_, true)) {
    connection& c = pool_core::connection_of(x.lease_);
    c.head.clear();
    http1::append_head(c.head, x.message(), x.pool_->address.host, x.head_);
    describe(c, x.message(), x.pool_->address);
    message[0] = asio::buffer(c.head);
  }
  if (what == sending::piece) {
    message[1] = asio::buffer(x.framing_line_);
    message[2] = asio::buffer(x.produced_->piece.data(), x.produced_->size);
  } else if (what == sending::whole && x.head_.form != http1::body_form::none) {
    message[1] = asio::buffer(x.framing_line_);
    message[2] = asio::buffer(x.message().body());
    message[3] = asio::buffer(x.tail_);
  } else if (what == sending::last) {
    message[3] = asio::buffer(x.tail_);
  }
  auto& stream = x.lease_.stream();
  std::size_t written = 0;
  if (!x.strand_) {
    error_code ec;
    secure_stream* const secure = stream_access::secure(stream);
    written = secure ? write_now(*secure, message, ec) : write_now(x.lease_.socket(), message, ec);
    if (!ec && secure && secure->has_unsent()) {
      x.written_ += written;
      return launch<&exchange::wrote>(self, x.is_writing_, [&](auto handler) {
        secure->flush(io_handler(std::move(handler), stream.get_executor()));
      });
    }
    if ((ec && ec != asio::error::would_block) || written == asio::buffer_size(message))
      return wrote(self, ec, written);
    x.written_ += written;
  }
  const auto rest = without_first(written, message);
  launch<&exchange::wrote>(self, x.is_writing_, [&](auto handler) {
    asio::async_write(stream, rest, std::move(handler));
  });
}

/// A peer that does not want the rest of a request may have said why: what it sent is read before
/// the connection counts as lost.
void exchange::wrote(const owner& self, error_code ec, std::size_t size) {
  exchange& x = *self;
  x.is_writing_ = false;
  // A step that was lost does not say how much was written: some, for all that is known.
  x.written_ += ec && ec == asio::error::no_memory ? std::max<std::size_t>(size, 1) : size;
  if (x.is_ending_)
    return conclude(self);
  if (ec && as_ours(ec) != error::connection_closed)
    return end(self, ec);
  if (ec) {
    x.write_failed_ = true;
    return x.is_two_way_ ? void() : read(self);
  }
  switch (x.sending_) {
  case sending::head:
    return await_leave(self);
  case sending::piece:
    return produce(self);
  case sending::whole:
  case sending::last:
    return sent(self);
  }
}

void exchange::sent(const owner& self) {
  exchange& x = *self;
  x.is_sent_ = true;
  tell(x.trace_, [](exchange_trace& t) { t.request_written(); });
  if (x.first_byte_timeout_ != duration::max() && !x.has_head_) {
    x.first_byte_at_ = saturating_add(std::chrono::steady_clock::now(), x.first_byte_timeout_);
    x.limit_until(x.first_byte_at_, error::first_byte_timeout);
  }
  if (x.is_two_way_)
    return;
  if (!x.has_company())
    return read(self);
  put_off(self, x.is_reading_, &exchange::begin_reading);
}

/// Whether so many are under way that others may be ready, in the turns of the same context.
bool exchange::has_company() const noexcept {
  return client_->context && !strand_ && client_->under_way.load(std::memory_order_relaxed) >= many;
}

void exchange::begin_reading(const owner& self, error_code, std::size_t) {
  exchange& x = *self;
  x.is_reading_ = false;
  x.is_ending_ ? conclude(self) : read(self);
}

// Expect: 100-continue ----------------------------------------------------------------------------

/// The peer may not know what it is asked, so the body is sent after a while in any case
/// (RFC 9110 §10.1.1).
void exchange::await_leave(const owner& self) {
  exchange& x = *self;
  if (x.has_head_)
    return; // the final response is there: the body is not wanted
  if (!x.is_asking_leave_)
    return send_body(self);
  if (!x.leave_timer_)
    x.leave_timer_.emplace(*x.strand_);
  x.leave_timer_->expires_after(x.client_->options.continue_timeout);
  launch<&exchange::waited>(self, x.is_waiting_,
                            [&](auto handler) { x.leave_timer_->async_wait(std::move(handler)); });
}

/// What an earlier attempt has waited for may come late.
void exchange::waited(const owner& self, error_code ec, std::size_t) {
  exchange& x = *self;
  if (!x.is_waiting_ || ec == asio::error::operation_aborted ||
      (!ec && x.leave_timer_->expiry() > std::chrono::steady_clock::now()))
    return;
  x.is_waiting_ = false;
  ec ? end(self, ec) : got_leave(self);
}

void exchange::got_leave(const owner& self) {
  exchange& x = *self;
  if (!std::exchange(x.is_asking_leave_, false))
    return;
  x.is_waiting_ = false;
  if (x.leave_timer_)
    x.leave_timer_->cancel();
  if (!x.is_writing_ && !x.write_failed_)
    send_body(self);
}

// A body that is produced piece by piece ----------------------------------------------------------

void exchange::produce(const owner& self) {
  exchange& x = *self;
  produced_body& body = *x.produced_;
  if (body.source.size && body.left == 0)
    return end_of_source(self);
  body.piece.resize(piece_size);
  body.room = piece_size;
  if (body.source.size)
    body.room = static_cast<std::size_t>(std::min<std::uint64_t>(piece_size, body.left));
  body.is_used = true;
  try {
    auto piece = body.source.read(asio::buffer(body.piece.data(), body.room));
    launch<&exchange::got_piece>(self, x.is_writing_, [&](auto handler) {
      asio::co_spawn(*x.strand_, std::move(piece),
                     asio::bind_cancellation_slot(body.signal.slot(), std::move(handler)));
    });
  } catch (...) {
    source_failed(self, code_of(std::current_exception()));
  }
}

void exchange::got_piece(const owner& self, error_code ec, std::size_t size) {
  exchange& x = *self;
  produced_body& body = *x.produced_;
  x.is_writing_ = false;
  if (x.is_ending_)
    return conclude(self);
  if (ec)
    return source_failed(self, ec);
  if (size > body.room || (size == 0 && body.source.size))
    return source_failed(self, error::body_source_failed);
  if (size == 0)
    return end_of_source(self);
  if (body.source.size)
    body.left -= size;
  body.size = size;
  if (x.head_.form == http1::body_form::chunked) {
    x.framing_line_ = body.has_pieces ? "\r\n" : "";
    http1::append_chunk_size(x.framing_line_, size);
  }
  body.has_pieces = true;
  write(self, sending::piece);
}

/// Whatever its error looks like, it is not the connection's.
void exchange::source_failed(const owner& self, error_code ec) {
  self->produced_->has_failed = true;
  end(self, ec);
}

void exchange::end_of_source(const owner& self) {
  exchange& x = *self;
  x.tail_.clear();
  if (x.head_.form == http1::body_form::chunked)
    http1::append_last_chunk(x.tail_, x.produced_->has_pieces, x.message().trailers());
  if (x.is_head_sent_ && x.tail_.empty())
    return sent(self);
  write(self, sending::last);
}

/// The source begins again, if it has begun. False, and the reason is the outcome, if it does not.
bool exchange::rewind() {
  produced_body& body = *produced_;
  try {
    if (body.is_used)
      body.source.rewind();
    body.is_used = body.has_pieces = false;
    return true;
  } catch (...) {
    body.has_failed = true;
    outcome_ = code_of(std::current_exception());
    return false;
  }
}

} // namespace httpool::detail
