// Contexts and clients that end in the middle of an exchange, and many threads on one client.

#include "net/client_fixture.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>

#include <array>
#include <atomic>
#include <functional>
#include <future>
#include <optional>
#include <thread>

#include <sys/wait.h>
#include <unistd.h>

using namespace client_test;

namespace {

/// A client in a context of its own, beside that of its peer, which the test ends.
struct doomed {
  explicit doomed(std::uint16_t port, client_options options = {})
      : sender(std::in_place, context.emplace(), "127.0.0.1", port, std::move(options)) {}

  /// Runs both contexts until `condition` holds.
  template <class Condition>
  bool until(loop& peers, Condition condition) {
    return peers.until([&] {
      context->restart();
      context->poll();
      return condition();
    });
  }

  std::optional<asio::io_context> context;
  std::optional<client> sender;
};

/// Ends the context once `reached` holds: the call's handler is dropped, and nothing leaks.
void check_doom(loop& run, scripted_peer& peer, request message, bool warm,
                std::function<bool()> reached, client_options options = {}) {
  doomed d(peer.port, std::move(options));
  if (warm) {
    const auto first = start(*d.sender, get());
    BOOST_TEST(d.until(run, [&] { return first->is_done; }));
  }
  const auto alive = std::make_shared<int>();
  d.sender->async_send(std::move(message),
                       [alive](error_code, const client_response&) { BOOST_TEST(false); });
  asio::co_spawn(
      *d.context,
      [](client& sender, std::shared_ptr<int>) -> asio::awaitable<void> {
        co_await sender.async_send(get(), asio::use_awaitable);
      }(*d.sender, alive),
      asio::detached);
  BOOST_TEST(d.until(run, reached));
  d.context.reset();
  BOOST_TEST(alive.use_count() == 1);
  d.sender.reset();
  BOOST_TEST(run.until([&] { return peer.open() == 0; }));
}

/// Lets the first `let_by` connections by and holds the others for ever.
client_options hold_dials(int let_by, int& arrived) {
  client_options options;
  options.pool.max_connections = 1;
  options.pool.prepare = [let_by, &arrived](tcp::socket& socket) -> asio::awaitable<void> {
    if (arrived++ < let_by)
      co_return;
    asio::steady_timer never(socket.get_executor(), asio::steady_timer::time_point::max());
    co_await never.async_wait(asio::use_awaitable);
  };
  return options;
}

client_options one_connection() {
  client_options options;
  options.pool.max_connections = 1;
  return options;
}

} // namespace

BOOST_FIXTURE_TEST_CASE(a_context_may_end_in_any_phase_of_an_exchange, loop) {
  { const scripted_peer makes_the_context_open_its_own(context, {script()}); }
  settle();
  const std::size_t before = descriptors();
  {
    scripted_peer peer(context, {script()});
    bool is_begun = false;
    check_doom(
        *this, peer, get(), false, [&] { return std::exchange(is_begun, true); }, one_connection());
  }
  {
    scripted_peer peer(context, {script()});
    int arrived = 0;
    check_doom(
        *this, peer, get(), false, [&] { return arrived == 1; }, hold_dials(0, arrived));
  }
  {
    scripted_peer peer(context, {script().hears_head().pauses()});
    check_doom(
        *this, peer, post(std::string(30'000'000, 'x')), false,
        [&] {
          if (!peer.is_paused(0))
            return false;
          peer.go_on(0);
          return true;
        },
        one_connection());
  }
  for (const char* part : {"", "HTTP/1.1 2", "HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\nx"}) {
    scripted_peer peer(context, {script().answers(part)});
    check_doom(
        *this, peer, get(), false, [&] { return peer.heard.size() == 1; }, one_connection());
  }
  {
    scripted_peer peer(context, {script().answers(ok()).hears().closes(), script()});
    int arrived = 0;
    check_doom(
        *this, peer, get(), true, [&] { return arrived == 2; }, hold_dials(1, arrived));
  }
  settle();
  BOOST_TEST(descriptors() == before);
}

