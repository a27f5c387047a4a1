#include "soak/callers.hpp"

#include "soak/messages.hpp"

#include <httpool/body_source.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <memory>
#include <string>
#include <utility>

namespace httpool_test::soak {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using clock = std::chrono::steady_clock;
using httpool::client_response;
using httpool::request;
using httpool::send_options;
using namespace std::chrono_literals;
constexpr auto token = asio::as_tuple(asio::use_awaitable);

constexpr auto usual_deadline = 2s;
constexpr auto lateness = 10s; ///< More than any machine may be late by.

/// One caller.
class caller {
public:
  caller(asio::any_io_executor strand, httpool::client& sender, bool peer_is_good, tally& sum)
      : strand_(std::move(strand)), sender_(sender), peer_is_good_(peer_is_good), sum_(sum) {}

  asio::awaitable<void> call_on_and_on();

private:
  asio::awaitable<void> echo(const std::string& folder);
  asio::awaitable<void> cancel();
  asio::awaitable<void> upload();
  asio::awaitable<void> download(bool to_its_end);

  void note(error_code ec, bool is_right, unsigned status) {
    if (ec)
      ++sum_.failed;
    else
      ++(is_right && status == 200 ? sum_.answered : sum_.wrong);
  }
  void note(error_code ec, const client_response& response) {
    note(ec, response.body() == small_answer(call_), response.status());
  }

  request message(const char* method, const std::string& folder) const {
    return request(method, folder + std::to_string(call_));
  }

  asio::any_io_executor strand_;
  httpool::client& sender_;
  bool peer_is_good_;
  tally& sum_;
  std::uint64_t call_ = 0;
  std::uint64_t dice_ = 0;
  send_options how_;
};

asio::awaitable<void> caller::call_on_and_on() {
  asio::steady_timer pause(strand_);
  while (!sum_.is_over) {
    call_ = sum_.begun++;
    dice_ = mixed(call_ + 7);
    how_ = {};
    how_.timeout = usual_deadline;
    if (!peer_is_good_ || dice_ % 16 == 0)
      how_.timeout = 1ms + dice_ % 100 * 1ms;
    const auto began = clock::now();
    const std::uint64_t kind = peer_is_good_ ? dice_ / 16 % 16 : 0;
    if (kind < 8)
      co_await echo("/echo/");
    else if (kind < 10)
      co_await echo("/slow/");
    else if (kind < 12)
      co_await cancel();
    else if (kind < 13)
      co_await upload();
    else
      co_await download(kind < 15);
    sum_.late += clock::now() - began > *how_.timeout + lateness;
    pause.expires_after(std::chrono::microseconds(dice_ % 8'000));
    co_await pause.async_wait(token);
  }
  if (--sum_.callers == 0)
    sum_.all_ended.set_value();
}

asio::awaitable<void> caller::echo(const std::string& folder) {
  const bool is_post = peer_is_good_ && folder == "/echo/" && dice_ / 256 % 2 == 0;
  request ask = message(is_post ? "POST" : "GET", folder);
  if (is_post)
    ask.body(small_order(call_));
  const auto [ec, response] = co_await sender_.async_send(std::move(ask), how_, token);
  note(ec, response);
}

asio::awaitable<void> caller::cancel() {
  struct state {
    asio::cancellation_signal signal;
    error_code error;
    client_response response;
  };
  const auto shared = std::make_shared<state>();
  asio::steady_timer ended(strand_, clock::time_point::max());
  sender_.async_send(
      message("GET", "/slow/"), how_,
      asio::bind_cancellation_slot(
          shared->signal.slot(),
          asio::bind_executor(strand_, [shared, &ended](error_code ec, client_response response) {
            shared->error = ec;
            shared->response = std::move(response);
            ended.cancel();
          })));
  asio::steady_timer soon(strand_, dice_ / 256 % 20 * 1ms);
  soon.async_wait([shared](error_code ec) {
    if (!ec)
      shared->signal.emit(asio::cancellation_type::terminal);
  });
  co_await ended.async_wait(token);
  note(shared->error, shared->response);
}

/// Gives a text piece by piece; it owns what it needs, since it may outlive the call.
httpool::body_source source_of(std::string text, bool says_size) {
  struct state {
    std::string text;
    std::size_t given = 0;
  };
  const auto shared = std::make_shared<state>();
  shared->text = std::move(text);
  const auto read = [shared](asio::mutable_buffer to) -> asio::awaitable<std::size_t> {
    const std::size_t size = std::min(to.size(), shared->text.size() - shared->given);
    std::memcpy(to.data(), shared->text.data() + shared->given, size);
    shared->given += size;
    co_return size;
  };
  std::optional<std::uint64_t> size;
  if (says_size)
    size = shared->text.size();
  return httpool::body_source(read, size, [shared] { shared->given = 0; });
}

asio::awaitable<void> caller::upload() {
  httpool::body_source body = source_of(large_text(call_), dice_ / 256 % 2 == 0);
  const auto [ec, response] =
      co_await sender_.async_send(message("PUT", "/upload/"), std::move(body), how_, token);
  note(ec, response);
}

asio::awaitable<void> caller::download(bool to_its_end) {
  auto [ec, stream] = co_await sender_.async_open(message("GET", "/large/"), how_, token);
  if (ec) {
    ++sum_.failed;
    co_return;
  }
  const std::string expected = large_text(call_);
  const std::size_t enough = to_its_end ? expected.size() + 1 : dice_ / 256 % expected.size();
  std::string body, piece(32'768, '\0');
  error_code end;
  while (!end && body.size() < enough) {
    const auto [read_error, size] = co_await stream.async_read_some(asio::buffer(piece), token);
    end = read_error;
    body.append(piece, 0, size);
  }
  if (body != expected.substr(0, body.size()))
    ++sum_.wrong;
  else if (!end)
    ++sum_.dropped;
  else
    note(end == asio::error::eof ? error_code() : end, body == expected, stream.head().status());
}

} // namespace

void start_callers(asio::io_context& context, httpool::client& sender, int count, bool peer_is_good,
                   tally& sum) {
  sum.callers += count;
  for (int i = 0; i < count; ++i) {
    const asio::any_io_executor strand = asio::make_strand(context);
    const auto made = std::make_shared<caller>(strand, sender, peer_is_good, sum);
    asio::co_spawn(strand, made->call_on_and_on(), [made](std::exception_ptr trouble) {
      if (trouble)
        std::rethrow_exception(trouble);
    });
  }
}

} // namespace httpool_test::soak
