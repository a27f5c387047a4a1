#include "client/exchange.hpp"

#include "client/idempotent.hpp"
#include "client/keep_alive_hint.hpp"

#include <httpool/error.hpp>

#include <boost/asio/error.hpp>
#include <boost/asio/write.hpp>

#include <algorithm>
#include <new>
#include <stdexcept>
#include <string_view>
#include <utility>

namespace httpool::detail {
namespace {

namespace asio = boost::asio;

constexpr std::size_t read_size = 8 * 1024;

/// Bodies of which at least this much is to come are read in place, at most so much at a time.
constexpr std::size_t direct_threshold = 4 * 1024;
constexpr std::size_t direct_size = 256 * 1024;

/// A peer that has gone shows in many ways; to the caller they are one.
boost::system::error_code as_ours(boost::system::error_code ec) {
  if (ec == asio::error::eof || ec == asio::error::connection_reset ||
      ec == asio::error::connection_aborted || ec == asio::error::broken_pipe ||
      ec == asio::error::not_connected || ec == asio::error::shut_down)
    return error::connection_closed;
  return ec;
}

std::string_view view(const boost::beast::flat_buffer& buffer) noexcept {
  const auto data = buffer.cdata();
  return std::string_view(static_cast<const char*>(data.data()), data.size());
}

} // namespace

void exchange::start(std::shared_ptr<client_core> client, send_operation& operation,
                     request message, send_options options) {
  const time_point deadline = saturating_add(
      std::chrono::steady_clock::now(), options.timeout.value_or(client->options.exchange_timeout));
  owner self;
  try {
    self = std::make_shared<exchange>(key(), client, operation, std::move(message), deadline);
  } catch (const std::bad_alloc&) {
    if (operation.own_ticket) {
      const std::lock_guard lock(client->mutex);
      client->sends.remove(operation);
    }
    return operation.complete(asio::error::no_memory, client_response());
  }
  guarded(self, [&] { begin(self); });
}

void exchange::begin(const owner& self) {
  error_code ec = http1::append_head(self->head_, self->request_, self->client_->host, self->form_);
  if (self->request_.method() == "CONNECT")
    ec = error::invalid_request; // there is no way to hand the tunnel over
  if (ec)
    return finish(self, ec);
  if (self->form_ == http1::body_form::chunked) {
    const std::size_t size = self->request_.body().size();
    if (size > 0)
      http1::append_chunk_size(self->head_, size);
    http1::append_last_chunk(self->tail_, size, self->request_.trailers());
  }
  lease leased = self->client_->connections->try_acquire();
  if (!leased)
    return acquire(self);
  got_lease(self, error_code(), std::move(leased));
}

/// Does it, or ends the exchange. Asio's operations fail to start before they have begun, so that
/// nothing else of the exchange is under way then.
template <class Action>
void exchange::guarded(const owner& self, Action action) {
  try {
    action();
  } catch (const std::bad_alloc&) {
    out_of_memory(self);
  } catch (const std::length_error&) {
    out_of_memory(self);
  }
}

/// While the exception is handled. One of a completion that did not get through has nowhere to go.
void exchange::out_of_memory(const owner& self) {
  if (!self->operation_)
    throw;
  finish(self, asio::error::no_memory);
}

exchange::exchange(key, std::shared_ptr<client_core> client, send_operation& operation,
                   request message, time_point deadline)
    : client_(std::move(client)),
      operation_(&operation),
      deadline_(deadline),
      request_(std::move(message)),
      parser_(http1::head_limits{client_->options.max_head_bytes, client_->options.max_fields}) {
  response_.attempts_ = 1;
  if (operation.own_ticket) {
    const std::lock_guard lock(client_->mutex);
    operation.run = this;
  }
}

exchange::~exchange() {
  if (!operation_)
    return;
  if (operation_->own_ticket) {
    const std::lock_guard lock(client_->mutex);
    client_->sends.remove(*operation_);
  }
  lease_.reset();
  operation_->abandon();
}

ticket exchange::cancel() noexcept {
  if (lease_)
    lease_.cut_off();
  return waiting_;
}

// The connection ----------------------------------------------------------------------------------

struct exchange::acquired {
  owner self;