namespace {

/// Reads a response, the end of which does not come, and holds it meanwhile.
asio::awaitable<void> read_for_ever(client& sender, std::shared_ptr<int>) {
  httpool::response_stream answer = co_await sender.async_open(get(), asio::use_awaitable);
  std::array<char, 100> room{};
  for (;;)
    co_await answer.async_read_some(asio::buffer(room), asio::use_awaitable);
}

/// Uploads what is never produced, or not asked for.
asio::awaitable<void> upload_for_ever(client& sender, bool expects_leave, std::shared_ptr<int>) {
  request message("PUT", "/");
  if (expects_leave)
    message.fields().set("Expect", "100-continue");
  httpool::body_source body([](asio::mutable_buffer) -> asio::awaitable<std::size_t> {
    asio::steady_timer never(co_await asio::this_coro::executor,
                             asio::steady_timer::time_point::max());
    co_await never.async_wait(asio::use_awaitable);
    co_return 0;
  });
  co_await sender.async_send(std::move(message), std::move(body), {}, asio::use_awaitable);
}

} // namespace

BOOST_FIXTURE_TEST_CASE(a_context_may_end_while_two_chains_wait_on_a_strand, loop) {
  scripted_peer peer(context,
                     {script().answers("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx").repeats()});
  client_options patient;
  patient.continue_timeout = 1h;
  const auto alive = std::make_shared<int>();
  for (int what = 0; what != 3; ++what) {
    doomed d(peer.port, patient);
    const std::size_t met = peer.open();
    asio::co_spawn(*d.context,
                   what == 0 ? read_for_ever(*d.sender, alive)
                             : upload_for_ever(*d.sender, what == 1, alive),
                   asio::detached);
    BOOST_TEST(d.until(*this, [&] { return peer.open() > met; }));
    for (int i = 0; i != 10; ++i) // what is ready is done
      BOOST_TEST(d.until(*this, [] { return true; }));
    d.context.reset();
    BOOST_TEST(alive.use_count() == 1);
    d.sender.reset();
    BOOST_TEST(until([&] { return peer.open() == 0; }));
  }
}

BOOST_FIXTURE_TEST_CASE(a_thread_pool_may_end_while_a_stream_is_read, loop) {
  scripted_peer peer(context,
                     {script().answers("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx").repeats()});
  const auto alive = std::make_shared<int>();
  std::optional<client> sender;
  {
    asio::thread_pool own(2);
    sender.emplace(own.get_executor(), "127.0.0.1", peer.port);
    asio::co_spawn(own, read_for_ever(*sender, alive), asio::detached);
    BOOST_TEST(until([&] { return peer.heard.size() == 1; }));
    own.stop();
    own.join();
  }
  BOOST_TEST(alive.use_count() == 1);
  sender.reset();
  BOOST_TEST(until([&] { return peer.open() == 0; }));
}

BOOST_FIXTURE_TEST_CASE(a_client_may_end_while_its_exchanges_go_on, loop) {
  scripted_peer peer(context, {script().hears().pauses().says(ok())});
  std::optional<client> sender(std::in_place, context, "127.0.0.1", peer.port, one_connection());
  const call under_way = start(*sender, get());
  const call waits = start(*sender, get());
  BOOST_TEST(until([&] { return peer.is_paused(0); }));
  sender.reset();
  BOOST_TEST(end_of(waits).error == error::pool_closed);
  BOOST_TEST(!under_way->is_done);
  peer.go_on(0);
  BOOST_TEST(end_of(under_way).error == error_code());
  BOOST_TEST(under_way->response.body() == "hi");
  BOOST_TEST(until([&] { return peer.open() == 0; }));
}

BOOST_FIXTURE_TEST_CASE(a_drain_lets_exchanges_end_and_cuts_off_those_that_do_not, loop) {
  scripted_peer peer(context, {script().hears().pauses().says(ok()), script().hears()});
  client sender(context, "127.0.0.1", peer.port);
  const call good = start(sender, get());
  BOOST_TEST(until([&] { return peer.heard.size() == 1; }));
  const call hangs = start(sender, get());
  BOOST_TEST(until([&] { return peer.heard.size() == 2; }));
  error_code drained;
  bool is_drained = false;
  sender.pool().async_drain(100ms, [&](error_code ec) {
    drained = ec;
    is_drained = true;
  });
  peer.go_on(0);
  BOOST_TEST(end_of(good).error == error_code());
  BOOST_TEST(end_of(hangs).error == error::pool_closed);
  BOOST_TEST(until([&] { return is_drained; }));
  BOOST_TEST(drained == asio::error::timed_out);
  BOOST_TEST(until([&] { return peer.open() == 0; }));
}

