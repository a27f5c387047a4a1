// Many requests over TLS, of which some are cancelled whenever it happens: nothing is left of them,
// and nobody gets what another has asked for.

#include "net/stream_fixture.hpp"
#include "tls_fixture/certificates.hpp"

#include <httpool/server.hpp>
#include <httpool/tls_client.hpp>
#include <httpool/tls_server.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>

#include <list>
#include <optional>
#include <random>
#include <thread>

#include <malloc.h>

using namespace client_test;

namespace {

constexpr unsigned quick_run = 5'000;
constexpr unsigned whole_run = 100'000;
constexpr std::size_t callers = 32;

/// Says what it was asked for: a short text, or one of several records of TLS.
class echo_server {
public:
  explicit echo_server(const httpool_test::tls::authority& root) {
    const auto who = root.issue({"127.0.0.1"});
    httpool::tls_server_options options;
    options.certificates.emplace_back();
    options.certificates.back().chain_pem = who.chain_pem;
    options.certificates.back().key_pem = who.key_pem;
    tls = httpool::tls_server::create(options);
    const tcp::endpoint at(asio::ip::address_v4::loopback(), 0);
    const auto echo = [](const request& asked) {
      std::string text(asked.target());
      if (text.back() == '7')
        text.append(50'000, '.');
      return httpool::response(200, std::move(text), "text/plain");
    };
    server.emplace(context, at, echo, httpool::server_options{.tls = tls});
    port = server->local_endpoint().port();
    thread = std::thread([this] { context.run(); });
  }

  ~echo_server() {
    server->close();
    thread.join();
    server.reset();
  }

  asio::io_context context;
  std::shared_ptr<httpool::tls_server> tls;
  std::optional<httpool::server> server;
  std::uint16_t port = 0;
  std::thread thread;
};

struct pending_call {
  std::string target;
  asio::cancellation_signal cancel;
  bool is_cancelled = false;
  std::optional<std::chrono::nanoseconds> time; ///< Its deadline.
};

/// Keeps `callers` calls under way, and cancels one in four of them at any of its steps.
struct load {
  load(asio::io_context& runs, client& over) : context(runs), sender(over) {}

  void run(unsigned requests) {
    const unsigned last = next + requests;
    while (next != last || !calls.empty()) {
      while (next != last && calls.size() < callers)
        begin();
      if (dice() % 16 == 0)
        cancel_one();
      if (context.poll_one() == 0)
        context.run_one_for(5ms);
      context.restart();
    }
  }

  void begin() {
    calls.emplace_back();
    const auto self = std::prev(calls.end());
    self->target = std::string("/").append(std::to_string(next++));
    send_options how;
    if (dice() % 64 == 0)
      how.timeout = self->time = std::chrono::microseconds(dice() % 2000);
    sender.async_send(get(self->target), how,
                      asio::bind_cancellation_slot(
                          self->cancel.slot(), [this, self](error_code ec, client_response got) {
                            end(self, ec, got);
                          }));
  }

  void end(std::list<pending_call>::iterator self, error_code ec, const client_response& got) {
    if (!ec) {
      ++answered;
      mistaken += !got.body().starts_with(self->target) ||
                  (got.body().size() != self->target.size() && self->target.back() != '7');
    } else if (ec == asio::error::operation_aborted) {
      cancelled += self->is_cancelled;
      BOOST_TEST(self->is_cancelled);
    } else {
      late += ec == httpool::errc::timeout;
      if (ec != httpool::errc::timeout)
        BOOST_ERROR(self->target << " failed: " << ec.message() << ", its time being "
                                 << (self->time ? self->time->count() : 0) << " ns");
    }
    calls.erase(self);
  }

  void cancel_one() {
    if (calls.empty())
      return;
    const auto unlucky = std::next(calls.begin(), static_cast<long>(dice() % calls.size()));
    unlucky->is_cancelled = true;
    unlucky->cancel.emit(asio::cancellation_type::total);
  }

  asio::io_context& context;
  client& sender;
  std::mt19937 dice{5};
  std::list<pending_call> calls;
  unsigned next = 0;
  unsigned answered = 0;
  unsigned cancelled = 0;
  unsigned late = 0;
  unsigned mistaken = 0;
};

} // namespace

BOOST_FIXTURE_TEST_CASE(a_load_with_cancellations_leaves_nothing_behind, loop) {
  const unsigned requests = is_whole_run() ? whole_run : quick_run;
  const tcp::socket reactor(context); // which has descriptors of its own
  const std::size_t descriptors_before = descriptors();
  {
    const httpool_test::tls::authority root;
    echo_server server(root);
    httpool::tls_options trust;
    trust.trust_system = false;
    trust.ca_pem = root.root_pem();
    client_options options;
    options.pool.tls = httpool::tls_client::create(trust);
    options.pool.max_connections = 8;
    client sender(context, httpool::origin(httpool::scheme::https, "127.0.0.1", server.port),
                  options);
    load calls(context, sender);
    calls.run(requests / 2);
    settle();
    const std::size_t memory_before = mallinfo2().uordblks;
    calls.run(requests / 2);
    settle();
    const std::size_t memory = mallinfo2().uordblks;
    BOOST_TEST(memory <= memory_before + 1024 * 1024);
    BOOST_TEST(calls.mistaken == 0u);
    BOOST_TEST(calls.answered + calls.cancelled + calls.late == requests);
    BOOST_TEST(calls.cancelled > requests / 100);
    const auto stats = options.pool.tls->stats();
    BOOST_TEST_MESSAGE(requests << " requests: " << calls.answered << " answered, "
                                << calls.cancelled << " cancelled, " << calls.late << " late; "
                                << stats.full_handshakes << " full handshakes, "
                                << stats.resumptions << " resumptions, " << stats.failures
                                << " given up; memory in use grew by "
                                << static_cast<long>(memory) - static_cast<long>(memory_before)
                                << " bytes in the second half");
    sender.close();
    BOOST_TEST(until([&] { return sender.pool().stats().total() == 0; }));
  }
  BOOST_TEST(until([&] { return descriptors() <= descriptors_before; }));
}
