// How an exchange receives its response, up to the end of its head or, if it is wanted whole, of
// its body.

#include "client/exchange.hpp"
#include "client/exchange_steps.hpp"
#include "tls/secure_stream.hpp"

#include <boost/asio/error.hpp>

#include <algorithm>

namespace httpool::detail {
namespace {

namespace asio = boost::asio;

constexpr std::size_t read_size = 8 * 1024;

/// Bodies of which at least this much is to come are read in place, at most so much at a time.
constexpr std::size_t direct_threshold = 4 * 1024;
constexpr std::size_t direct_size = 256 * 1024;

/// The most that one read of an encrypted connection gives.
constexpr std::size_t record_size = 16 * 1024;

} // namespace

void exchange::read(const owner& self) {
  exchange& x = *self;
  auto& buffer = x.lease_.buffer();
  auto& stream = x.lease_.stream();
  const std::uint64_t direct = x.has_head_ && buffer.size() == 0 ? x.decoder_.direct() : 0;
  if (direct >= direct_threshold) {
    std::string& body = x.answer().body();
    x.body_size_ = body.size();
    const std::size_t most = stream.is_encrypted() ? record_size : direct_size;
    body.resize(x.body_size_ + static_cast<std::size_t>(std::min<std::uint64_t>(direct, most)));
    launch<&exchange::got_content>(self, x.is_reading_, [&](auto handler) {
      stream.async_read_some(asio::buffer(body.data() + x.body_size_, body.size() - x.body_size_),
                             std::move(handler));
    });
  } else {
    const asio::mutable_buffer room = buffer.prepare(read_size);
    launch<&exchange::got_bytes>(self, x.is_reading_, [&](auto handler) {
      stream.async_read_some(room, std::move(handler));
    });
  }
}

void exchange::got_bytes(const owner& self, error_code ec, std::size_t size) {
  exchange& x = *self;
  x.is_reading_ = false;
  if (x.is_ending_)
    return conclude(self);
  if (ec)
    return end(self, x.end_of_connection(ec));
  if (x.trace_ && !x.has_bytes_)
    tell(x.trace_, [](exchange_trace& t) { t.first_byte(); });
  x.has_bytes_ = true;
  secure_stream* const secure = stream_access::secure(x.lease_.stream());
  x.is_drained_ = size < read_size && !(secure && secure->has_unread());
  x.lease_.buffer().commit(size);
  advance(self);
}

void exchange::got_content(const owner& self, error_code ec, std::size_t size) {
  exchange& x = *self;
  x.is_reading_ = false;
  x.is_drained_ = false;
  x.answer().body().resize(x.body_size_ + size);
  if (x.is_ending_)
    return conclude(self);
  if (ec)
    return end(self, x.end_of_connection(ec));
  if (const http1::problem trouble = x.decoder_.took(size); trouble != http1::problem::none)
    return end(self, http1::error_of(trouble));
  go_on_reading(self);
}

/// Takes in what the buffer holds.
void exchange::advance(const owner& self) {
  exchange& x = *self;
  if (!x.has_head_) {
    if (const error_code ec = x.parse_head())
      return end(self, ec);
    if (!x.has_head_) {
      if (x.has_leave_)
        got_leave(self);
      return x.is_ending_ ? void() : go_on_reading(self);
    }
    x.is_asking_leave_ = false;
    if (x.open_)
      return open(self);
  }
  if (const error_code ec = x.decode(x.answer().body()))
    return end(self, ec);
  go_on_reading(self);
}

/// Reads on, unless the response is complete. From its first byte on, the time between two bytes is
/// limited.
void exchange::go_on_reading(const owner& self) {
  exchange& x = *self;
  if (x.has_head_ && x.decoder_.done())
    return end(self, error_code());
  x.limit_read();
  read(self);
}

/// What comes before the response has begun, and between an informational one and the next, is
/// within the limit of its first byte.
void exchange::limit_read() noexcept {
  if (!has_head_ && lease_.buffer().size() == 0)
    limit_until(first_byte_at_, error::first_byte_timeout);
  else if (read_timeout_ != duration::max() || limit_ != deadline_)
    limit(read_timeout_, error::read_timeout);
}

/// Looks for the head of the final response in the buffer and passes over informational ones.
boost::system::error_code exchange::parse_head() {
  auto& buffer = lease_.buffer();
  for (;;) {
    switch (parser_.parse(view(buffer), answer())) {
    case http1::progress::need_more:
      return {};
    case http1::progress::failed:
      return http1::error_of(parser_.trouble());
    case http1::progress::done:
      break;
    }
    buffer.consume(parser_.size());
    if (answer().status() == 101)
      return switch_protocols();
    if (answer().status() >= 200)
      break;
    if (first_byte_at_ != time_point::max() && first_byte_at_ <= std::chrono::steady_clock::now())
      return error::first_byte_timeout; // what came in parts might have put it off for ever
    has_leave_ |= answer().status() == 100;
    answer().clear();
    parser_.pass_over();
  }
  has_head_ = true;
  http1::problem trouble = http1::frame(answer(), message().method(), framing_);
  if (trouble == http1::problem::none)
    trouble = decoder_.start(
        framing_.body, open_ ? ~std::uint64_t{0} : client_->options.max_body_bytes,
        http1::head_limits{client_->options.max_head_bytes, client_->options.max_fields});
  return http1::error_of(trouble);
}

/// A peer may change the protocol only if it was asked to, and only where the caller can have the
/// connection (RFC 9110 §7.8).
boost::system::error_code exchange::switch_protocols() noexcept {
  if (!open_ || !is_sent_ || !message().fields().contains("Upgrade") ||
      !message().fields().has_token("Connection", "upgrade"))
    return error::protocol_error;
  has_head_ = true;
  is_upgraded_ = true;
  return {};
}

/// Decodes what the buffer holds of the body.
boost::system::error_code exchange::decode(std::string& out) {
  auto& buffer = lease_.buffer();
  if (!decoder_.done())
    buffer.consume(decoder_.decode(view(buffer), out, answer().trailers()));
  return http1::error_of(decoder_.trouble());
}

/// The connection has ended, which may be the end of the body.
boost::system::error_code exchange::end_of_connection(error_code ec) noexcept {
  if (ec == asio::error::eof && has_head_ && !lease_.late() &&
      decoder_.end_of_stream() == http1::problem::none)
    return {};
  return as_ours(ec);
}

} // namespace httpool::detail
