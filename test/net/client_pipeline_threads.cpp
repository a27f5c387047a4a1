// Shared connections under many threads: each call gets the response to its own request, however
// many are cancelled, late, or lose their connection.

#include "net/pipeline_fixture.hpp"

#include <httpool/server.hpp>

#include <boost/asio/error.hpp>

#include <atomic>
#include <memory>
#include <random>
#include <thread>

using namespace client_test;

namespace {

/// A server on a thread of its own, which answers with the target.
class other_side {
public:
  explicit other_side(httpool::server_options options = {})
      : server_(
            context_, tcp::endpoint(asio::ip::address_v4::loopback(), 0),
            [](const httpool::request& message) {
              return httpool::response(200, std::string(message.target()), "text/plain");
            },
            std::move(options)),
        thread_([this] { context_.run(); }) {}
  ~other_side() {
    context_.stop();
    thread_.join();
  }
  std::uint16_t port() const { return server_.local_endpoint().port(); }

private:
  asio::io_context context_{1};
  httpool::server server_;
  std::thread thread_;
};

struct tally {
  std::atomic<int> left;
  std::atomic<int> answered = 0;
  std::atomic<int> mismatched = 0;
  std::atomic<int> cancelled = 0;
  std::atomic<int> failed = 0;

  int ended() const { return answered + mismatched + cancelled + failed; }
};

/// Sends one request after the other.
struct chain : std::enable_shared_from_this<chain> {
  chain(client& to, tally& counts, unsigned seed, bool may_cancel)
      : sender(to), seen(counts), random(seed), cancels(may_cancel) {}

  void next() {
    const int number = seen.left.fetch_sub(1);
    if (number <= 0)
      return;
    const bool is_cancelled = cancels && random() % 16 == 0;
    question = get('/' + std::to_string(number));
    auto handler = [self = shared_from_this()](error_code ec) { self->ended(ec); };
    if (cancels)
      sender.async_send(question, answer,
                        asio::bind_cancellation_slot(signal.slot(), std::move(handler)));
    else
      sender.async_send(question, answer, std::move(handler));
    if (is_cancelled)
      signal.emit(asio::cancellation_type::terminal);
  }

  void ended(error_code ec) {
    if (!ec && answer.body() == question.target())
      ++seen.answered;
    else if (!ec)
      ++seen.mismatched;
    else if (ec == asio::error::operation_aborted)
      ++seen.cancelled;
    else
      ++seen.failed;
    next();
  }

  client& sender;
  tally& seen;
  std::mt19937 random;
  const bool cancels;
  asio::cancellation_signal signal;
  request question;
  client_response answer;
};

/// Runs 48 chains on three threads of one context.
void run_all(std::uint16_t port, tally& seen, bool cancels) {
  asio::io_context context;
  client sender(context, "127.0.0.1", port, sharing(16, 3));
  const int count = seen.left;
  for (unsigned i = 0; i != 48; ++i)
    asio::post(context,
               [made = std::make_shared<chain>(sender, seen, i, cancels)] { made->next(); });
  std::vector<std::thread> threads;
  for (int i = 0; i != 3; ++i)
    threads.emplace_back([&] {
      while (seen.ended() < count)
        if (context.run_one_for(10ms) == 0)
          context.restart();
    });
  for (std::thread& each : threads)
    each.join();
  BOOST_TEST(seen.ended() == count);
  BOOST_TEST(seen.mismatched == 0);
  BOOST_TEST(seen.failed == 0);
}

} // namespace

BOOST_AUTO_TEST_CASE(scar_58_each_response_goes_to_whom_it_is_for) {
  const other_side peer;
  for (const bool cancels : {false, true}) {
    tally seen{is_whole_run() ? 1'000'000 : 20'000};
    run_all(peer.port(), seen, cancels);
    BOOST_TEST((seen.cancelled > 0) == cancels);
  }
}

/// The peer ends each connection after some requests, and says so with the last response.
BOOST_AUTO_TEST_CASE(connections_that_end_lose_nobody) {
  httpool::server_options options;
  options.max_requests = 37;
  const other_side peer(options);
  tally seen{is_whole_run() ? 200'000 : 5'000};
  run_all(peer.port(), seen, false);
}
