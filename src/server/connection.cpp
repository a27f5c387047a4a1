#include "server/connection.hpp"

#include "server/core.hpp"

#include <httpool/error.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <exception>
#include <string>
#include <utility>

namespace httpool::detail {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using http1::problem;
using http1::progress;

// A body that has more to come than this is read past the read buffer.
constexpr std::uint64_t large_rest = 16 * 1024;
constexpr std::size_t kept_body = 16 * 1024;

http1::head_limits limits_of(const server_options& options) noexcept {
  return {options.max_head_bytes, options.max_fields};
}

bool would_block(const error_code& ec) noexcept {
  return ec == asio::error::would_block || ec == asio::error::try_again;
}

} // namespace

server_connection::server_connection(std::shared_ptr<server_core> core, place room,
                                     tcp::socket socket, const request_context& context)
    : core_(std::move(core)),
      place_(std::move(room)),
      socket_(std::move(socket)),
      stream_(socket_),
      context_(context),
      in_(std::max<std::size_t>(core_->options().max_head_bytes, 64 * 1024)),
      parser_(limits_of(core_->options())) {}

server_connection::~server_connection() {
  error_code ignored;
  socket_.close(ignored);
  connection_hook::unlink();
  core_->on_connection_closed();
}

asio::awaitable<void> server_connection::run(std::shared_ptr<server_connection> self) {
  co_await self->serve();
}

asio::awaitable<void> server_connection::serve() {
  error_code ec;
  if (core_->options().tls)
    co_await encrypt();
  for (;;) {
    const step next = advance();
    if (next != step::read)
      stop_waiting();
    if (next == step::answer) {
      asio::awaitable<bool> rest = call_handler();
      if (rest.valid() && !co_await std::move(rest))
        co_return;
      if (!batch_is_full())
        continue;
    }
    if (ec = write(); ec && !co_await write_rest(ec))
      co_return;
    if (next == step::end)
      break;
    if (next == step::answer)
      continue;

    if (core_->stopping() && !in_body_ && !parser_.started()) {
      take_last();
      continue;
    }
    begin_waiting();
    std::size_t bytes = 0;
    if (is_cool_)
      co_await readable(ec);
    else
      bytes = co_await read_some(ec);
    received(ec, bytes);
    if (aborted_)
      co_return;
  }
  if (context_.is_encrypted)
    stream_access::secure(stream_)->say_end();
  if (lingering_)
    co_await linger();
}

server_connection::step server_connection::advance() {
  if (ended_)
    return step::end;
  if (!in_body_) {
    if (in_.empty())
      return step::read;
    if (const step next = take_head(); next != step::answer)
      return next;
  }
  in_.consume(decoder_.decode(in_.view(), request_.body(), request_.trailers()));
  if (decoder_.trouble() != problem::none)
    return refuse(http1::status_of(decoder_.trouble()), http1::text_of(decoder_.trouble()));
  return decoder_.done() ? step::answer : step::read;
}

// Yields step::answer when the head is complete and the body is to follow.
server_connection::step server_connection::take_head() {
  switch (parser_.parse(in_.view(), request_)) {
  case progress::need_more:
    return step::read;
  case progress::failed:
    return refuse(http1::status_of(parser_.trouble()), http1::text_of(parser_.trouble()));
  case progress::done:
    break;
  }
  in_.consume(parser_.size());
  answering_.to_head = request_.method() == "HEAD";
  answering_.to_connect = request_.method() == "CONNECT";
  answering_.peer = request_.version();

  problem trouble = http1::frame(request_, framing_);
  if (trouble == problem::none)
    trouble =
        decoder_.start(framing_.body, core_->options().max_body_bytes, limits_of(core_->options()));
  if (trouble != problem::none)
    return refuse(http1::status_of(trouble), http1::text_of(trouble));
  if (framing_.expects_something)
    return refuse(417, "the only expectation met here is 100-continue");
  if (framing_.expects_continue && !decoder_.done() && in_.empty())
    out_.add("HTTP/1.1 100 Continue\r\n\r\n");
  in_body_ = true;
  return step::answer;
}

server_connection::step server_connection::refuse(unsigned status, std::string_view why) {
  ++core_->counters().refused;
  ++context_.request_number;
  response message(status, std::string(why) + "\n", "text/plain");
  send(message, false);
  end(true);
  return step::end;
}

