// Shared connections under many threads: each call gets the response to its own request, however
// many are cancelled, late, or lose their connection.

#include "net/pipeline_fixture.hpp"

#include <httpool/server.hpp>

#include <boost/asio/error.hpp>

#include <array>
#include <atomic>
#include <memory>
#include <mutex>
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

/// A server that answers with the target and ends its connections anywhere: before, between and
/// within responses, with a reset or without.
class rude_side {
public:
  rude_side() {
    accept();
    thread_ = std::thread([this] { context_.run(); });
  }
  ~rude_side() {
    context_.stop();
    thread_.join();
  }
  std::uint16_t port() const { return acceptor_.local_endpoint().port(); }

private:
  struct line : std::enable_shared_from_this<line> {
    line(tcp::socket accepted, unsigned seed) : socket(std::move(accepted)), random(seed) {}

    void read() {
      socket.async_read_some(asio::buffer(room),
                             [self = shared_from_this()](error_code ec, std::size_t size) {
                               if (!ec)
                                 self->answer(size);
                             });
    }

    void answer(std::size_t size) {
      unread.append(room.data(), size);
      said.clear();
      std::size_t end = 0;
      while ((end = request_size(unread, true)) != std::string::npos) {
        said += echo(unread.substr(0, end));
        unread.erase(0, end);
      }
      const bool ends = random() % 8 == 0;
      if (ends)
        said.resize(random() % (said.size() + 1));
      asio::async_write(socket, asio::buffer(said),
                        [self = shared_from_this(), ends](error_code ec, std::size_t) {
                          if (!ec && !ends)
                            return self->read();
                          if (self->random() % 2 == 0)
                            self->socket.set_option(tcp::socket::linger(true, 0), ec);
                          self->socket.close(ec);
                        });
    }

    tcp::socket socket;
    std::mt19937 random;
    std::array<char, 65536> room;
    std::string unread;
    std::string said;
  };

  void accept() {
    acceptor_.async_accept([this](error_code ec, tcp::socket socket) {
      if (ec)
        return;
      std::make_shared<line>(std::move(socket), ++accepted_)->read();
      accept();
    });
  }

  asio::io_context context_{1};
  tcp::acceptor acceptor_{context_, tcp::endpoint(asio::ip::address_v4::loopback(), 0)};
  unsigned accepted_ = 0;
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
    const std::lock_guard lock(mutex);
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
  std::mutex mutex; ///< A request may end, and the next begin, before this one is cancelled.
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
}

} // namespace

BOOST_AUTO_TEST_CASE(scar_58_each_response_goes_to_whom_it_is_for) {
  const other_side peer;
  for (const bool cancels : {false, true}) {
    tally seen{is_whole_run() ? 1'000'000 : 20'000};
    run_all(peer.port(), seen, cancels);
    BOOST_TEST(seen.failed == 0);
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
  BOOST_TEST(seen.failed == 0);
}

/// What dies with a connection is told so, or sent again; what is answered is answered aright.
BOOST_AUTO_TEST_CASE(scar_58_no_response_goes_astray_where_connections_die) {
  const rude_side peer;
  for (const bool cancels : {false, true}) {
    tally seen{is_whole_run() ? 300'000 : 10'000};
    run_all(peer.port(), seen, cancels);
    BOOST_TEST(seen.answered > seen.failed);
  }
}
