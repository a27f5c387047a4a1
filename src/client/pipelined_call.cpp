#include "client/pipelined_call.hpp"

#include "client/describe.hpp"
#include "client/exchange.hpp"
#include "client/idempotent.hpp"
#include "client/pipeline.hpp"
#include "client/pipelines.hpp"

#include <httpool/error.hpp>
#include <httpool/url.hpp>

#include <boost/asio/error.hpp>

#include <algorithm>
#include <new>
#include <stdexcept>
#include <utility>

namespace httpool::detail {

namespace asio = boost::asio;
using boost::system::error_code;

// The beginning -----------------------------------------------------------------------------------

/// What may be sent twice, is small, and is content with the connection as it is.
bool pipelined_call::may_share(const client_core& client, const request& message,
                               const send_options& options) {
  const client_options& usual = client.options;
  const fields& own = message.fields();
  const bool is_safe =
      options.replay ? *options.replay == replay::safe : is_idempotent(message.method());
  return is_safe && !options.trace && message.method() != "CONNECT" &&
         message.body().size() < two_way_size &&
         options.first_byte_timeout.value_or(usual.first_byte_timeout) == duration::max() &&
         options.read_timeout.value_or(usual.read_timeout) == duration::max() &&
         message.version() == http_version::http_1_1 && !own.contains("Expect") &&
         !own.contains("Upgrade") && !own.has_token("Connection", "close") &&
         client.shares_connections(message.target());
}

pipelined_call::pipelined_call(key, std::shared_ptr<client_core> client,
                               const send_options& options)
    : client_(std::move(client)),
      began_(std::chrono::steady_clock::now()),
      deadline_(
          saturating_add(began_, options.timeout.value_or(client_->options.exchange_timeout))),
      acquire_timeout_(options.acquire_timeout.value_or(client_->options.pool.acquire_timeout)),
      dial_timeout_(options.dial_timeout) {}

template <class Operation, class Fill>
void pipelined_call::start(const std::shared_ptr<client_core>& client, Operation& operation,
                           const send_options& options, Fill fill) {
  owner self;
  try {
    self = std::allocate_shared<pipelined_call>(recycler<pipelined_call>(*client->spare_calls),
                                                key(), client, options);
  } catch (const std::bad_alloc&) {
    if (operation.own_ticket) {
      const std::lock_guard lock(client->mutex);
      client->calls.remove(operation);
    }
    if constexpr (std::is_same_v<Operation, send_operation>)
      return operation.complete(asio::error::no_memory, client_response());
    else
      return operation.complete(asio::error::no_memory);
  }
  fill(*self);
  bool is_cancelled = false;
  try {
    if (const error_code ec = self->prepare()) {
      self->is_over_ = true;
      return self->tell(ec);
    }
    if (operation.own_ticket) {
      const std::lock_guard lock(client->mutex);
      operation.run = self.get();
      is_cancelled = operation.is_cancelled;
    }
    if (is_cancelled)
      return self->fail(asio::error::operation_aborted);
    self->pool_->shared->place(self);
  } catch (const std::bad_alloc&) {
    self->lack_memory();
  } catch (const std::length_error&) {
    self->lack_memory();
  }
}

void pipelined_call::lack_memory() noexcept {
  if (pool_)
    return fail(asio::error::no_memory);
  is_over_ = true;
  tell(asio::error::no_memory);
}

void pipelined_call::start(const std::shared_ptr<client_core>& client, send_operation& operation,
                           request&& message, const send_options& options) {
  start(client, operation, options, [&](pipelined_call& made) noexcept {
    made.send_ = &operation;
    made.message_ = &made.own_message_.emplace(std::move(message));
    made.answer_ = &made.own_answer_.emplace();
  });
}

void pipelined_call::start(const std::shared_ptr<client_core>& client, fill_operation& operation,
                           const request& message, client_response& answer,
                           const send_options& options) {
  answer.clear();
  answer.connection_id_ = 0;
  answer.attempts_ = 0;
  answer.reused_ = false;
  start(client, operation, options, [&](pipelined_call& made) noexcept {
    made.fill_ = &operation;
    made.message_ = &message;
    made.answer_ = &answer;
  });
}

/// Finds out where the request goes and how its head goes out.
error_code pipelined_call::prepare() {
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
  is_head_ = message().method() == "HEAD";
  return http1::plan_head(message(), message().body().size(), head_);
}

pipelined_call::~pipelined_call() {
  if (is_waiting_)
    pool_->shared->forget(*this);
  if (!is_told_ && operation().own_ticket) {
    const std::lock_guard lock(client_->mutex);
    client_->calls.remove(operation());
  }
  if (!is_told_)
    count(asio::error::operation_aborted);
  client_->leave(std::move(pool_));
  if (!is_told_)
    send_ ? send_->abandon() : fill_->abandon();
}

call_operation& pipelined_call::operation() const noexcept {
  return send_ ? static_cast<call_operation&>(*send_) : *fill_;
}

// The request -------------------------------------------------------------------------------------

void pipelined_call::append_to(std::string& out, connection& on) const {
  const std::size_t size = out.size();
  try {
    http1::append_head(out, message(), pool_->address.host, head_);
    const std::string& body = message().body();
    if (head_.form == http1::body_form::chunked && !body.empty())
      http1::append_chunk_size(out, body.size());
    if (head_.form != http1::body_form::none)
      out += body;
    if (head_.form == http1::body_form::chunked)
      http1::append_last_chunk(out, body.size(), message().trailers());
  } catch (...) {
    out.resize(size);
    throw;
  }
  describe(on, message(), pool_->address);
}

void pipelined_call::placed(pipeline& on, std::uint64_t begin, std::uint64_t connection,
                            bool is_reused) noexcept {
  is_placed_ = true;
  on_ = &on;
  begin_ = begin;
  connection_id_ = connection;
  is_reused_ = is_reused;
}

void pipelined_call::displaced() noexcept {
  is_placed_ = false;
  on_ = nullptr;
  ++attempts_;
  ++acquires_; // an earlier one that ends from now on is not what it waits for
}

// The connection ----------------------------------------------------------------------------------

struct pipelined_call::acquired {
  using allocator_type = step_room::allocator<void>;

