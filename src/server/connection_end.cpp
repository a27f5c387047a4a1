// How a connection ends, or is ended.

#include "server/connection.hpp"
#include "server/core.hpp"

#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <new>
#include <string_view>
#include <utility>

#include <linux/sockios.h>
#include <sys/ioctl.h>

namespace httpool::detail {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using http1::problem;

} // namespace

// Closes our side and takes in what the client still sends, until it closes its own or, for as long
// as the deadline, neither does so nor receives anything (RFC 9112 §9.6).
asio::awaitable<void> server_connection::linger() {
  error_code ec;
  socket_.shutdown(tcp::socket::shutdown_send, ec);
  unacknowledged_ = unacknowledged();
  core_->clock().set(*this, deadline_kind::linger);
  while (!ec && !late_ && !aborted_) {
    in_.consume(in_.view().size());
    const auto [data, size] = in_.prepare();
    co_await socket_.async_read_some(asio::mutable_buffer(data, size),
                                     asio::redirect_error(asio::use_awaitable, ec));
    if (late_ && is_client_receiving()) {
      late_ = false;
      ec.clear();
      core_->clock().set(*this, deadline_kind::linger);
    }
  }
  core_->clock().clear(*this);
}

void server_connection::cut() {
  late_ = false;
  ++core_->counters().timed_out;
  // A 408 to a client that has sent nothing could be taken for the answer to what it sends next.
  // Nor may a reset in answer to that overtake what the client was sent (RFC 9112 §9.6).
  if (waiting_ == waiting::request)
    end(unacknowledged() != 0);
  else
    refuse(408, "the request did not arrive in time");
}

// The server stops: what has come in already is taken, and nothing more is waited for.
void server_connection::take_last() {
  error_code ec;
  const std::size_t bytes = read_now(ec);
  if (!ec)
    store(bytes);
  else
    end(context_.request_number != 0);
}

// What the client was sent and its system has not confirmed.
std::size_t server_connection::unacknowledged() noexcept {
  int bytes = 0;
  return ::ioctl(socket_.native_handle(), SIOCOUTQ, &bytes) == 0 ? static_cast<std::size_t>(bytes)
                                                                 : 0;
}

// Whether some of that has become less since this was last asked, but not all has gone.
bool server_connection::is_client_receiving() noexcept {
  const std::size_t before = std::exchange(unacknowledged_, unacknowledged());
  return unacknowledged_ != 0 && unacknowledged_ < before;
}

void server_connection::input_ended() {
  if (waiting_ != waiting::request)
    refuse(400, http1::text_of(problem::truncated));
  end(false);
}

void server_connection::end(bool lingering) noexcept {
  ended_ = true;
  lingering_ = lingering;
}

void server_connection::nudge() noexcept {
  if (waiting_ == waiting::request || waiting_ == waiting::handshake)
    stop_operation();
}

bool server_connection::owes_answer() const noexcept {
  // Between two pieces there is nothing to write, even if nothing is taken from this client any
  // more.
  if (streaming_)
    return true;
  if (ended_ || !out_.empty())
    return !out_.empty();
  return in_body_ || parser_.started() ||
         in_.view().find_first_not_of("\r\n") != std::string_view::npos;
}

void server_connection::abort() noexcept {
  error_code ignored;
  aborted_ = true;
  core_->clock().clear(*this);
  socket_.close(ignored);
  // A handler may end inside its cancellation, and the connection with it: not here, where someone
  // may be walking over connections.
  try {
    asio::post(core_->executor(), [self = shared_from_this()] {
      self->cancel_handler_.emit(asio::cancellation_type::terminal);
    });
  } catch (const std::bad_alloc&) {
    // The handler runs on to its end, and its response is dropped.
  }
}

void server_connection::on_deadline(deadline_kind kind) noexcept {
  if (kind == deadline_kind::warm) {
    is_cool_ = true;
    core_->clock().set_next(*this, deadline_kind::idle);
  } else {
    late_ = true;
  }
  stop_operation();
}

// An operation of the encrypted stream has many steps, between which a cancellation would be
// missed.
void server_connection::stop_operation() noexcept {
  error_code ignored;
  if (in_tls_)
    socket_.shutdown(tcp::socket::shutdown_both, ignored);
  else
    socket_.cancel(ignored);
}

} // namespace httpool::detail
