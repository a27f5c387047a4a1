#include "faults/traffic.hpp"

#include <httpool/error.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <utility>

namespace httpool_test::faults {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using clock = tally::clock;
constexpr auto token = asio::as_tuple(asio::use_awaitable);

/// How an error of httpool's is called; what others say.
std::string name_of(error_code ec) {
  const std::string text = ec.message();
  return ec.category() == httpool::error_category() ? text.substr(0, text.find_first_of(":, "))
                                                    : text;
}

} // namespace

traffic::traffic(asio::io_context& context, httpool::client& sender,
                 std::chrono::nanoseconds deadline, std::uint64_t seed)
    : context_(context),
      sender_(sender),
      deadline_(deadline),
      dice_(seed),
      changed_(context, clock::time_point::max()) {
  sum_.abandoned.reserve(100'000);
}

void traffic::start(int callers) {
  for (; callers_ < callers; ++callers_)
    asio::co_spawn(context_, call_on_and_on(), asio::detached);
}

asio::awaitable<void> traffic::call_on_and_on() {
  asio::steady_timer pause(context_);
  while (!is_stopping_ && sum_.begun < max_calls) {
    co_await make_call();
    pause.expires_after(std::chrono::microseconds(mixed(++dice_) % 4'000));
    co_await pause.async_wait(token);
  }
  --callers_;
  changed_.cancel();
}

asio::awaitable<void> traffic::make_call() {
  const std::uint32_t call = sum_.begun++;
  sum_.under_way.insert(call);
  httpool::request message(is_post(call) ? "POST" : "GET", "/calls/" + std::to_string(call));
  message.body(body_of(call));
  const auto began = clock::now();
  const auto [ec, response] = co_await sender_.async_send(std::move(message), token);
  note(call, ec, response, clock::now() - began);
}

void traffic::note(std::uint32_t call, error_code ec, const httpool::client_response& response,
                   std::chrono::nanoseconds took) {
  sum_.under_way.erase(call);
  sum_.longest = std::max(sum_.longest, took);
  if (ec) {
    ++sum_.failed;
    sum_.in_a_row = 0;
    ++sum_.kinds[name_of(ec)];
    sum_.abandoned.push_back(call);
    sum_.last_failure = clock::now();
    sum_.early += ec == httpool::error::exchange_timeout && took < deadline_;
  } else {
    ++sum_.answered;
    ++sum_.in_a_row;
    sum_.wrong += response.status() != 200 || response.body() != answer_of(call);
    sum_.date = response.fields().value("Date");
    if (sum_.first_answer == clock::time_point())
      sum_.first_answer = clock::now();
  }
  changed_.cancel();
}

asio::awaitable<bool> traffic::until(std::function<bool()> condition, clock::time_point end) {
  while (!condition()) {
    if (clock::now() >= end)
      co_return false;
    changed_.expires_at(end);
    co_await changed_.async_wait(token);
  }
  co_return true;
}

} // namespace httpool_test::faults
