// One client over TLS that coroutines on several threads use at once, while the server's
// certificates change.

#include "net/storm.hpp"
#include "net/tls_echo_server.hpp"
#include "net/tls_loop.hpp"

#include <boost/asio/as_tuple.hpp>

#include <array>

using namespace client_test;
using net_test::becomes;
using net_test::threads;

namespace {

constexpr unsigned callers = 32;
constexpr unsigned requests_each = 625;
constexpr unsigned requests = callers * requests_each;
constexpr unsigned calls_a_turn = callers; ///< Between two reloads.
constexpr std::size_t connections = 6;

/// Counts what it is told.
struct counter final : httpool::pool_observer {
  void connection_made(std::uint64_t, std::chrono::nanoseconds) override { ++made; }
  void dial_failed(error_code, std::chrono::nanoseconds) override { ++dials_failed; }
  void connection_closed(std::uint64_t, close_reason, std::uint64_t uses) override {
    ++closed;
    uses_in_all += uses;
  }
  void acquire_granted(std::uint64_t, std::chrono::nanoseconds, std::uint64_t) override {
    ++granted;
  }
  void acquire_failed(error_code, std::chrono::nanoseconds,
                      const httpool::pool_snapshot& held) override {
    ++not_granted;
    exceeded += held.total() > connections;
  }

  std::atomic<std::uint64_t> made = 0, dials_failed = 0, closed = 0, uses_in_all = 0, granted = 0,
                             not_granted = 0, exceeded = 0;
};

/// What became of the requests.
struct tally {
  std::atomic<unsigned> ended = 0; ///< Calls, however they ended.
  std::atomic<unsigned> turns = 0; ///< Of `calls_a_turn` of them.
  std::atomic<unsigned> answered = 0, cancelled = 0, dropped = 0, mistaken = 0, failed = 0;
};

/// A caller on a strand of its own.
struct caller {
  caller(client& over, tally& counts, unsigned index, asio::any_io_executor strand)
      : sender(over), seen(counts), first(index * requests_each), dice(index), timer(strand) {}

  asio::awaitable<void> call() {
    for (unsigned i = 0; i != requests_each; ++i) {
      target = std::string("/").append(std::to_string(first + i));
      taken = 0;
      if (dice() % 4 == 0)
        cancel_soon();
      error_code ec;
      if (dice() % 3 == 0)
        ec = co_await open();
      else
        ec = co_await send();
      timer.cancel();
      if (ec == asio::error::operation_aborted)
        ++seen.cancelled;
      else if (ec)
        ++seen.failed;
      if (++seen.ended % calls_a_turn == 0) {
        ++seen.turns;
        seen.turns.notify_one();
      }
    }
  }

  auto token() {
    return asio::bind_cancellation_slot(signal.slot(), asio::as_tuple(asio::use_awaitable));
  }

  asio::awaitable<error_code> send() {
    const auto [ec, got] = co_await sender.async_send(get(target), token());
    seen.mistaken += !ec && got.body() != echo_of(target);
    seen.answered += !ec;
    co_return ec;
  }

  /// The response is dropped after any number of pieces, perhaps none.
  asio::awaitable<error_code> open() {
    auto [ec, stream] = co_await sender.async_open(get(target), token());
    while (!ec) {
      if (dice() % 4 == 0) {
        ++seen.dropped;
        co_return ec;
      }
      const auto [why, size] = co_await stream.async_read_some(asio::buffer(room), token());
      const std::string whole = echo_of(target);
      seen.mistaken += whole.compare(taken, size, room.data(), size) != 0;
      taken += size;
      if (why == asio::error::eof) {
        seen.mistaken += taken != whole.size();
        ++seen.answered;
        co_return error_code();
      }
      ec = why;
    }
    co_return ec;
  }