// Yields what the answer has to wait for, if anything; false means that the connection is lost.
// Messages are not kept in the coroutine that does wait, since that is most of the memory of a
// connection that is idle.
asio::awaitable<bool> server_connection::call_handler() {
  ++core_->counters().requests;
  ++context_.request_number;
  reply made = [&]() -> reply {
    try {
      return core_->handler()(std::move(request_), context_);
    } catch (...) {
      tell_failure();
      return failure();
    }
  }();
  if (made.is_streamed())
    return stream_body(std::move(made));
  if (!made.is_ready())
    return answer_later(std::move(made));
  answer(made.now());
  return {};
}

asio::awaitable<bool> server_connection::answer_later(reply pending) {
  // What is ready must not wait for what is not.
  if (error_code ec = write(); ec && !co_await write_rest(ec))
    co_return false;
  response message = co_await finish(std::move(pending));
  if (aborted_)
    co_return false;
  answer(message);
  co_return true;
}

// Waits for a handler that is a coroutine, and can be cancelled meanwhile.
asio::awaitable<response> server_connection::finish(reply pending) {
  try {
    asio::awaitable<response> handler = std::move(pending).later();
    co_return co_await asio::co_spawn(
        core_->executor(), std::move(handler),
        asio::bind_cancellation_slot(cancel_handler_.slot(), asio::use_awaitable));
  } catch (...) {
    tell_failure();
  }
  co_return failure();
}

// Within the handler of an exception.
void server_connection::tell_failure() const {
  if (const auto& tell = core_->options().on_failure)
    tell(std::current_exception(), context_);
}

response server_connection::failure() {
  ++core_->counters().handler_failures;
  return response(500, "the handler failed\n", "text/plain");
}

void server_connection::answer(response& message) {
  begin_answer(message);
  await_next_request();
}

http1::body_form server_connection::begin_answer(response& message) {
  // A handler gives final responses alone (RFC 9110 §15.2).
  if (message.status() < 200) {
    message = failure();
    answering_.is_streamed = false;
  }
  const server_options& options = core_->options();
  const bool was_last =
      options.max_requests != 0 && context_.request_number >= options.max_requests;
  // Empty lines are no request (RFC 9112 §2.2).
  const bool drained =
      core_->stopping() && in_.view().find_first_not_of("\r\n") == std::string_view::npos;
  const bool tunnel = answering_.to_connect && message.status() / 100 == 2;
  const bool is_endless = answering_.is_streamed && answering_.peer == http_version::http_1_0;
  const bool keep_alive = framing_.keep_alive && !was_last && !drained && !tunnel && !is_endless &&
                          !message.fields().has_token("Connection", "close");
  const http1::body_form form = send(message, keep_alive);
  // Even a client that has asked for the end may have sent more, and a reset in answer to that
  // would overtake the response.
  if (!keep_alive)
    end(true);
  return answering_.is_streamed ? form : http1::body_form::none;
}

http1::body_form server_connection::send(response& message, bool keep_alive) {
  if (const auto& observe = core_->options().on_response)
    observe(message, context_);
  answering_.keep_alive = keep_alive;
  answering_.date = core_->date().now();
  return out_.add(message, answering_);
}

void server_connection::await_next_request() noexcept {
  unacknowledged_ = unknown;
  request_.clear();
  if (request_.body().capacity() > kept_body)
    request_.body().shrink_to_fit();
  parser_.reset();
  framing_ = {};
  answering_ = {};
  in_body_ = false;
}

bool server_connection::batch_is_full() const noexcept {
  return out_.responses() >= core_->options().max_batch ||
         out_.size() >= core_->options().max_batch_bytes;
}

error_code server_connection::write() {
  if (out_.empty())
    return {};
  ++core_->counters().writes;
  return context_.is_encrypted ? error_code(asio::error::would_block) : out_.write(socket_);
}

// Goes on with a write that would have blocked; false if the connection is lost.
asio::awaitable<bool> server_connection::write_rest(error_code ec) {
  // Nothing is read meanwhile, and a stop must not take the connection for one that is idle.
  stop_waiting();
  return context_.is_encrypted ? write_encrypted() : write_plain(ec);
}

