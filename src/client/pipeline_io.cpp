// How a pipeline writes requests and reads responses.

#include "client/exchange.hpp"
#include "client/keep_alive_hint.hpp"
#include "client/pipeline.hpp"
#include "client/pipeline_steps.hpp"
#include "client/pipelines.hpp"
#include "pool/connection.hpp"
#include "pool/socket_calls.hpp"
#include "pool/strand.hpp"

#include <httpool/error.hpp>

#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/prefer.hpp>
#include <boost/asio/require.hpp>

#include <algorithm>
#include <new>
#include <stdexcept>
#include <utility>

namespace httpool::detail {
namespace {

namespace asio = boost::asio;

constexpr std::size_t read_size = 8 * 1024;

/// Bodies of which at least this much is to come are read in place, at most so much at a time.
constexpr std::size_t direct_threshold = 4 * 1024;
constexpr std::size_t direct_size = 256 * 1024;

/// For responses that nobody wants any more.
constexpr duration discard_time = std::chrono::milliseconds(50);

} // namespace

// The requests ------------------------------------------------------------------------------------

/// Behind what waits for its turn already: calls that are made meanwhile leave in the same write.
void pipeline::post_flush(const owner& self) {
  namespace execution = asio::execution;
  using plain = asio::io_context::executor_type;
  using flushing = step<&pipeline::flush, &pipeline::flush_room_>;
  const asio::any_io_executor& beneath = self->shared().beneath();
  try {
    if (const plain* const context = beneath.target<plain>())
      asio::prefer(asio::require(*context, execution::blocking.never), execution::relationship.fork,
                   execution::allocator(step_room::allocator<void>(self->flush_room_)))
          .execute(flushing{self});
    else
      asio::post(beneath, flushing{self});
  } catch (const std::bad_alloc&) {
    flush(self, error_code(), 0);
  }
}

void pipeline::flush(const owner& self, error_code, std::size_t) {
  guard lock(self->shared().mutex);
  self->is_flush_posted_ = false;
  go_on(self, lock);
}

/// The system takes more.
void pipeline::wrote(const owner& self, error_code ec, std::size_t) {
  guard lock(self->shared().mutex);
  self->is_writing_ = self->awaits_room_ = false;
  if (ec)
    self->stop(as_ours(ec));
  go_on(self, lock);
}

/// The end of each step, in the same turn of the lock, or another thread might end the pipeline
/// meanwhile: writes, then reads, unless another thread does, or ends.
void pipeline::go_on(const owner& self, guard& lock) {
  pipeline& x = *self;
  x.write(self, lock);
  if (!x.is_ending_ && !x.is_reading_)
    x.read(self);
  if (x.is_ending_ && x.awaits_room_)
    shut_down(x.lease_.socket()); // nothing else would end that wait
  conclude(self, lock);
}

/// Leaves the lock while it writes.
void pipeline::write(const owner& self, guard& lock) {
  while (!is_ending_ && !is_writing_ && !write_failed_) {
    if (writing_.empty()) {
      if (out_.empty())
        return;
      writing_.swap(out_);
      written_ = 0;
    }
    is_writing_ = true;
    lock.unlock();
    error_code ec;
    const std::size_t size = write_now(lease_.socket(), {asio::buffer(writing_) + written_}, ec);
    lock.lock();
    is_writing_ = false;
    written_ += size;
    handed_ += size;
    if (written_ == writing_.size()) {
      writing_.clear();
      written_ = 0;
    }
    if (!ec || is_ending_)
      continue;
    if (ec == asio::error::would_block) {
      is_writing_ = awaits_room_ = true;
      launch(step<&pipeline::wrote, &pipeline::write_room_>{self}, [&](auto handler) {
        lease_.socket().async_wait(asio::ip::tcp::socket::wait_write, std::move(handler));
      });
    } else if (as_ours(ec) == error::connection_closed) {
      write_failed_ = true; // what the peer has said before is read first
    } else {
      stop(ec);
    }
  }
}

// The responses -----------------------------------------------------------------------------------

/// Under the lock.
void pipeline::read(const owner& self) try {
  const std::uint64_t direct = has_head_ && lease_.buffer().size() == 0 ? decoder_.direct() : 0;
  is_direct_ = direct >= direct_threshold;
  asio::mutable_buffer room;
  if (is_direct_) {
    std::string& body = answer_.body();
    body_size_ = body.size();
    body.resize(body_size_ +
                static_cast<std::size_t>(std::min<std::uint64_t>(direct, direct_size)));
    room = asio::buffer(body.data() + body_size_, body.size() - body_size_);
  } else {
    room = lease_.buffer().prepare(read_size);
  }
  is_reading_ = true;
  launch(step<&pipeline::got_bytes, &pipeline::read_room_>{self},
         [&](auto handler) { lease_.socket().async_read_some(room, std::move(handler)); });
} catch (const std::bad_alloc&) {
  is_reading_ = false;
  stop(asio::error::no_memory);
} catch (const std::length_error&) {
  is_reading_ = false;
  stop(asio::error::no_memory);
}

void pipeline::got_bytes(const owner& self, error_code ec, std::size_t size) {
  pipeline& x = *self;
  bool is_over = false;
  {
    const guard lock(x.shared().mutex);
    x.is_in_turn_ = true;
    x.handed_before_ = x.handed_or_about_to_be();
    is_over = x.is_ending_;
  }
  error_code end;
  if (!is_over) {
    try {
      end = x.take_in(ec, size);
    } catch (const std::bad_alloc&) {
      end = asio::error::no_memory;
    } catch (const std::length_error&) {
      end = asio::error::no_memory;
    }
  }
  guard lock(x.shared().mutex);
  x.is_in_turn_ = x.is_reading_ = false;
  if (end)
    x.stop(end);
  else if (!x.is_ending_)
    x.limit();
  go_on(self, lock);
}

/// Gives an error if the connection has ended.
boost::system::error_code pipeline::take_in(error_code ec, std::size_t size) {
  if (is_direct_)
    answer_.body().resize(body_size_ + (ec ? 0 : size));
  if (ec) {
    if (ec == asio::error::eof && has_head_ && !lease_.late() &&
        decoder_.end_of_stream() == http1::problem::none)
      answered();
    return as_ours(ec);
  }
  is_drained_ = !is_direct_ && size < read_size;
  if (!is_direct_) {
    lease_.buffer().commit(size);
    return advance();
  }
  if (const http1::problem trouble = decoder_.took(size); trouble != http1::problem::none)
    return http1::error_of(trouble);
  return advance();
}

/// Takes in what the buffer holds.
boost::system::error_code pipeline::advance() {
  auto& buffer = lease_.buffer();
  for (;;) {
    if (!has_begun_) {
      if (buffer.size() == 0)
        return {};
      if (const error_code ec = begin_response())
        return ec;
    }
    if (!has_head_) {
      const error_code ec = parse_head();
      if (ec || !has_head_)
        return ec;
    }
    if (!decoder_.done())
      buffer.consume(decoder_.decode(view(buffer), answer_.body(), answer_.trailers()));
    if (decoder_.trouble() != http1::problem::none)
      return http1::error_of(decoder_.trouble());
    if (!decoder_.done())
      return {};
    if (!answered())
      return error::connection_closed;
  }
}

/// Bytes have come. They answer a request of which the system had a byte when they were looked at,
/// or nobody has asked for them. A peer may answer before it has the whole.
boost::system::error_code pipeline::begin_response() {
  const guard lock(shared().mutex);
  if (unanswered_.empty() || unanswered_.front()->begin_of_request() >= handed_before_)
    return error::protocol_error;
  has_begun_ = true;
  return {};
}

/// Looks for the head of the final response in the buffer and passes over informational ones.
boost::system::error_code pipeline::parse_head() {
  auto& buffer = lease_.buffer();
  for (;;) {
    switch (parser_.parse(view(buffer), answer_)) {
    case http1::progress::need_more:
      return {};
    case http1::progress::failed:
      return http1::error_of(parser_.trouble());
    case http1::progress::done:
      break;
    }
    buffer.consume(parser_.size());
    if (answer_.status() >= 200)
      break;
    if (answer_.status() == 101)
      return error::protocol_error; // nobody has asked for it
    answer_.clear();
    parser_.pass_over();
  }
  has_head_ = true;
  const client_options& options = client_->options;
  const bool is_head = unanswered_.front()->is_head();
  http1::problem trouble = http1::frame(answer_, is_head ? "HEAD" : "GET", framing_);
  if (trouble == http1::problem::none)
    trouble = decoder_.start(framing_.body, options.max_body_bytes,
                             http1::head_limits{options.max_head_bytes, options.max_fields});
  return http1::error_of(trouble);
}

/// A response is complete. False if the connection must not serve any more.
bool pipeline::answered() {
  pipelined_call::owner call;
  bool has_to_tell = false;
  bool is_last = false;
  {
    const guard lock(shared().mutex);
    call = unanswered_.pop();
    call->leaves();
    ++served_;
    if (answer_.version() == http_version::http_1_0)
      shared().speaks_1_0 = true;
    if (framing_.keep_alive && framing_.has_hints)
      is_kept_ &= heed(hint_of(answer_.fields()), lease_, unanswered_.size());
    is_ending_ |= framing_.keep_alive && unanswered_.empty();
    has_to_tell = call->end();
    is_last = unanswered_.empty();
  }
  if (has_to_tell)
    call->take(answer_);
  answer_.clear();
  parser_.reset();
  has_begun_ = has_head_ = false;
  if (has_to_tell && is_last)
    last_ = std::move(call);
  else if (has_to_tell)
    call->tell(error_code());
  return framing_.keep_alive;
}

/// Under the lock: what another thread writes right now may be answered before that knows.
std::uint64_t pipeline::handed_or_about_to_be() const noexcept {
  return is_writing_ && !awaits_room_ ? handed_ + (writing_.size() - written_) : handed_;
}

/// Under the lock: the lease's deadline is that of whoever has the least time left. Responses that
/// nobody wants any more are waited for as long as what is left of a stream that was dropped.
void pipeline::limit() {
  if (is_ending_ || !is_linked() || lease_.late())
    return;
  time_point earliest = time_point::max();
  bool is_wanted = false;
  unanswered_.each([&](const pipelined_call& call) {
    if (call.is_over())
      return;
    is_wanted = true;
    earliest = std::min(earliest, call.deadline());
  });
  if (!is_wanted)
    earliest = std::min(limit_, saturating_add(std::chrono::steady_clock::now(), discard_time));
  if (earliest != limit_) {
    limit_ = earliest;
    lease_.expires_at(limit_);
  }
}

} // namespace httpool::detail
