// Cancellation in each phase of an exchange, by each of its types.

#include "net/client_fixture.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>

#include <functional>

using namespace client_test;
using asio::cancellation_type;

namespace {

constexpr cancellation_type types[] = {cancellation_type::terminal, cancellation_type::partial,
                                       cancellation_type::total};

/// Holds back new connections, beyond the first `let_by`, until it is opened.
struct gate {
  gate(asio::io_context& context, int first)
      : timer(context, asio::steady_timer::time_point::max()), let_by(first) {}

  auto hook() {
    return [this](tcp::socket&) -> asio::awaitable<void> {
      if (arrived++ < let_by)
        co_return;
      error_code ec;
      co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, ec));
      if (!is_open)
        throw boost::system::system_error(ec);
    };
  }

  void open() {
    is_open = true;
    timer.cancel();
  }

  asio::steady_timer timer;
  const int let_by;
  int arrived = 0;
  bool is_open = false;
};

call start(client& sender, request message, asio::cancellation_signal& signal) {
  const auto result = std::make_shared<outcome>();
  sender.async_send(std::move(message), asio::bind_cancellation_slot(signal.slot(), into(result)));
  return result;
}

/// Cancels a call once `reached` holds, and says what is left of the pool.
httpool::pool_stats after_cancel(loop& run, client& sender, request message, cancellation_type type,
                                 std::function<bool()> reached) {
  asio::cancellation_signal signal;
  const call under_way = start(sender, std::move(message), signal);
  BOOST_TEST_REQUIRE(run.until(reached));
  run.settle();
  BOOST_TEST(!under_way->is_done);
  signal.emit(type);
  BOOST_TEST(!under_way->is_done); // by post, as always
  BOOST_TEST(run.end_of(under_way).error == asio::error::operation_aborted);
  BOOST_TEST(under_way->response.connection_id() == 0u);
  const httpool::pool_stats s = sender.pool().stats();
  BOOST_TEST(s.leased == 0u);
  BOOST_TEST(s.waiting == 0u);
  return s;
}

} // namespace

BOOST_FIXTURE_TEST_CASE(a_call_that_waits_can_be_cancelled, loop) {
  for (const auto type : types) {
    scripted_peer peer(context, {script().hears().pauses().says(ok())});
    client_options one;
    one.pool.max_connections = 1;
    client sender(context, "127.0.0.1", peer.port, one);
    const call first = client_test::start(sender, get());
    BOOST_TEST(until([&] { return peer.is_paused(0); }));
    asio::cancellation_signal signal;
    const call second = start(sender, get(), signal);
    BOOST_TEST(sender.pool().stats().waiting == 1u);
    signal.emit(type);
    BOOST_TEST(end_of(second).error == asio::error::operation_aborted);
    BOOST_TEST(sender.pool().stats().waiting == 0u);
    peer.go_on(0);
    BOOST_TEST(end_of(first).error == error_code());
    BOOST_TEST(sender.pool().stats().idle == 1u);
    check_nothing_is_left(*this, sender, peer);
  }
}

BOOST_FIXTURE_TEST_CASE(a_call_that_dials_can_be_cancelled_and_the_dial_serves_another, loop) {
  for (const auto type : types) {
    scripted_peer peer(context, {script().answers(ok()).repeats()});
    gate door(context, 0);
    client_options held;
    held.pool.prepare = door.hook();
    client sender(context, "127.0.0.1", peer.port, held);
    const auto s = after_cancel(*this, sender, get(), type, [&] { return door.arrived == 1; });
    BOOST_TEST(s.dialing == 1u);
    BOOST_TEST(s.cancelled == 1u);
    const call another = client_test::start(sender, get());
    door.open();
    BOOST_TEST(end_of(another).response.connection_id() == 1u);
    check_nothing_is_left(*this, sender, peer);
  }
}

BOOST_FIXTURE_TEST_CASE(a_request_that_is_being_written_can_be_cancelled, loop) {
  for (const auto type : types) {
    scripted_peer peer(context, {script().hears_head().pauses()});
    client sender(context, "127.0.0.1", peer.port);
    const auto s = after_cancel(*this, sender, post(std::string(30'000'000, 'x')), type,
                                [&] { return peer.is_paused(0); });
    BOOST_TEST(s.total() == 0u);
    BOOST_TEST(s.closed(close_reason::cut_off) == 1u);
    peer.go_on(0);
    check_nothing_is_left(*this, sender, peer);
  }
}

BOOST_FIXTURE_TEST_CASE(scar_52_a_response_that_is_being_read_can_be_cancelled, loop) {
  for (const auto type : types)
    for (const char* response :
         {"", "HTTP/1.1 20", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n12",
          "HTTP/1.1 200 OK\r\nContent-Length: 500000\r\n\r\n12", "HTTP/1.1 200 OK\r\n\r\n12",
          "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n12\r\n0\r\n"}) {
      scripted_peer peer(context, {script().answers(response).pauses(), script().answers(ok())});
      client sender(context, "127.0.0.1", peer.port);
      const auto s = after_cancel(*this, sender, get(), type, [&] { return peer.is_paused(0); });
      BOOST_TEST(s.total() == 0u);
      peer.go_on(0);
      BOOST_TEST(send(sender, get()).response.connection_id() == 2u);
      check_nothing_is_left(*this, sender, peer);
    }
}