  void cancel_soon() {
    timer.expires_after(std::chrono::microseconds(dice() % 10'000));
    timer.async_wait([this](error_code ec) {
      if (!ec)
        signal.emit(asio::cancellation_type::total);
    });
  }

  client& sender;
  tally& seen;
  const unsigned first;
  std::minstd_rand dice;
  asio::steady_timer timer;
  asio::cancellation_signal signal;
  std::string target;
  std::size_t taken = 0;
  std::array<char, 700> room;
};

} // namespace

BOOST_FIXTURE_TEST_CASE(threads_share_a_client_while_certificates_change, tls_loop) {
  const std::size_t descriptors_before = descriptors();
  {
    const std::array identities = {root.issue({"127.0.0.1"}), root.issue({"127.0.0.1", "a.test"}),
                                   root.issue({"127.0.0.1", "b.test"})};
    tls_echo_server server(identities[0]);
    threads run(4);
    const auto events = std::make_shared<counter>();
    tls_options with = trust();
    with.max_sessions = 2; // so that some handshakes show a certificate
    client_options options = over(with);
    options.pool.max_connections = connections;
    options.pool.acquire_timeout = patience;
    options.pool.observer = events;
    options.exchange_timeout = patience;
    client sender(run.context, server.origin(), options);

    tally seen;
    std::vector<std::unique_ptr<caller>> all;
    for (unsigned i = 0; i != callers; ++i) {
      const auto strand = asio::make_strand(run.context);
      all.push_back(std::make_unique<caller>(sender, seen, i, strand));
      asio::co_spawn(strand, all.back()->call(), [](std::exception_ptr failure) {
        if (failure)
          std::terminate();
      });
    }

    std::size_t reloads = 0;
    for (unsigned turn = 0; turn != requests / calls_a_turn; turn = seen.turns) {
      server.tls->reload(httpool_test::tls::options_of({identities[++reloads % 3]}));
      BOOST_TEST(sender.pool().stats().total() <= connections);
      seen.turns.wait(turn);
    }
    std::future<void> drained = sender.async_drain(asio::use_future);
    BOOST_TEST_REQUIRE((drained.wait_for(patience) == std::future_status::ready));
    BOOST_CHECK_NO_THROW(drained.get());
    run.finish();

    BOOST_TEST(seen.mistaken == 0u);
    BOOST_TEST(seen.failed == 0u);
    BOOST_TEST(seen.answered + seen.cancelled + seen.dropped == requests);
    BOOST_TEST(seen.cancelled > requests / 100);
    BOOST_TEST(seen.dropped > requests / 20);
    BOOST_TEST(reloads > 1u);

    const httpool::pool_stats s = sender.pool().stats();
    BOOST_TEST(s.total() == 0u);
    BOOST_TEST(s.waiting == 0u);
    BOOST_TEST(s.peak_total <= connections);
    BOOST_TEST(events->exceeded == 0u);
    BOOST_TEST(s.made == s.closed());
    BOOST_TEST(s.acquires == s.granted + s.timed_out + s.cancelled + s.failed + s.refused);
    BOOST_TEST(events->made == s.made);
    BOOST_TEST(events->closed == s.closed());
    BOOST_TEST(events->dials_failed == s.dials_failed);
    BOOST_TEST(events->granted == s.granted);
    BOOST_TEST(events->uses_in_all == s.granted);
    BOOST_TEST(events->not_granted == s.timed_out + s.cancelled + s.failed + s.refused);

    const tls_client_stats handshakes = options.pool.tls->stats();
    BOOST_TEST(handshakes.full_handshakes + handshakes.resumptions == s.made);
    BOOST_TEST(handshakes.full_handshakes > 1u);
    BOOST_TEST(handshakes.resumptions > 1u);
    BOOST_TEST(handshakes.failures == s.dials_failed);
    BOOST_TEST_MESSAGE(requests << " requests: " << seen.answered << " answered, " << seen.cancelled
                                << " cancelled, " << seen.dropped << " dropped; " << reloads
                                << " reloads, " << handshakes.full_handshakes
                                << " full handshakes, " << handshakes.resumptions
                                << " resumptions");
  }
  BOOST_TEST(becomes([&] { return descriptors() <= descriptors_before; }));
}
