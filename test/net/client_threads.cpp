// One client that several threads of several contexts use at once.

#include "net/client_fixture.hpp"
#include "net/echo_peer.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/use_future.hpp>

#include <array>
#include <atomic>
#include <future>
#include <random>
#include <thread>
#include <vector>

using namespace client_test;
using httpool::response_stream;

namespace {

constexpr unsigned contexts = 3;
constexpr unsigned callers_each = 4;
constexpr unsigned requests_each = 150;

struct tally {
  std::atomic<unsigned> callers = contexts * callers_each;
  std::atomic<unsigned> answered = 0;
  std::atomic<unsigned> cancelled = 0;
  std::atomic<unsigned> mismatched = 0;
  std::atomic<unsigned> failed = 0;
  std::atomic<unsigned> elsewhere = 0; ///< Handlers that ran on another thread than theirs.
};

/// A context of a caller's own, with one thread.
struct neighbour {
  neighbour() : work(context.get_executor()), thread([this] { context.run(); }) {}

  void join() {
    work.reset();
    thread.join();
  }

  asio::io_context context;
  asio::executor_work_guard<asio::io_context::executor_type> work;
  std::thread thread;
};

/// Lives in one context, and uses a client of another.
class caller {
public:
  caller(neighbour& home, client& to, tally& counts, unsigned index)
      : home_(home), sender_(to), counts_(counts), index_(index), random_(100 + index) {}

  void start() {
    asio::post(home_.context, [this] { next(); });
  }

private:
  template <class Handler>
  auto mine(Handler handler) {
    return asio::bind_cancellation_slot(
        signal_.slot(),
        asio::bind_executor(home_.context.get_executor(),
                            [this, handler = std::move(handler)](auto&&... result) mutable {
                              if (std::this_thread::get_id() != home_.thread.get_id())
                                ++counts_.elsewhere;
                              handler(std::forward<decltype(result)>(result)...);
                            }));
  }

  void next() {
    if (turn_ == requests_each) {
      --counts_.callers;
      return;
    }
    const std::uint64_t number = turn_++ * contexts * callers_each + index_;
    own_.emplace(number);
    size_ = random_() % 3'000;
    taken_ = 0;
    request message = random_() % 2 == 0 ? get() : post("");
    if (message.method() == "POST")
      message.body(own_->body(random_() % 8 == 0 ? 80'000 : 50));
    message.fields().set("X-Number", std::to_string(number));
    message.fields().set("X-Size", std::to_string(size_));
    if (random_() % 2 == 0)
      sender_.async_send(std::move(message),
                         mine([this](error_code ec, const client_response& answer) {
                           ec ? end(ec) : came(answer.body(), true);
                         }));
    else
      sender_.async_open(std::move(message), mine([this](error_code ec, response_stream answer) {
                           stream_ = std::move(answer);
                           ec ? end(ec) : read();
                         }));
    if (random_() % 4 == 0)
      asio::post(home_.context, [this, turn = turn_] {
        if (turn == turn_)
          signal_.emit(asio::cancellation_type::terminal);
      });
  }

  void read() {
    stream_.async_read_some(asio::buffer(room_), mine([this](error_code ec, std::size_t size) {
                              came({room_.data(), size}, false);
                              if (!ec && random_() % 8 != 0)
                                return read();
                              const bool is_whole = taken_ == size_ || ec != asio::error::eof;
                              counts_.mismatched += !is_whole;
                              stream_ = response_stream();
                              end(ec == asio::error::eof ? error_code() : ec);
                            }));
  }

  void came(std::string_view text, bool is_all) {
    counts_.mismatched += !own_->matches(text, taken_);
    taken_ += text.size();
    if (!is_all)
      return;
    counts_.mismatched += taken_ != size_;
    end({});
  }

  void end(error_code ec) {
    if (!ec)
      ++counts_.answered;
    else
      ++(ec == asio::error::operation_aborted ? counts_.cancelled : counts_.failed);
    next();
  }

  neighbour& home_;
  client& sender_;
  tally& counts_;
  const unsigned index_;
  std::minstd_rand random_;
  asio::cancellation_signal signal_;
  std::optional<numbered> own_;
  std::uint64_t turn_ = 0;
  std::size_t size_ = 0;
  std::size_t taken_ = 0;
  response_stream stream_;
  std::array<char, 700> room_;
};

} // namespace

BOOST_AUTO_TEST_CASE(contexts_of_several_threads_share_one_client) {
  const std::size_t before = descriptors();
  {
    echo_peer peer([](std::uint64_t) {});
    asio::io_context context;
    auto work = asio::make_work_guard(context);
    client_options options;
    options.pool.max_connections = 4;
    options.pool.dial_backoff = 0ns;
    options.exchange_timeout = patience;
    options.pool.acquire_timeout = patience;
    client sender(context, "127.0.0.1", peer.port, options);
    std::thread runners[] = {std::thread([&] { context.run(); }),
                             std::thread([&] { context.run(); })};

    tally counts;
    std::vector<std::unique_ptr<neighbour>> homes;
    for (unsigned i = 0; i != contexts; ++i)
      homes.push_back(std::make_unique<neighbour>());
    std::vector<std::unique_ptr<caller>> callers;
    for (unsigned i = 0; i != contexts * callers_each; ++i)
      callers.push_back(std::make_unique<caller>(*homes[i % contexts], sender, counts, i));
    for (const auto& each : callers)
      each->start();

    // Meanwhile somebody without a context looks on, and changes the limits.
    unsigned looks = 0;
    while (counts.callers != 0) {
      sender.pool().set_limits({.max_connections = 2 + looks++ % 3});
      const httpool::pool_stats s = sender.stats().front().pool;
      BOOST_TEST(s.total() <= 4u);
      std::this_thread::yield();
    }
    std::future<void> drained = sender.async_drain(asio::use_future);
    BOOST_TEST((drained.wait_for(patience) == std::future_status::ready));
    BOOST_CHECK_NO_THROW(drained.get());
    work.reset();
    for (std::thread& each : runners)
      each.join();
    for (const auto& each : homes)
      each->join();

    BOOST_TEST(counts.answered + counts.cancelled == contexts * callers_each * requests_each);
    BOOST_TEST(counts.answered > 0u);
    BOOST_TEST(counts.cancelled > 0u);
    BOOST_TEST(counts.failed == 0u);
    BOOST_TEST(counts.mismatched == 0u);
    BOOST_TEST(counts.elsewhere == 0u);
    const httpool::pool_stats s = sender.pool().stats();
    BOOST_TEST(s.total() == 0u);
    BOOST_TEST(s.made == s.closed());
    BOOST_TEST(s.acquires == s.granted + s.timed_out + s.cancelled + s.failed + s.refused);
    BOOST_TEST(s.peak_total <= 4u);
  }
  BOOST_TEST(descriptors() == before);
}
