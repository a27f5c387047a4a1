// The body of a response that is read piece by piece, and what becomes of one that is not.

#include "client/exchange.hpp"

#include <boost/asio/bind_executor.hpp>
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

/// Where this thread puts a reader whose operation could not be passed on.
thread_local read_operation** rescued_to = nullptr;

} // namespace

/// A reader is dropped with the context that its step waited in, or else told.
void exchange::abandoner::operator()(read_operation* operation) const noexcept {
  if (rescued_to)
    *rescued_to = operation;
  else
    operation->abandon();
}

/// Does what takes a reader along. If memory does not suffice for that, the reader is told.
template <class Action>
void exchange::with_reader(const owner& self, reading operation, Action action) {
  read_operation* rescued = nullptr;
  read_operation** const before = std::exchange(rescued_to, &rescued);
  try {
    action(std::move(operation));
  } catch (const std::bad_alloc&) {
  } catch (const std::length_error&) {
  }
  rescued_to = before;
  if (!rescued)
    return;
  end(self, asio::error::no_memory);
  deliver(self, reading(rescued), self->outcome_, 0);
}

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
  has_ended_ = is_ending_ = true;
  return std::move(lease_);
}

// Reads -------------------------------------------------------------------------------------------

void exchange::give_ticket(read_operation& operation) {
  const std::lock_guard lock(client_->mutex);
  operation.own_ticket = reader_ = ticket{0, ++readers_};
}

void exchange::cancel_read(ticket wanted) {
  const std::lock_guard lock(client_->mutex);
  if (!reader_ || reader_.serial != wanted.serial)
    return;
  is_read_cancelled_ = true;
  if (lease_)
    lease_.cut_off();
}

void exchange::read_some(const owner& self, read_operation& operation,
                         asio::mutable_buffer buffer) {
  with_reader(self, reading(&operation), [&](reading reader) {
    on_strand(self, [self, reader = std::move(reader), buffer]() mutable {
      with_reader(self, std::move(reader),
                  [&](reading r) { next_piece(self, std::move(r), buffer); });
    });
  });
}

struct exchange::piece_came {
  owner self;
  reading operation;
  asio::mutable_buffer buffer;
  bool is_direct;

  void operator()(error_code ec, std::size_t size) {
    with_reader(self, std::move(operation), [&](reading reader) {
      got_body(self, std::move(reader), buffer, is_direct, ec, size);
    });
  }
};

void exchange::next_piece(const owner& self, reading operation, asio::mutable_buffer buffer) {
  exchange& x = *self;
  for (;;) {
    if (const std::size_t left = x.content_.size() - x.content_taken_; left > 0 || !buffer.size()) {
      const std::size_t size = std::min(left, buffer.size());
      if (size > 0)
        std::memcpy(buffer.data(), x.content_.data() + x.content_taken_, size);
      x.content_taken_ += size;
      return deliver(self, std::move(operation), error_code(), size);
    }
    x.content_.clear();
    x.content_taken_ = 0;
    if (x.is_ending_)
      return deliver(self, std::move(operation), x.outcome_ ? x.outcome_ : asio::error::eof, 0);
    if (x.is_upgraded_)
      return deliver(self, std::move(operation), asio::error::eof, 0);
    if (x.lease_.buffer().size() == 0)
      break;
    const error_code ec = x.decode(x.content_);
    if (ec || x.decoder_.done())
      end(self, ec);
  }
  if (x.read_timeout_ != duration::max())
    x.limit(x.read_timeout_, error::read_timeout);
  const auto direct =
      static_cast<std::size_t>(std::min<std::uint64_t>(x.decoder_.direct(), buffer.size()));
  const bool is_direct = direct >= direct_threshold;
  const asio::mutable_buffer room =
      is_direct ? asio::buffer(buffer, direct) : x.lease_.buffer().prepare(read_size);
  x.is_reading_ = true;
  try {
    piece_came handler{self, std::move(operation), buffer, is_direct};
    auto& stream = x.lease_.stream();
    if (x.strand_)
      stream.async_read_some(room, asio::bind_executor(*x.strand_, std::move(handler)));
    else
      stream.async_read_some(room, std::move(handler));
  } catch (...) {
    x.is_reading_ = false;
    throw;
  }
}

void exchange::got_body(const owner& self, reading operation, asio::mutable_buffer buffer,
                        bool is_direct, error_code ec, std::size_t size) {
  exchange& x = *self;
  x.is_reading_ = false;
  if (x.is_ending_) {
    conclude(self);
    return deliver(self, std::move(operation), x.outcome_, 0);
  }
  if (ec) {
    end(self, x.end_of_connection(ec));
    return deliver(self, std::move(operation), x.outcome_ ? x.outcome_ : asio::error::eof, 0);
  }
  if (x.read_timeout_ != duration::max())
    x.limit(duration::max(), error::exchange_timeout); // the owner may take time between two reads
  if (!is_direct) {
    x.lease_.buffer().commit(size);
    return next_piece(self, std::move(operation), buffer);
  }
  const http1::problem trouble = x.decoder_.took(size);
  if (trouble != http1::problem::none || x.decoder_.done())
    end(self, http1::error_of(trouble));
  deliver(self, std::move(operation), error_code(), size);
}

void exchange::deliver(const owner& self, reading operation, error_code ec, std::size_t size) {
  exchange& x = *self;
  if (operation->own_ticket) {
    const std::lock_guard lock(x.client_->mutex);
    x.reader_ = ticket();
  }
  operation.release()->complete(ec, size);
}

// What nobody reads -------------------------------------------------------------------------------

/// The stream has gone. What is left of a short body is read and thrown away, so that the
/// connection can serve again.
void exchange::drop(owner self) noexcept try {
  on_strand(self, [self] {
    exchange& x = *self;
    if (x.is_ending_)
      return;
    const http1::framing& body = x.framing_.body;
    const bool is_hopeless = x.is_upgraded_ || !x.is_sent_ || x.write_failed_ ||
                             !x.framing_.keep_alive || !x.request_.keep_alive() || x.is_reading_ ||
                             x.is_writing_ || body.kind == http1::body_kind::until_close ||
                             x.decoder_.direct() > discard_size + x.lease_.buffer().size();
    if (is_hopeless)
      return end(self, asio::error::operation_aborted);
    x.to_discard_ = discard_size;
    x.limit(discard_time, error::read_timeout);
    discard(self);
  });
} catch (...) {
  // Without memory the exchange ends with its last owner, and closes the connection.
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
  x.is_reading_ = false;
  if (x.is_ending_)
    return conclude(self);
  if (ec)
    return end(self, x.end_of_connection(ec));
  x.lease_.buffer().commit(size);
  discard(self);
}

} // namespace httpool::detail
