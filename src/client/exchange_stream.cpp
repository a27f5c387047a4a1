// The body of a response that is read piece by piece, and what becomes of one that is not.

#include "client/exchange.hpp"
#include "client/exchange_steps.hpp"

#include <boost/asio/error.hpp>

#include <algorithm>
#include <cstring>
#include <utility>

namespace httpool::detail {
namespace {

namespace asio = boost::asio;

constexpr std::size_t read_size = 8 * 1024;

/// Reads into buffers of at least this size go past the connection's buffer.
constexpr std::size_t direct_threshold = 1024;

/// What a dropped response may still cost: bytes on the wire, and time.
constexpr std::size_t discard_size = 64 * 1024;
constexpr duration discard_time = std::chrono::milliseconds(50);

} // namespace

// The head ----------------------------------------------------------------------------------------

/// The head is there: the call is complete, and the body waits for its readers.
void exchange::open(const owner& self) {
  exchange& x = *self;
  if (!x.is_upgraded_ && x.decoder_.done())
    return end(self, error_code());
  x.limit(duration::max(), error::exchange_timeout);
  if (x.operation_->own_ticket) {
    const std::lock_guard lock(x.client_->mutex);
    if (!x.operation_->is_cancelled)
      x.client_->calls.remove(*x.operation_);
  }
  if (x.operation_->own_ticket)
    return end(self, asio::error::operation_aborted);
  complete(self);
}

lease exchange::take_upgraded() noexcept {
  if (!is_upgraded_ || !lease_)
    return lease();
  lease_.expires_at(time_point::max());
  count(error_code(), std::chrono::steady_clock::now());
  has_ended_ = is_ending_ = true;
  return std::move(lease_);
}

// Reads -------------------------------------------------------------------------------------------

void exchange::give_ticket(read_operation& operation) {
  const std::lock_guard lock(client_->mutex);
  operation.own_ticket = reading_ = ticket{0, ++readers_};
}

void exchange::cancel_read(ticket wanted) {
  const std::lock_guard lock(client_->mutex);
  if (!reading_ || reading_.serial != wanted.serial)
    return;
  is_read_cancelled_ = true;
  if (lease_)
    lease_.cut_off();
}

void exchange::read_some(const owner& self, read_operation& operation,
                         asio::mutable_buffer buffer) {
  self->asked_ = &operation;
  self->asked_room_ = buffer;
  go_on<&exchange::begin_read>(self);
}

void exchange::begin_read(const owner& self, error_code ec, std::size_t) {
  exchange& x = *self;
  x.reader_ = std::exchange(x.asked_, nullptr);
  x.room_ = x.asked_room_;
  ec ? lack_memory(self) : next_piece(self);
}

void exchange::next_piece(const owner& self) {
  exchange& x = *self;
  for (;;) {
    const std::size_t left = x.content_.size() - x.content_taken_;
    if (left > 0 || x.room_.size() == 0) {
      const std::size_t size = std::min(left, x.room_.size());
      if (size > 0)
        std::memcpy(x.room_.data(), x.content_.data() + x.content_taken_, size);
      x.content_taken_ += size;
      return deliver(self, error_code(), size);
    }
    x.content_.clear();
    x.content_taken_ = 0;
    if (x.is_ending_)
      return deliver(self, x.outcome_ ? x.outcome_ : asio::error::eof, 0);
    if (x.is_upgraded_)
      return deliver(self, asio::error::eof, 0);
    if (x.lease_.buffer().size() == 0)
      break;
    const error_code ec = x.decode(x.content_);
    if (ec || x.decoder_.done())
      end(self, ec);
  }
  if (x.read_timeout_ != duration::max())
    x.limit(x.read_timeout_, error::read_timeout);
  const auto direct =
      static_cast<std::size_t>(std::min<std::uint64_t>(x.decoder_.direct(), x.room_.size()));
  x.is_direct_ = direct >= direct_threshold;
  const asio::mutable_buffer room =
      x.is_direct_ ? asio::buffer(x.room_, direct) : x.lease_.buffer().prepare(read_size);
  launch<&exchange::got_body>(self, x.is_reading_, [&](auto handler) {
    x.lease_.stream().async_read_some(room, std::move(handler));
  });
}

void exchange::got_body(const owner& self, error_code ec, std::size_t size) {
  exchange& x = *self;
  x.is_reading_ = x.is_drained_ = false;
  if (x.is_ending_) {
    conclude(self);
    return deliver(self, x.outcome_, 0);
  }
  if (ec) {
    end(self, x.end_of_connection(ec));
    return deliver(self, x.outcome_ ? x.outcome_ : asio::error::eof, 0);
  }
  if (x.read_timeout_ != duration::max())
    x.limit(duration::max(), error::exchange_timeout); // the owner may take time between two reads
  if (!x.is_direct_) {
    x.lease_.buffer().commit(size);
    return next_piece(self);
  }
  const http1::problem trouble = x.decoder_.took(size);
  if (trouble != http1::problem::none || x.decoder_.done())
    end(self, http1::error_of(trouble));
  deliver(self, error_code(), size);
}

void exchange::deliver(const owner& self, error_code ec, std::size_t size) {
  exchange& x = *self;
  read_operation* const reader = std::exchange(x.reader_, nullptr);
  if (reader->own_ticket) {
    const std::lock_guard lock(x.client_->mutex);
    x.reading_ = ticket();
  }
  reader->complete(ec, size);
}

/// The context is being destroyed, and the steps with it.
void exchange::abandon_reader() noexcept {
  for (read_operation** each : {&asked_, &reader_})
    if (read_operation* const reader = std::exchange(*each, nullptr))
      reader->abandon();
}

// What nobody reads -------------------------------------------------------------------------------

/// The stream has gone. What is left of a short body is read and thrown away, so that the
/// connection can serve again.
void exchange::drop(owner self) noexcept {
  go_on<&exchange::dropped>(self);
}

void exchange::dropped(const owner& self, error_code ec, std::size_t) {
  exchange& x = *self;
  if (x.is_ending_)
    return;
  const http1::framing& body = x.framing_.body;
  const bool is_hopeless = ec || x.is_upgraded_ || !x.is_sent_ || x.write_failed_ ||
                           !x.framing_.keep_alive || !x.head_.keep_alive || x.is_reading_ ||
                           x.is_writing_ || body.kind == http1::body_kind::until_close ||
                           x.decoder_.direct() > discard_size + x.lease_.buffer().size();
  if (is_hopeless)
    return end(self, asio::error::operation_aborted);
  x.to_discard_ = discard_size;
  x.limit(discard_time, error::read_timeout);
  discard(self);
}

void exchange::discard(const owner& self) {
  exchange& x = *self;
  x.to_discard_ -= std::min(x.to_discard_, x.lease_.buffer().size());
  x.content_.clear();
  const error_code ec = x.decode(x.content_);
  if (ec || x.decoder_.done() || x.to_discard_ == 0)
    return end(self, ec || x.decoder_.done() ? ec : asio::error::operation_aborted);
  const asio::mutable_buffer room = x.lease_.buffer().prepare(read_size);
  launch<&exchange::discarded>(self, x.is_reading_, [&](auto handler) {
    x.lease_.stream().async_read_some(room, std::move(handler));
  });
}

void exchange::discarded(const owner& self, error_code ec, std::size_t size) {
  exchange& x = *self;
  x.is_reading_ = x.is_drained_ = false;
  if (x.is_ending_)
    return conclude(self);
  if (ec)
    return end(self, x.end_of_connection(ec));
  x.lease_.buffer().commit(size);
  discard(self);
}

} // namespace httpool::detail
