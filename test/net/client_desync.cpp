// Nobody ever gets a byte of the response to somebody else's request, however calls end.

#include "net/client_fixture.hpp"
#include "net/echo_peer.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>

#include <array>
#include <atomic>
#include <optional>
#include <random>
#include <thread>
#include <vector>

using namespace client_test;
using httpool::body_source;
using httpool::response_stream;

namespace {

constexpr unsigned callers_at_once = 24;
constexpr std::uint64_t quick_run = 20'000;
constexpr std::uint64_t whole_run = 1'000'000;

using count = std::atomic<std::uint64_t>;

struct tally {
  const std::uint64_t requests_each =
      (is_whole_run() ? whole_run : quick_run) / callers_at_once + 1;
  count callers = 0;
  count whole = 0;    ///< Responses that came whole,
  count streamed = 0; ///< or were read to their end,
  count dropped = 0;  ///< or not.
  count cancelled = 0;
  count late = 0;
  count mismatched = 0;
  count otherwise_failed = 0;
};

/// Sends one request after the other. Some it cancels: when the peer has seen a given byte of the
/// request or has sent one of the response, when it has itself read so many, or after a while.
class caller {
public:
  caller(asio::io_context& context, client& to, tally& counts, unsigned index)
      : strand_(asio::make_strand(context)),
        timer_(strand_),
        sender_(to),
        counts_(counts),
        index_(index),
        random_(48 + index) {}

  void start() {
    asio::post(strand_, [this] { next(); });
  }

  /// Called by any thread: a given byte of the exchange has passed.
  void at_byte(std::uint64_t number) {
    asio::post(strand_, [this, number] {
      if (number == number_ && how_ != end::drop)
        signal_.emit(asio::cancellation_type::terminal);
    });
  }

private:
  enum class end { none, at_byte_of_request, at_byte_of_response, at_own_byte, drop, later, late };

  unsigned below(unsigned limit) { return static_cast<unsigned>(random_() >> 4) % limit; }

  /// Most bodies are short. Some have to be written while the response is read.
  std::size_t any_size() {
    const unsigned kind = below(64);
    return below(kind == 0 ? 150'000 : kind < 8 ? 20'000 : 300);
  }

  template <class Handler>
  auto mine(Handler handler) {
    return asio::bind_cancellation_slot(signal_.slot(),
                                        asio::bind_executor(strand_, std::move(handler)));
  }

  void next() {
    if (turn_ == counts_.requests_each) {
      --counts_.callers;
      counts_.callers.notify_one();
      return;
    }
    number_ = turn_++ * callers_at_once + index_;
    constexpr end ends[] = {end::none,
                            end::none,
                            end::none,
                            end::none,
                            end::at_byte_of_request,
                            end::at_byte_of_response,
                            end::at_byte_of_response,
                            end::at_own_byte,
                            end::drop,
                            end::later,
                            end::late};
    how_ = ends[below(std::size(ends))];
    own_.emplace(number_);
    size_ = any_size();
    request message = below(2) == 0 ? get() : post("");
    message.fields().set("X-Number", std::to_string(number_));
    message.fields().set("X-Size", std::to_string(size_));
    if (message.method() == "POST")
      message.body(own_->body(any_size()));
    if (how_ == end::at_byte_of_request)
      message.fields().set("X-Cut-Request",
                           std::to_string(below(static_cast<unsigned>(message.body().size()) + 1)));
    stops_at_ = below(static_cast<unsigned>(size_) + 1);
    if (how_ == end::at_byte_of_response)
      message.fields().set("X-Cut-Response", std::to_string(stops_at_ + below(200)));
    if (how_ == end::drop) // the rest comes late
      message.fields().set("X-Cut-Response", std::to_string(stops_at_ + 100));
    send_options options;
    if (how_ == end::late)
      options.timeout = std::chrono::microseconds(below(300));
    if (how_ == end::later) {
      timer_.expires_after(std::chrono::microseconds(below(300)));
      timer_.async_wait([this, number = number_](error_code) {
        if (number == number_)
          signal_.emit(asio::cancellation_type::terminal);
      });
    }
    const bool is_streamed = how_ == end::at_own_byte || how_ == end::drop || below(2) == 0;
    if (is_streamed)
      return sender_.async_open(
          std::move(message), options,
          mine([this](error_code ec, response_stream answer) { opened(ec, std::move(answer)); }));
    sender_.async_send(
        std::move(message), options,
        mine([this](error_code ec, const client_response& answer) { sent(ec, answer); }));
  }

