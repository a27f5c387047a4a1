// The beginning, the connection and the end of an exchange.

#include "client/exchange.hpp"

#include "client/exchange_steps.hpp"
#include "client/idempotent.hpp"
#include "client/recycler.hpp"
#include "http1/chars.hpp"
#include "pool/strand.hpp"

#include <boost/asio/error.hpp>

#include <algorithm>
#include <type_traits>
#include <utility>

namespace httpool::detail {

namespace asio = boost::asio;

boost::system::error_code as_ours(boost::system::error_code ec) noexcept {
  if (ec == asio::error::eof || ec == asio::error::connection_reset ||
      ec == asio::error::connection_aborted || ec == asio::error::broken_pipe ||
      ec == asio::error::not_connected || ec == asio::error::shut_down)
    return error::connection_closed;
  return ec;
}

// The beginning -----------------------------------------------------------------------------------

template <class Operation>
void exchange::start(const std::shared_ptr<client_core>& client, Operation& operation, call&& what,
                     const send_options& options) {
  if (what.answer)
    clear(*what.answer);
  owner self;
  try {
    self = std::allocate_shared<exchange>(recycler<exchange>(*client->spare_blocks), key(), client,
                                          std::move(what), options);
  } catch (const std::bad_alloc&) {
    tell(options.trace, [](exchange_trace& t) { t.done(asio::error::no_memory, 0); });
    if (operation.own_ticket) {
      const std::lock_guard lock(client->mutex);
      client->calls.remove(operation);
    }
    if constexpr (std::is_same_v<Operation, send_operation>)
      return operation.complete(asio::error::no_memory, client_response());
    else if constexpr (std::is_same_v<Operation, open_operation>)
      return operation.complete(asio::error::no_memory, response_stream());
    else
      return operation.complete(asio::error::no_memory);
  }
  exchange& x = *self;
  x.operation_ = &operation;
  if constexpr (std::is_same_v<Operation, send_operation>)
    x.send_ = &operation;
  else if constexpr (std::is_same_v<Operation, open_operation>)
    x.open_ = &operation;
  else
    x.fill_ = &operation;
  x.is_streamed_ = x.open_ != nullptr;
  if (operation.own_ticket) {
    const std::lock_guard lock(client->mutex);
    operation.run = self.get();
  }
  guarded(self, [&] { begin(self); });
}

exchange::exchange(key, std::shared_ptr<client_core> client, call&& what,
                   const send_options& options)
    : client_(std::move(client)),
      began_(std::chrono::steady_clock::now()),
      deadline_(
          saturating_add(began_, options.timeout.value_or(client_->options.exchange_timeout))),
      acquire_timeout_(options.acquire_timeout.value_or(client_->options.pool.acquire_timeout)),
      dial_timeout_(options.dial_timeout),
      first_byte_timeout_(options.first_byte_timeout.value_or(client_->options.first_byte_timeout)),
      read_timeout_(options.read_timeout.value_or(client_->options.read_timeout)),
      trace_(options.trace),
      message_(what.message),
      own_message_(std::move(what.own_message)),
      replay_(options.replay.value_or(replay::safe)),
      parser_(http1::head_limits{client_->options.max_head_bytes, client_->options.max_fields}),
      answer_(what.answer) {
  if (what.body)
    produced_.emplace(std::move(*what.body));
  if (!message_)
    message_ = &*own_message_;
  if (!answer_)
    answer_ = &own_answer_.emplace();
  if (!options.replay && !is_idempotent(message().method()))
    replay_ = replay::if_unsent;
  answer().attempts_ = 1;
  client_->under_way.fetch_add(1, std::memory_order_relaxed);
}

exchange::~exchange() {
  client_->under_way.fetch_sub(1, std::memory_order_relaxed);
  if (operation_ && operation_->own_ticket) {
    const std::lock_guard lock(client_->mutex);
    client_->calls.remove(*operation_);
  }
  lease_.reset();
  if (!has_ended_)
    count(asio::error::operation_aborted, std::chrono::steady_clock::now());
  if (pool_)
    client_->leave(std::move(pool_));
  if (operation_)
    send_ ? send_->abandon() : open_ ? open_->abandon() : fill_->abandon();
  if (is_streamed_)
    abandon_reader();
}

void exchange::cancel(cancelled& rest) noexcept {
  if (lease_)
    lease_.cut_off();
  rest.acquire = waiting_;
  if (waiting_)
    rest.connections = connections();
}

void exchange::begin(const owner& self) {
  if (const error_code ec = self->prepare())
    return end(self, ec);
  lease leased = self->connections()->try_acquire(self->began_, self->max_idle(), self->deadline_);
  if (!leased)
    return acquire(self);
  got_lease(self, error_code(), std::move(leased));
}

/// Finds out where the request goes, puts its head together, and decides how it is sent.
boost::system::error_code exchange::prepare() {
  if (http1::is_exactly(message().method(), "CONNECT"))
    return error::invalid_request; // there is no way to hand the tunnel over
  if (client_->sends_as_it_is(message())) {
    pool_ = client_->base;
    pool_->exchanges->began();
  } else {
    if (!own_message_)
      message_ = &own_message_.emplace(*message_);
    auto found = client_->pool_for(*own_message_);
    if (!found)
      return found.error();
    pool_ = std::move(*found);
    pool_->exchanges->began();
    pool_->address.apply(*own_message_);
  }
  if (produced_ && !message().body().empty())
    return error::invalid_request;
  const std::optional<std::uint64_t> size =
      produced_ ? produced_->source.size : message().body().size();
  if (const error_code ec = http1::plan_head(message(), size, head_))
    return ec;
  expects_leave_ = head_.expects_continue;
  if (expects_leave_ && head_.form == http1::body_form::none)
    return error::invalid_request; // RFC 9110 §10.1.1
  is_two_way_ = produced_ || expects_leave_ || message().body().size() >= two_way_size;
  if (is_two_way_ || is_streamed_) { // the owner of a stream may drop it while a step is pending
    reserve_ = std::make_shared<reserved_blocks>();
    strand_.emplace(strand_of(executor()));
  }
  if (head_.form == http1::body_form::chunked && !produced_) {
    if (*size > 0)
      http1::append_chunk_size(framing_line_, *size);
    http1::append_last_chunk(tail_, *size, message().trailers());
  }
  return {};
}

/// How long the connection may have been idle: one that has died meanwhile is no loss to a request
/// that can be sent again.
duration exchange::max_idle() const noexcept {
  const bool can_repeat = replay_ == replay::safe && (!produced_ || produced_->source.rewind);
  return can_repeat ? duration::max() : client_->options.unsafe_max_idle;
}

// The connection ----------------------------------------------------------------------------------

struct exchange::acquired {
  using allocator_type = step_allocator<void>;

