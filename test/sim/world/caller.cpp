#include "sim/world/world.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>

namespace httpool_sim {

namespace asio = boost::asio;
using boost::system::error_code;

caller::caller(world& in, std::uint64_t seed)
    : world_(in),
      random_(seed),
      context_(in.client_context(random_.next())),
      client_(*in.clients_[random_.below(in.clients_.size())]),
      pause_(context_),
      cancel_after_(context_),
      calls_left_(in.settings_.calls) {}

void caller::begin() {
  if (calls_left_-- == 0) {
    --world_.busy_callers_;
    return;
  }
  pause_.expires_after(std::chrono::nanoseconds(random_.between(0, world_.settings_.max_pause)));
  pause_.async_wait([this](error_code) { call(); });
}

void caller::call() {
  const world_settings& settings = world_.settings_;
  exchange& one = world_.exchanges_.emplace_back();
  one.id = world_.exchanges_.size() - 1;
  one.origin = random_.below(world_.sites_.size());
  one.is_post = random_.chance(settings.posts);
  one.is_streamed = random_.chance(settings.streams);
  one.request_size = one.is_post ? random_.below(settings.max_body + 1) : 0;
  one.response_size = random_.below(settings.max_body + 1);
  one.read_until =
      random_.chance(500'000) ? one.response_size + 1 : random_.below(one.response_size + 1);
  one.begun = world_.kernel_.now();
  current_ = &one;

  cancel_.emplace();
  if (random_.chance(settings.cancels)) {
    const auto longest = std::max<moment>(settings.client.exchange_timeout.count() / 4, 1);
    cancel_after_.expires_after(std::chrono::nanoseconds(random_.between(0, longest)));
    cancel_after_.async_wait([this, &one](error_code ec) {
      if (!ec && current_ == &one)
        cancel_->emit(asio::cancellation_type::terminal);
    });
  }
  asio::co_spawn(
      context_, perform(one),
      asio::bind_cancellation_slot(cancel_->slot(), [this](std::exception_ptr failure,
                                                           error_code ec) { ended(failure, ec); }));
}

void caller::ended(std::exception_ptr failure, error_code ec) {
  if (failure) {
    try {
      std::rethrow_exception(failure);
    } catch (const boost::system::system_error& error) {
      ec = error.code(); // cancelled between two steps
    } catch (const std::exception& error) {
      world_.complain(std::string("a call threw: ").append(error.what()));
    }
  }
  world_.check_end(*std::exchange(current_, nullptr), ec);
  cancel_after_.cancel();
  begin();
}

asio::awaitable<error_code> caller::perform(exchange& one) {
  const std::string target = world_.sites_[one.origin].url + std::to_string(one.id);
  httpool::request asked(one.is_post ? "POST" : "GET", target);
  if (one.is_post)
    asked.body(world::content(one.id, one.request_size));
  if (one.is_streamed)
    co_return co_await read(one, std::move(asked));
  auto [ec, answer] =
      co_await client_.async_send(std::move(asked), asio::as_tuple(asio::use_awaitable));
  if (!ec)
    world_.check_answer(one, answer.status(), answer.fields().value("X-Id"), answer.body(), true);
  co_return ec;
}

asio::awaitable<error_code> caller::read(exchange& one, httpool::request asked) {
  auto [ec, stream] =
      co_await client_.async_open(std::move(asked), asio::as_tuple(asio::use_awaitable));
  if (ec)
    co_return ec;
  std::string body;
  std::array<char, 4'096> part;
  while (body.size() < one.read_until) {
    auto [failed, size] =
        co_await stream.async_read_some(asio::buffer(part), asio::as_tuple(asio::use_awaitable));
    if (failed && failed != asio::error::eof)
      co_return failed;
    body.append(part.data(), size);
    if (failed)
      break;
  }
  world_.check_answer(one, stream.head().status(), stream.head().fields().value("X-Id"), body,
                      one.read_until > one.response_size);
  co_return error_code();
}

} // namespace httpool_sim
