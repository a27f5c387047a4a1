// Nobody ever gets the response to somebody else's request, however calls end.

#include "net/client_fixture.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>

#include <atomic>
#include <optional>
#include <random>
#include <thread>

using namespace client_test;

namespace {

constexpr int exchanges = 20'000;

std::string id_in(const std::string& heard) {
  const std::string field = "\r\nX-Req: ";
  const std::size_t at = heard.find(field) + field.size();
  return heard.substr(at, heard.find("\r\n", at) - at);
}

/// The request's number over and over, in a framing and a length that differ from one to the next.
std::string echo(const std::string& heard) {
  const std::string id = id_in(heard);
  const unsigned number = static_cast<unsigned>(std::stoul(id));
  std::string body;
  for (unsigned i = 0, size = 1 + number % 7 * (number % 11) * 150; i != size; ++i)
    body.append(id).append(";");
  if (number % 3 != 0)
    return ok(body);
  char size[20];
  std::snprintf(size, sizeof size, "%zx", body.size());
  return std::string("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n") +
         "Transfer-Encoding: chunked\r\n\r\n" + size + "\r\n" + body + "\r\n0\r\n\r\n";
}

bool answers(const std::string& body, const std::string& id) {
  const std::string one = id + ";";
  if (body.empty() || body.size() % one.size() != 0)
    return false;
  for (std::size_t at = 0; at != body.size(); at += one.size())
    if (body.compare(at, one.size(), one) != 0)
      return false;
  return true;
}

struct tally {
  std::atomic<int> begun = 0;
  std::atomic<int> callers = 0;
  std::atomic<int> answered = 0;
  std::atomic<int> cancelled = 0;
  std::atomic<int> late = 0;
  std::atomic<int> mismatched = 0;
  std::atomic<int> otherwise_failed = 0;
};

/// Sends one request after the other, and lets some be cancelled or late at a random moment.
class caller {
public:
  caller(asio::io_context& context, client& sender, tally& counts, unsigned seed)
      : strand_(asio::make_strand(context)),
        timer_(strand_),
        sender_(sender),
        counts_(counts),
        random_(seed) {}

  void start() {
    asio::post(strand_, [this] { next(); });
  }

private:
  void next() {
    const int number = counts_.begun++;
    if (number >= exchanges) {
      --counts_.callers;
      return;
    }
    const std::string id = std::to_string(number);
    request message = random_() % 2 ? get() : post();
    message.fields().set("X-Req", id);
    send_options how;
    if (random_() % 8 == 0)
      how.timeout = std::chrono::microseconds(random_() % 300);
    const unsigned turn = ++turn_;
    sender_.async_send(
        std::move(message), how,
        asio::bind_cancellation_slot(
            signal_.slot(),
            asio::bind_executor(strand_, [this, id](error_code ec, const client_response& answer) {
              count(ec, answer, id);
              next();
            })));
    if (random_() % 3 != 0)
      return;
    timer_.expires_after(std::chrono::microseconds(random_() % 200));
    timer_.async_wait([this, turn](error_code ec) {
      if (!ec && turn == turn_)
        signal_.emit(asio::cancellation_type::terminal);
    });
  }

  void count(error_code ec, const client_response& answer, const std::string& id) {
    if (!ec)
      ++(answers(answer.body(), id) ? counts_.answered : counts_.mismatched);
    else if (ec == asio::error::operation_aborted)
      ++counts_.cancelled;
    else
      ++(ec == httpool::errc::timeout ? counts_.late : counts_.otherwise_failed);
  }

  asio::strand<asio::io_context::executor_type> strand_;
  asio::steady_timer timer_;
  asio::cancellation_signal signal_;
  client& sender_;
  tally& counts_;
  std::minstd_rand random_;
  unsigned turn_ = 0;
};

} // namespace

BOOST_AUTO_TEST_CASE(scar_48_no_call_gets_the_response_to_another_however_many_are_cancelled) {
  asio::io_context peer_context;
  scripted_peer peer(peer_context, {script().hears().replies(echo).repeats()});
  std::thread peers([&] { peer_context.run(); });

  asio::io_context context;
  client_options options;
  options.pool.max_connections = 8;
  options.pool.dial_backoff = 0ns;
  client sender(context, "127.0.0.1", peer.port, options);
  tally counts;
  std::vector<std::unique_ptr<caller>> callers;
  for (unsigned i = 0; i != 24; ++i)
    callers.push_back(std::make_unique<caller>(context, sender, counts, 48 + i));
  counts.callers = static_cast<int>(callers.size());
  for (const auto& each : callers)
    each->start();
  std::thread second([&] { context.run(); });
  std::thread closer([&] {
    while (counts.callers != 0)
      std::this_thread::yield();
    sender.pool().close();
  });
  context.run();
  second.join();
  closer.join();
  peer_context.stop();
  peers.join();

  BOOST_TEST_MESSAGE(counts.answered << " answered, " << counts.cancelled << " cancelled, "
                                     << counts.late << " late");
  BOOST_TEST(counts.mismatched == 0);
  BOOST_TEST(counts.otherwise_failed == 0);
  BOOST_TEST(counts.answered + counts.cancelled + counts.late == exchanges);
  BOOST_TEST(counts.answered > 0);
  BOOST_TEST(counts.cancelled > 0);
  const httpool::pool_stats s = sender.pool().stats();
  BOOST_TEST(s.total() == 0u);
  BOOST_TEST(s.made == s.closed());
  BOOST_TEST(s.peak_total <= 8u);
}