  bool is_own(const client_response& answer) const {
    return answer.fields().value("X-Number") == std::to_string(number_);
  }

  void sent(error_code ec, const client_response& answer) {
    if (ec)
      return failed(ec);
    const bool matches =
        is_own(answer) && answer.body().size() == size_ && own_->matches(answer.body(), 0);
    ++(matches ? counts_.whole : counts_.mismatched);
    next();
  }

  void opened(error_code ec, response_stream answer) {
    if (ec)
      return failed(ec);
    stream_ = std::move(answer);
    taken_ = 0;
    if (!is_own(stream_.head()))
      ++counts_.mismatched;
    read();
  }

  void read() {
    if (how_ == end::drop && taken_ >= stops_at_) {
      stream_ = response_stream();
      ++counts_.dropped;
      return next();
    }
    const std::size_t size = 1 + below(below(2) == 0 ? 100 : static_cast<unsigned>(room_.size()));
    stream_.async_read_some(asio::buffer(room_.data(), size),
                            mine([this](error_code ec, std::size_t got) { took(ec, got); }));
    if (how_ == end::at_own_byte && taken_ >= stops_at_)
      at_byte(number_);
  }

  void took(error_code ec, std::size_t size) {
    if (!own_->matches({room_.data(), size}, taken_))
      ++counts_.mismatched;
    taken_ += size;
    if (!ec)
      return read();
    const bool has_ended = ec == asio::error::eof;
    if (has_ended)
      ++(taken_ == size_ ? counts_.streamed : counts_.mismatched);
    stream_ = response_stream();
    has_ended ? next() : failed(ec);
  }

  void failed(error_code ec) {
    if (ec == asio::error::operation_aborted)
      ++counts_.cancelled;
    else
      ++(ec == httpool::errc::timeout ? counts_.late : counts_.otherwise_failed);
    next();
  }

  asio::strand<asio::io_context::executor_type> strand_;
  asio::steady_timer timer_;
  asio::cancellation_signal signal_;
  client& sender_;
  tally& counts_;
  const unsigned index_;
  std::minstd_rand random_;
  std::uint64_t turn_ = 0;
  end how_ = end::none;
  std::uint64_t number_ = 0;
  std::optional<numbered> own_;
  std::size_t size_ = 0;
  std::size_t stops_at_ = 0;
  std::size_t taken_ = 0;
  response_stream stream_;
  std::array<char, 30'000> room_;
};

} // namespace

BOOST_AUTO_TEST_CASE(scar_48_no_call_gets_a_byte_of_another_however_many_are_cancelled) {
  asio::io_context context;
  std::vector<std::unique_ptr<caller>> callers;
  echo_peer peer([&](std::uint64_t number) { callers[number % callers_at_once]->at_byte(number); });
  client_options options;
  options.pool.max_connections = 8;
  options.pool.dial_backoff = 0ns;
  client sender(context, "127.0.0.1", peer.port, options);
  tally counts;
  for (unsigned i = 0; i != callers_at_once; ++i)
    callers.push_back(std::make_unique<caller>(context, sender, counts, i));
  counts.callers = callers.size();
  for (const auto& each : callers)
    each->start();
  std::thread second([&] { context.run(); });
  std::thread closer([&] {
    for (auto left = counts.callers.load(); left != 0; left = counts.callers.load())
      counts.callers.wait(left);
    sender.pool().close();
  });
  context.run();
  second.join();
  closer.join();

  const std::uint64_t requests = counts.requests_each * callers_at_once;
  BOOST_TEST_MESSAGE(requests << " exchanges: " << counts.whole << " came whole, "
                              << counts.streamed << " were streamed, " << counts.dropped
                              << " dropped, " << counts.cancelled << " cancelled, " << counts.late
                              << " late; " << sender.pool().stats().made << " connections");
  BOOST_TEST(counts.mismatched == 0u);
  BOOST_TEST(peer.mismatched() == 0u);
  BOOST_TEST(counts.otherwise_failed == 0u);
  BOOST_TEST(counts.whole + counts.streamed + counts.dropped + counts.cancelled + counts.late ==
             requests);
  BOOST_TEST(counts.whole > 0u);
  BOOST_TEST(counts.streamed > 0u);
  BOOST_TEST(counts.dropped > 0u);
  BOOST_TEST(counts.cancelled > 0u);
  const httpool::pool_stats s = sender.pool().stats();
  BOOST_TEST(s.total() == 0u);
  BOOST_TEST(s.made == s.closed());
  BOOST_TEST(s.peak_total <= 8u);
}