BOOST_FIXTURE_TEST_CASE(a_context_runs_out_of_work_once_the_pool_is_closed, loop) {
  scripted_peer peer(context, {script().answers(ok()).repeats()});
  asio::io_context own;
  client sender(own, "127.0.0.1", peer.port);
  const call under_way = start(sender, get());
  BOOST_TEST(until([&] {
    own.restart();
    own.poll();
    return under_way->is_done;
  }));
  sender.pool().close();
  own.restart();
  own.run_for(patience);
  BOOST_TEST(own.stopped());
}

// Threads -----------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(many_threads_use_one_client) {
  constexpr int callers = 12;
  constexpr int calls_each = 60;
  asio::io_context peer_context;
  scripted_peer peer(peer_context, {script().answers(ok("hello")).repeats()});
  std::thread peers([&] { peer_context.run(); });

  asio::io_context context;
  client_options options;
  options.pool.max_connections = 4;
  client sender(context, "127.0.0.1", peer.port, options);
  std::atomic<int> answered = 0;
  std::atomic<int> late = 0;
  std::atomic<int> other = 0;
  const auto count = [&](error_code ec, const client_response& response) {
    if (!ec && response.body() == "hello")
      ++answered;
    else
      ++(ec == httpool::errc::timeout ? late : other);
  };
  struct caller : std::enable_shared_from_this<caller> {
    caller(client& to, std::function<void(error_code, const client_response&)> then)
        : sender(to), told(std::move(then)) {}
    void next() {
      send_options how;
      if (left % 7 == 0)
        how.timeout = std::chrono::microseconds(50 + left);
      sender.async_send(left % 2 ? get() : post(), how,
                        [self = shared_from_this()](error_code ec, const client_response& answer) {
                          self->told(ec, answer);
                          if (--self->left != 0)
                            self->next();
                        });
    }
    client& sender;
    std::function<void(error_code, const client_response&)> told;
    int left = calls_each;
  };
  // Half of the calls begin in the context, half in threads that know nothing of it.
  for (int i = 0; i != callers; ++i)
    std::make_shared<caller>(sender, count)->next();
  std::vector<std::thread> threads;
  auto work = std::make_optional(asio::make_work_guard(context));
  for (int i = 0; i != 3; ++i)
    threads.emplace_back([&] { context.run(); });
  std::vector<std::thread> strangers;
  for (int i = 0; i != 2; ++i)
    strangers.emplace_back([&] {
      for (int n = 0; n != calls_each; ++n) {
        std::future<client_response> answer = sender.async_send(get(), asio::use_future);
        count(error_code(), answer.get());
        const httpool::pool_stats s = sender.pool().stats();
        if (s.total() > 4)
          ++other;
      }
    });
  for (std::thread& each : strangers)
    each.join();
  const auto end = std::chrono::steady_clock::now() + patience;
  while (answered + late + other < (callers + 2) * calls_each &&
         std::chrono::steady_clock::now() < end)
    std::this_thread::yield();
  sender.pool().close();
  work.reset();
  for (std::thread& each : threads)
    each.join();
  BOOST_TEST(answered + late == (callers + 2) * calls_each);
  BOOST_TEST(answered > 0);
  BOOST_TEST(other == 0);
  const httpool::pool_stats s = sender.pool().stats();
  BOOST_TEST(s.total() == 0u);
  BOOST_TEST(s.peak_total <= 4u);
  BOOST_TEST(s.acquires == s.granted + s.timed_out + s.cancelled + s.failed + s.refused);
  peer_context.stop();
  peers.join();
}

BOOST_FIXTURE_TEST_CASE(scar_106_a_child_that_leaves_at_once_touches_no_connection, loop) {
  scripted_peer peer(context, {script().answers(ok()).repeats()});
  client sender(context, "127.0.0.1", peer.port);
  warm_up(sender);
  const pid_t child = fork();
  BOOST_TEST_REQUIRE(child != -1);
  if (child == 0)
    _exit(0); // As exec would: no destructor runs, which could say something to a peer.
  BOOST_TEST(waitpid(child, nullptr, 0) == child);
  BOOST_TEST(send(sender, get()).response.connection_id() == 1u);
  BOOST_TEST(peer.accepted() == 1u);
}