  void operator()(error_code ec, lease leased) {
    guarded(self, [&] { got_lease(self, ec, std::move(leased)); });
  }
};

template <void (*Step)(const exchange::owner&, boost::system::error_code, std::size_t)>
struct exchange::then {
  owner self;

  void operator()(error_code ec, std::size_t size) {
    guarded(self, [&] { Step(self, ec, size); });
  }
};

/// The acquire that goes on with `got_lease`, cancelled before it begins if the exchange is.
acquire_operation& exchange::make_acquire(const owner& self) {
  exchange& x = *self;
  const auto& pool = x.client_->connections;
  acquire_operation& made = *handler_operation<acquire_operation, acquired, lease>::create(
      acquired{self}, pool->executor());
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
  const auto& pool = self->client_->connections;
  const duration pool_allows = self->client_->options.pool.acquire_timeout;
  const acquire_options options{std::min(self->time_left(), pool_allows)};
  pool->acquire(make_acquire(self), options);
}

void exchange::got_lease(const owner& self, error_code ec, lease leased) {
  if (!self->operation_)
    return; // the acquire was begun, but its caller was told that it could not be
  if (ec || !self->take(std::move(leased)))
    return finish(self, ec ? ec : asio::error::operation_aborted);
  self->lease_.expires_at(self->deadline_);
  write(self);
}

/// Makes the lease known to `cancel()`. False if that has been called.
bool exchange::take(lease leased) {
  response_.connection_id_ = leased.id();
  response_.reused_ = leased.reused();
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

duration exchange::time_left() const noexcept {
  return deadline_ == time_point::max() ? duration::max()
                                        : deadline_ - std::chrono::steady_clock::now();
}

bool exchange::may_send_again() const noexcept {
  return response_.attempts_ == 1 && lease_.waited() && !has_bytes_ && !lease_.late() &&
         (written_ == 0 || is_idempotent(request_.method()));
}

void exchange::send_again(const owner& self) {
  exchange& x = *self;
  const auto& pool = x.client_->connections;
  x.response_.attempts_ = 2;
  x.written_ = 0;
  x.write_failed_ = false;
  const acquire_options options{x.time_left()};
  acquire_operation& fresh = make_acquire(self);
  lease dead;
  if (x.operation_->own_ticket) {
    const std::lock_guard lock(x.client_->mutex);
    dead = std::move(x.lease_);
  } else {
    dead = std::move(x.lease_);
  }
  pool->redial(fresh, std::move(dead), options);
}

// The request -------------------------------------------------------------------------------------

void exchange::write(const owner& self) {
  exchange& x = *self;
  const std::array<asio::const_buffer, 3> message{
      asio::buffer(x.head_), asio::buffer(x.request_.body()), asio::buffer(x.tail_)};
  asio::async_write(x.lease_.socket(), message, then<&exchange::wrote>{self});
}

/// A peer that does not want the rest of a request may have said why: what it sent is read before
/// the connection counts as lost.
void exchange::wrote(const owner& self, error_code ec, std::size_t size) {
  self->written_ += size;
  if (ec && as_ours(ec) != error::connection_closed)
    return ended(self, ec);
  self->write_failed_ = ec.failed();
  read(self);
}

// The response ------------------------------------------------------------------------------------

void exchange::read(const owner& self) {
  exchange& x = *self;
  auto& buffer = x.lease_.buffer();
  const std::uint64_t direct = x.has_head_ && buffer.size() == 0 ? x.decoder_.direct() : 0;
  if (direct >= direct_threshold) {
    std::string& body = x.response_.body();
    x.body_size_ = body.size();
    body.resize(x.body_size_ +
                static_cast<std::size_t>(std::min<std::uint64_t>(direct, direct_size)));
    x.lease_.socket().async_read_some(
        asio::buffer(body.data() + x.body_size_, body.size() - x.body_size_),
        then<&exchange::got_content>{self});
  } else {
    x.lease_.socket().async_read_some(buffer.prepare(read_size), then<&exchange::got_bytes>{self});
  }
}

void exchange::got_bytes(const owner& self, error_code ec, std::size_t size) {
  if (ec)
    return ended(self, ec);
  self->has_bytes_ = true;
  self->lease_.buffer().commit(size);
  advance(self);
}

void exchange::got_content(const owner& self, error_code ec, std::size_t size) {
  exchange& x = *self;
  x.response_.body().resize(x.body_size_ + size);
  if (ec)
    return ended(self, ec);
  if (const http1::problem trouble = x.decoder_.took(size); trouble != http1::problem::none)
    return finish(self, http1::error_of(trouble));
  if (x.decoder_.done())
    return finish(self, error_code());
  read(self);
}

/// Takes in what the buffer holds.
void exchange::advance(const owner& self) {
  exchange& x = *self;
  auto& buffer = x.lease_.buffer();
  if (!x.has_head_) {
    if (const error_code ec = x.parse_head())
      return finish(self, ec);
    if (!x.has_head_)
      return read(self);
  }
  if (!x.decoder_.done())
    buffer.consume(x.decoder_.decode(view(buffer), x.response_.body(), x.response_.trailers()));
  if (x.decoder_.trouble() != http1::problem::none)
    return finish(self, http1::error_of(x.decoder_.trouble()));
  if (x.decoder_.done())
    return finish(self, error_code());
  read(self);
}

/// Looks for the head of the final response in the buffer and passes over informational ones.
boost::system::error_code exchange::parse_head() {
  auto& buffer = lease_.buffer();
  for (;;) {
    switch (parser_.parse(view(buffer), response_)) {
    case http1::progress::need_more:
      return {};
    case http1::progress::failed:
      return http1::error_of(parser_.trouble());
    case http1::progress::done:
      break;
    }
    buffer.consume(parser_.size());
    if (response_.status() >= 200)
      break;
    if (response_.status() == 101)
      return error::protocol_error; // nobody asked for another protocol
    response_.clear();
    parser_.reset();
  }
  has_head_ = true;
  http1::problem trouble = http1::frame(response_, request_.method(), framing_);
  if (trouble == http1::problem::none)
    trouble = decoder_.start(
        framing_.body, client_->options.max_body_bytes,
        http1::head_limits{client_->options.max_head_bytes, client_->options.max_fields});
  return http1::error_of(trouble);
}

// The end -----------------------------------------------------------------------------------------

/// The connection has ended. That may be the end of the body, or call for another try.
void exchange::ended(const owner& self, error_code ec) {
  exchange& x = *self;
  if (ec == asio::error::eof && x.has_head_ && !x.lease_.late() &&
      x.decoder_.end_of_stream() == http1::problem::none)
    return finish(self, error_code());
  ec = as_ours(ec);
  if (ec == error::connection_closed && x.may_send_again())
    return send_again(self);
  finish(self, ec);
}

void exchange::finish(const owner& self, error_code ec) {
  exchange& x = *self;
  send_operation& operation = *std::exchange(x.operation_, nullptr);
  bool is_cancelled = false;
  if (operation.own_ticket) {
    const std::lock_guard lock(x.client_->mutex);
    x.client_->sends.remove(operation);
    is_cancelled = operation.is_cancelled;
  }
  if (x.lease_) {
    const bool is_late = x.lease_.late();
    if ((ec || is_late) && is_cancelled)
      ec = asio::error::operation_aborted;
    else if (is_late)
      ec = x.time_left() <= duration::zero() ? error::exchange_timeout : error::pool_closed;
    x.lease_.keep_alive(!ec && !x.write_failed_ && x.framing_.keep_alive &&
                        x.request_.keep_alive() && !announces_end(x.response_.fields()));
    x.lease_.reset();
  }
  operation.complete(ec, ec ? client_response() : std::move(x.response_));
}

} // namespace httpool::detail