asio::awaitable<bool> server_connection::write_plain(error_code ec) {
  while (would_block(ec)) {
    core_->clock().set(*this, deadline_kind::progress);
    co_await socket_.async_wait(tcp::socket::wait_write,
                                asio::redirect_error(asio::use_awaitable, ec));
    core_->clock().clear(*this);
    if (late_)
      ++core_->counters().timed_out;
    if (late_ || aborted_)
      co_return false;
    if (!ec)
      ec = out_.write(socket_);
  }
  co_return !ec;
}

asio::awaitable<std::size_t> server_connection::read_some(error_code& ec) {
  if (context_.is_encrypted)
    return read_encrypted(ec);
  return socket_.async_read_some(room(), asio::redirect_error(asio::use_awaitable, ec));
}

// Waits until there is something to read.
asio::awaitable<void> server_connection::readable(error_code& ec) {
  return socket_.async_wait(tcp::socket::wait_read, asio::redirect_error(asio::use_awaitable, ec));
}

std::size_t server_connection::read_now(error_code& ec) {
  return context_.is_encrypted ? decrypt(room(), ec) : socket_.read_some(room(), ec);
}

asio::mutable_buffer server_connection::room() {
  past_buffer_ = in_body_ && in_.empty() && decoder_.direct() > large_rest;
  if (!past_buffer_) {
    const auto [data, size] = in_.prepare();
    return {data, size};
  }
  // The body grows by what arrives, not by what is announced.
  constexpr std::size_t least = 64 * 1024;
  const std::size_t most = context_.is_encrypted ? least : 1024 * 1024;
  std::string& body = request_.body();
  body_filled_ = body.size();
  const auto more = static_cast<std::size_t>(
      std::min<std::uint64_t>(decoder_.direct(), std::clamp(body_filled_, least, most)));
  body.resize(body_filled_ + more);
  return {body.data() + body_filled_, more};
}

void server_connection::store(std::size_t bytes) {
  if (!past_buffer_)
    return in_.commit(bytes);
  request_.body().resize(body_filled_ + bytes);
  decoder_.took(bytes);
}

void server_connection::begin_waiting() {
  const bool is_idle = !in_body_ && !parser_.started();
  is_cool_ &= is_idle && waiting_ == waiting::request;
  if (in_body_) {
    // Content alone is progress: chunk extensions and trailers could be dragged on for hours.
    const std::size_t size = request_.body().size();
    if (waiting_ != waiting::body || size != body_arrived_)
      core_->clock().set(*this, deadline_kind::progress);
    waiting_ = waiting::body;
    body_arrived_ = size;
  } else if (is_idle) {
    // Empty lines are no request: they do not put off the deadline.
    if (waiting_ != waiting::request)
      core_->clock().set(*this, deadline_kind::warm);
    else if (is_cool_)
      give_back_memory();
    waiting_ = waiting::request;
  } else if (waiting_ != waiting::head) {
    waiting_ = waiting::head;
    core_->clock().set(*this, deadline_kind::head);
  }
}

// All but what the connection cannot do without.
void server_connection::give_back_memory() noexcept {
  in_.release();
  out_ = batch();
  request_ = request();
  if (secure_stream* const secure = stream_access::secure(stream_))
    secure->give_back_memory();
}

void server_connection::stop_waiting() noexcept {
  if (waiting_ == waiting::nothing)
    return;
  waiting_ = waiting::nothing;
  core_->clock().clear(*this);
}

void server_connection::received(error_code ec, std::size_t bytes) {
  if (aborted_)
    return;
  const bool puts_off_idle = late_ && waiting_ == waiting::request && is_client_receiving();
  if (puts_off_idle)
    waiting_ = waiting::nothing;
  else if (late_)
    return cut();
  late_ = false;
  // What came in while the read was cancelled, because of a deadline or the server's stop, or what
  // has been waited for.
  if (ec == asio::error::operation_aborted || (is_cool_ && !ec && bytes == 0))
    bytes = read_now(ec);
  // What is encrypted may have more with it, which the socket does not show: that is to be read.
  is_cool_ &= would_block(ec);
  if (!ec)
    store(bytes);
  else if (ec == asio::error::eof || ec == error::connection_closed)
    input_ended();
  else if (!would_block(ec) || core_->stopping())
    end(would_block(ec) && unacknowledged() != 0);
}

} // namespace httpool::detail