  owner self;

  allocator_type get_allocator() const noexcept { return allocator_type(*self); }

  void operator()(error_code ec, lease leased) const {
    self->is_stepping_ = true;
    guarded(self, [&] { got_lease(self, ec, std::move(leased)); });
  }
};

/// The acquire that goes on with `got_lease`, cancelled before it begins if the exchange is.
acquire_operation& exchange::make_acquire(const owner& self) {
  exchange& x = *self;
  const auto& pool = x.connections();
  acquire_operation& made = *handler_operation<acquire_operation, acquired, lease>::create(
      acquired{self}, pool->executor());
  made.lease_deadline = x.deadline_;
  if (x.operation_->own_ticket) {
    try {
      pool->give_ticket(made);
    } catch (...) {
      made.abandon();
      throw;
    }
    bool is_cancelled = false;
    {
      const std::lock_guard lock(x.client_->mutex);
      x.waiting_ = made.own_ticket;
      is_cancelled = x.operation_->is_cancelled;
    }
    if (is_cancelled)
      pool->cancel_acquire(made.own_ticket);
  }
  return made;
}

void exchange::acquire(const owner& self) {
  exchange& x = *self;
  tell(x.trace_, [](exchange_trace& t) { t.queued(); });
  acquire_options options;
  options.timeout = std::min(x.time_left(), x.acquire_timeout_);
  options.dial_timeout = x.dial_timeout_;
  if (const duration longest = x.max_idle(); longest != duration::max())
    options.max_idle = longest;
  const auto pool = x.connections(); // the exchange may leave it before this is done
  pool->acquire(make_acquire(self), options);
}

void exchange::got_lease(const owner& self, error_code ec, lease leased) {
  exchange& x = *self;
  if (x.has_ended_)
    return; // the acquire was begun, but its caller was told that it could not be
  if (ec || !x.take(std::move(leased)))
    return end(self, ec ? ec : asio::error::operation_aborted);
  x.limit_ = x.deadline_; // as the pool was told
  x.late_ = error::exchange_timeout;
  x.first_byte_at_ = time_point::max();
  if (x.trace_)
    x.tell_connection();
  x.is_two_way_ || x.is_stepping_ ? go_on<&exchange::send>(self) : send_in_turn(self);
}

/// Makes the lease known to `cancel()`. False if that has been called.
bool exchange::take(lease&& leased) {
  answer().connection_id_ = leased.id();
  answer().reused_ = leased.reused();
  was_kept_ = leased.waited() || leased.reused();
  if (!operation_->own_ticket) {
    lease_ = std::move(leased);
    return true;
  }
  const std::lock_guard lock(client_->mutex);
  waiting_ = ticket();
  if (operation_->is_cancelled)
    return false;
  lease_ = std::move(leased);
  return true;
}

/// The lease, which `cancel()` finds no more.
lease exchange::give_up_lease() noexcept {
  if (!operation_ || !operation_->own_ticket)
    return std::move(lease_);
  const std::lock_guard lock(client_->mutex);
  return std::move(lease_);
}

bool exchange::may_send_again() const noexcept {
  if (!operation_ || answer().attempts_ != 1 || !lease_ || !was_kept_ || lease_.late() ||
      has_bytes_)
    return false;
  if (replay_ == replay::never || (replay_ == replay::if_unsent && written_ > 0))
    return false;
  return !produced_ || !produced_->is_used || (!produced_->has_failed && produced_->source.rewind);
}

void exchange::send_again(const owner& self) {
  exchange& x = *self;
  tell(x.trace_, [&](exchange_trace& t) { t.retried(x.outcome_); });
  x.answer().attempts_ = 2;
  if (x.produced_ && !x.rewind())
    return conclude(self);
  x.written_ = 0;
  x.is_head_sent_ = x.is_sent_ = false;
  x.write_failed_ = x.is_ending_ = false;
  x.outcome_ = error_code();
  acquire_operation& fresh = make_acquire(self);
  acquire_options options;
  options.timeout = x.time_left();
  options.dial_timeout = x.dial_timeout_;
  const auto pool = x.connections(); // the exchange may leave it before this is done
  pool->redial(fresh, x.give_up_lease(), options);
}

// Turns -------------------------------------------------------------------------------------------

/// Goes on with a step when the others that are ready have had their turn.
void exchange::put_off(const owner& self, bool& pending, step next) noexcept {
  exchange& x = *self;
  pending = true;
  x.next_step_ = next;
  x.kept_ = self;
  x.client_->queue.await(x, x.client_, *x.client_->context);
}

/// A handler of the caller's that this leads to is posted, or others would wait behind it.
void exchange::take_turn() {
  const owner self = std::move(kept_);
  is_stepping_ = false;
  guarded(self, [&] { next_step_(self, error_code(), 0); });
}

void exchange::lose_turn() noexcept {
  const owner last = std::move(kept_);
}

// The end -----------------------------------------------------------------------------------------

/// Decides how the exchange ends, unless that has been decided, and stops what is pending.
void exchange::end(const owner& self, error_code ec) {
  exchange& x = *self;
  if (x.is_ending_)
    return conclude(self);
  x.is_ending_ = true;
  x.outcome_ = x.told(ec);
  x.is_asking_leave_ = x.is_waiting_ = false;
  if (x.leave_timer_)
    x.leave_timer_->cancel();
  if (x.is_writing_ || x.is_reading_) {
    // The connection has served its time. To cancel the operations would miss a write that is
    // between two of its own steps.
    error_code ignored;
    x.lease_.socket().shutdown(asio::ip::tcp::socket::shutdown_both, ignored);
    if (x.produced_)
      x.produced_->signal.emit(asio::cancellation_type::terminal);
  }
  conclude(self);
}

/// A step could not be done for want of memory, which is the exception that is being handled. That
/// of a completion that did not get through, or of the caller's own handler, is not ours.
void exchange::lack_memory(const owner& self) {
  exchange& x = *self;
  if (x.has_ended_ && !x.reader_)
    throw;
  end(self, asio::error::no_memory);
  if (x.reader_ && !x.is_reading_)
    deliver(self, x.outcome_ ? x.outcome_ : asio::error::no_memory, 0);
}

/// Ends the exchange, or has the request sent again, once no step is pending.
void exchange::conclude(const owner& self) {
  exchange& x = *self;
  if (x.is_writing_ || x.is_reading_ || x.has_ended_)
    return;
  if (x.outcome_ && x.outcome_ == error::connection_closed && x.may_send_again())
    return send_again(self);
  x.has_ended_ = true;
  const time_point now = std::chrono::steady_clock::now();
  x.count(x.outcome_, now);
  lease ended = x.leave_call();
  if (ended) {
    ended.keep_alive(x.settle_connection(ended));
    if (x.is_drained_)
      pool_core::end_exchange(std::move(ended), now);
    else
      ended.reset();
  }
  x.client_->leave(std::move(x.pool_));
  if (x.operation_)
    complete(self);
}

/// What the caller is told of `ec`: the late mark decides, not the error of the I/O.
boost::system::error_code exchange::told(error_code ec) noexcept {
  const bool is_late = lease_ && lease_.late();
  if (!ec && !is_late)
    return ec;
  {
    const std::lock_guard lock(client_->mutex);
    if (is_read_cancelled_ || (operation_ && operation_->is_cancelled))
      return asio::error::operation_aborted;
  }
  if (!is_late)
    return ec;
  return limit_ <= std::chrono::steady_clock::now() ? late_ : error::pool_closed;
}

/// Takes call and lease out of the reach of cancellations.
lease exchange::leave_call() noexcept {
  if (!is_streamed_ && !(operation_ && operation_->own_ticket))
    return std::move(lease_);
  const std::lock_guard lock(client_->mutex);
  if (operation_)
    client_->calls.remove(*operation_);
  return std::move(lease_);
}

/// Completes the call: with the response, or its stream, or the error.
void exchange::complete(const owner& self) {
  exchange& x = *self;
  x.operation_ = nullptr;
  if (x.outcome_)
    clear(x.answer());
  if (fill_operation* const fill = std::exchange(x.fill_, nullptr))
    x.finish(*fill);
  else if (send_operation* const send = std::exchange(x.send_, nullptr))
    x.finish(*send, std::move(x.answer()));
  else if (open_operation* const open = std::exchange(x.open_, nullptr))
    x.finish(*open, x.outcome_ ? response_stream() : response_stream(self));
}

/// Where a strand is, the exchange's or the client's, its turn ends before the caller's handler
/// begins.
template <class Operation, class... Results>
void exchange::finish(Operation& operation, Results... results) {
  if (is_stepping_ && !strand_ && client_->context)
    operation.dispatch(outcome_, std::move(results)...);
  else
    operation.complete(outcome_, std::move(results)...);
}

void exchange::clear(client_response& answer) noexcept {
  answer.clear();
  answer.connection_id_ = 0;
  answer.attempts_ = 0;
  answer.reused_ = false;
}

// Deadlines ---------------------------------------------------------------------------------------

duration exchange::time_left() const noexcept {
  return deadline_ == time_point::max() ? duration::max()
                                        : deadline_ - std::chrono::steady_clock::now();
}

/// The next step has so much time, and no more than the whole exchange.
void exchange::limit(duration time, error late) noexcept {
  limit_until(time == duration::max() ? time_point::max()
                                      : saturating_add(std::chrono::steady_clock::now(), time),
              late);
}

void exchange::limit_until(time_point at, error late) noexcept {
  late_ = at < deadline_ ? late : error::exchange_timeout;
  const time_point earlier = std::min(at, deadline_);
  if (earlier == limit_)
    return;
  limit_ = earlier;
  lease_.expires_at(limit_);
}

template void exchange::start(const std::shared_ptr<client_core>&, send_operation&, call&&,
                              const send_options&);
template void exchange::start(const std::shared_ptr<client_core>&, open_operation&, call&&,
                              const send_options&);
template void exchange::start(const std::shared_ptr<client_core>&, fill_operation&, call&&,
                              const send_options&);

} // namespace httpool::detail
