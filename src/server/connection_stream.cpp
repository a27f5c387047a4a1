// Responses whose bodies are produced while they are sent.

#include "server/connection.hpp"
#include "server/core.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/socket_base.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <string>
#include <string_view>

namespace httpool::detail {

namespace asio = boost::asio;
using boost::system::error_code;

// False if the connection is lost, or has to be.
asio::awaitable<bool> server_connection::stream_body(reply made) {
  constexpr std::size_t most = 16 * 1024;
  answering_.is_streamed = true;
  streaming_ = true;
  const http1::body_form form = begin_answer(made.head());
  bool is_whole = form == http1::body_form::none;
  // The connection's end would look like the body's, whatever ends it before: the client gets a
  // reset then. Of a body in chunks the last one tells.
  if (form == http1::body_form::plain)
    reset_when_closed(true);
  std::string piece(is_whole ? 0 : most, '\0');
  while (!is_whole) {
    // What is ready must not wait for what is not.
    if (error_code ec = write(); ec && !co_await write_rest(ec))
      co_return false;
    const std::optional<std::size_t> size = co_await produce(made, asio::buffer(piece));
    if (aborted_)
      co_return false;
    if (!size) {
      ++core_->counters().handler_failures;
      reset_when_closed(true);
      co_return false;
    }
    is_whole = *size == 0;
    out_.add_piece(std::string_view(piece).substr(0, *size), form, made.head().trailers());
  }
  if (form == http1::body_form::plain)
    reset_when_closed(false);
  streaming_ = false;
  await_next_request();
  co_return true;
}

// Whether the client is told of a reset once the socket is closed, whoever does so; what it has not
// been sent yet is dropped then.
void server_connection::reset_when_closed(bool wanted) noexcept {
  error_code ignored;
  socket_.set_option(asio::socket_base::linger(wanted, 0), ignored);
}

// Has the source fill a part of a buffer, and can be cancelled meanwhile; nothing if it fails.
asio::awaitable<std::optional<std::size_t>> server_connection::produce(const reply& made,
                                                                       asio::mutable_buffer piece) {
  try {
    asio::awaitable<std::size_t> source = made.source()(piece);
    const std::size_t size = co_await asio::co_spawn(
        core_->executor(), std::move(source),
        asio::bind_cancellation_slot(cancel_handler_.slot(), asio::use_awaitable));
    if (size <= piece.size())
      co_return size;
  } catch (...) {
    tell_failure();
  }
  co_return std::nullopt;
}

} // namespace httpool::detail