  owner self;
  std::uint64_t number;

  allocator_type get_allocator() const noexcept { return allocator_type(self->acquire_room_); }

  void operator()(error_code ec, lease leased) const {
    self->pool_->shared->acquired(self, number, ec, std::move(leased));
  }
};

duration pipelined_call::time_left() const noexcept {
  return deadline_ == time_point::max() ? duration::max()
                                        : deadline_ - std::chrono::steady_clock::now();
}

/// One that is sent again wants a fresh connection, or at least none that was idle.
void pipelined_call::acquire(const owner& self, lease dead) {
  pipelined_call& x = *self;
  const client_core::shared_pool held = x.pool_; // the call may leave it before this is done
  pool_core& pool = *held->connections;
  pipelines& shared = *held->shared;
  acquire_options options;
  options.dial_timeout = x.dial_timeout_;
  options.timeout = x.time_left();
  if (x.is_replay())
    options.max_idle = duration::zero();
  else
    options.timeout = std::min(*options.timeout, x.acquire_timeout_);
  acquire_operation& made = *handler_operation<acquire_operation, struct acquired, lease>::create(
      {self, x.acquires_ + 1}, shared.beneath());
  made.lease_deadline = x.deadline_;
  try {
    pool.give_ticket(made);
  } catch (...) {
    made.abandon();
    throw;
  }
  const ticket own = made.own_ticket;
  bool is_over = false;
  {
    const std::lock_guard lock(shared.mutex);
    ++x.acquires_;
    x.acquire_ticket_ = own;
    is_over = x.is_over_;
    if (!is_over)
      shared.enqueue(x);
  }
  if (is_over)
    pool.cancel_acquire(own);
  if (dead) {
    options.max_idle.reset();
    pool.redial(made, std::move(dead), options);
  } else {
    pool.acquire(made, options);
  }
}

// The end -----------------------------------------------------------------------------------------

void pipelined_call::take(response& from) noexcept {
  std::swap(static_cast<response&>(answer()), from);
  answer().connection_id_ = connection_id_;
  answer().attempts_ = attempts_;
  answer().reused_ = is_reused_;
}

/// One that could not be said where to go counts nowhere. After an error the answer may be gone.
void pipelined_call::count(error_code ec) const noexcept {
  if (pool_)
    pool_->exchanges->ended(ec ? outcome_of(ec) : outcome_of(answer_->status()),
                            std::chrono::steady_clock::now() - began_);
}

/// If the memory of an executor does not suffice for its handler, that is lost.
void pipelined_call::tell(error_code ec) noexcept try {
  is_told_ = true;
  count(ec);
  if (operation().own_ticket) {
    const std::lock_guard lock(client_->mutex);
    client_->calls.remove(operation());
  }
  if (fill_)
    fill_->complete(ec);
  else
    send_->complete(ec, std::move(answer()));
} catch (const std::bad_alloc&) {
}

void pipelined_call::fail(error_code ec) noexcept {
  bool has_to_tell = false;
  ticket own;
  {
    const std::lock_guard lock(pool_->shared->mutex);
    if (is_waiting_) {
      own = acquire_ticket_;
      pool_->shared->dequeue(*this);
    }
    has_to_tell = end();
    if (on_)
      on_->limit();
  }
  if (own)
    pool_->connections->cancel_acquire(own);
  if (has_to_tell)
    tell(ec);
}

void pipelined_call::cancel(cancelled& rest) noexcept {
  rest.call = weak_from_this().lock();
}

/// One that was sent keeps its place: its response is read and thrown away, so that those of the
/// others are found behind it.
void pipelined_call::cancelled_by_caller() {
  fail(asio::error::operation_aborted);
}

} // namespace httpool::detail