BOOST_FIXTURE_TEST_CASE(a_second_try_can_be_cancelled_while_it_dials, loop) {
  for (const auto type : types) {
    scripted_peer peer(context, {script().answers(ok()).hears().closes(), script().answers(ok())});
    gate door(context, 1);
    client_options held;
    held.pool.max_connections = 1;
    held.pool.prepare = door.hook();
    client sender(context, "127.0.0.1", peer.port, held);
    warm_up(sender);
    const auto s = after_cancel(*this, sender, get(), type, [&] { return door.arrived == 2; });
    BOOST_TEST(s.total() == 1u);
    BOOST_TEST(s.dialing == 1u);
    BOOST_TEST(peer.heard.size() == 2u);
    const call another = client_test::start(sender, get());
    door.open();
    BOOST_TEST(end_of(another).response.connection_id() == 2u);
    check_nothing_is_left(*this, sender, peer);
  }
}

BOOST_FIXTURE_TEST_CASE(a_call_that_has_just_begun_can_be_cancelled, loop) {
  for (const bool has_idle : {false, true}) {
    scripted_peer peer(context, {script().answers(ok()).repeats()});
    client sender(context, "127.0.0.1", peer.port);
    if (has_idle)
      warm_up(sender);
    asio::cancellation_signal signal;
    const call under_way = start(sender, get(), signal);
    signal.emit(cancellation_type::terminal);
    BOOST_TEST(end_of(under_way).error == asio::error::operation_aborted);
    BOOST_TEST(sender.pool().stats().leased == 0u);
    check_nothing_is_left(*this, sender, peer);
  }
}

BOOST_FIXTURE_TEST_CASE(a_call_can_be_cancelled_while_its_connection_is_on_the_way_to_it, loop) {
  scripted_peer peer(context, {script().answers(ok()).repeats()});
  client_options one;
  one.pool.max_connections = 1;
  client sender(context, "127.0.0.1", peer.port, one);
  warm_up(sender);
  httpool::lease held = sender.pool().try_acquire();
  asio::cancellation_signal signal;
  const call under_way = start(sender, get(), signal);
  BOOST_TEST(sender.pool().stats().waiting == 1u);
  held.keep_alive(true);
  held.reset();
  BOOST_TEST(sender.pool().stats().waiting == 0u);
  BOOST_TEST(sender.pool().stats().leased == 1u);
  signal.emit(cancellation_type::terminal);
  BOOST_TEST(end_of(under_way).error == asio::error::operation_aborted);
  BOOST_TEST(peer.heard.size() == 1u);
  check_nothing_is_left(*this, sender, peer);
}

BOOST_FIXTURE_TEST_CASE(a_cancellation_that_comes_too_late_has_no_effect, loop) {
  scripted_peer peer(context, {script().answers(ok()).repeats()});
  client sender(context, "127.0.0.1", peer.port);
  asio::cancellation_signal signal;
  const call under_way = start(sender, get(), signal);
  BOOST_TEST(end_of(under_way).error == error_code());
  signal.emit(cancellation_type::terminal);
  BOOST_TEST(send(sender, get()).response.reused());

  // And so has one that asks for nothing.
  const call next = start(sender, get(), signal);
  signal.emit(cancellation_type::none);
  BOOST_TEST(end_of(next).error == error_code());
}

/// At every step of the loop in turn, so that no moment is left out.
BOOST_FIXTURE_TEST_CASE(scar_1_a_cancellation_at_any_step_leaves_nothing_behind, loop) {
  { const scripted_peer makes_the_context_open_its_own(context, {script()}); }
  settle();
  const std::size_t before = descriptors();
  for (const auto type : types)
    for (const bool has_idle : {false, true})
      for (int step = 0; step != 25; ++step) {
        scripted_peer peer(context, {script().answers(ok()).repeats()});
        client_options one;
        one.pool.max_connections = 1;
        client sender(context, "127.0.0.1", peer.port, one);
        if (has_idle)
          warm_up(sender);
        asio::cancellation_signal signal;
        const call under_way = start(sender, get(), signal);
        const call waits = client_test::start(sender, get());
        for (int i = 0; i != step; ++i) {
          context.restart();
          context.poll_one();
        }
        signal.emit(type);
        const error_code ec = end_of(under_way).error;
        BOOST_TEST((!ec || ec == asio::error::operation_aborted));
        BOOST_TEST(end_of(waits).error == error_code());
        BOOST_TEST(sender.pool().stats().total() <= 1u);
        check_nothing_is_left(*this, sender, peer);
      }
  settle();
  BOOST_TEST(descriptors() == before);
}
