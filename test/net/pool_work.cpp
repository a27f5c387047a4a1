// What a pool keeps its context running for, and what not.

#include "net/net_fixture.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/error.hpp>

using namespace net_test;
using httpool::connection_pool;
using httpool::lease;

namespace {

/// The pool's context, and another for its peer and the handlers, so that nothing but the pool is
/// work for the first.
struct two_loops {
  template <class Condition>
  bool until(Condition condition) {
    return there.until([&] {
      here.settle();
      return condition();
    });
  }

  /// A lease of the only connection.
  lease only_lease() {
    const auto result = std::make_shared<outcome>();
    pool.async_acquire(asio::bind_executor(there.context, into(result)));
    BOOST_TEST_REQUIRE(until([&] { return result->is_done; }));
    return std::move(result->lease);
  }

  bool is_at_work() {
    here.settle();
    return !here.context.stopped();
  }

  loop here;
  loop there;
  server host{there.context};
  /// No deadline, for which a timer would be work, too.
  connection_pool pool{here.context,
                       host.endpoint(),
                       {.max_connections = 1,
                        .acquire_timeout = std::chrono::nanoseconds::max(),
                        .dial_timeout = std::chrono::nanoseconds::max()}};
};

} // namespace

BOOST_FIXTURE_TEST_CASE(a_context_has_work_while_somebody_waits_whose_handler_runs_elsewhere,
                        two_loops) {
  lease held = only_lease();
  const auto waiting = std::make_shared<outcome>();
  pool.async_acquire(asio::bind_executor(there.context, into(waiting)));
  BOOST_TEST(is_at_work());
  pool.prewarm(1); // whatever else happens
  BOOST_TEST(is_at_work());
  give_back(std::move(held));
  BOOST_TEST(until([&] { return waiting->is_done; }));
  BOOST_TEST(waiting->error == error_code());
}

BOOST_FIXTURE_TEST_CASE(a_context_has_work_while_a_drain_lasts_whose_handler_runs_elsewhere,
                        two_loops) {
  lease held = only_lease();
  bool is_drained = false;
  pool.async_drain(std::chrono::nanoseconds::max(),
                   asio::bind_executor(there.context, [&](error_code ec) {
                     BOOST_TEST(ec == error_code());
                     is_drained = true;
                   }));
  BOOST_TEST(is_at_work());
  pool.prewarm(1); // whatever else happens
  BOOST_TEST(is_at_work());
  held.reset();
  BOOST_TEST(!is_at_work());
  BOOST_TEST(until([&] { return is_drained; }));
}

BOOST_FIXTURE_TEST_CASE(a_cancelled_drain_is_no_work_though_a_lease_is_out, two_loops) {
  const lease held = only_lease();
  for (const std::chrono::nanoseconds timeout :
       {std::chrono::nanoseconds(1h), std::chrono::nanoseconds::max()}) {
    asio::cancellation_signal signal;
    std::optional<error_code> end;
    pool.async_drain(
        timeout,
        asio::bind_executor(there.context, asio::bind_cancellation_slot(
                                               signal.slot(), [&](error_code ec) { end = ec; })));
    BOOST_TEST(is_at_work());
    signal.emit(asio::cancellation_type::terminal);
    BOOST_TEST(!is_at_work());
    BOOST_TEST(until([&] { return end.has_value(); }));
    BOOST_TEST(*end == error_code(asio::error::operation_aborted));
  }
}

BOOST_FIXTURE_TEST_CASE(a_cancelled_drain_does_nothing_of_what_was_done_before, two_loops) {
  lease held = only_lease();
  asio::cancellation_signal signal;
  bool is_over = false;
  pool.async_drain(asio::bind_cancellation_slot(
      signal.slot(), asio::bind_executor(there.context, [&](error_code) { is_over = true; })));
  std::size_t refused = 0;
  pool.async_acquire(asio::bind_executor(there.context, [&](error_code ec, const lease&) {
    BOOST_TEST(ec == error_code(httpool::error::pool_closed));
    ++refused;
  }));
  signal.emit(asio::cancellation_type::terminal);
  BOOST_TEST(until([&] { return is_over; }));
  BOOST_TEST(refused == 1u);
  give_back(std::move(held));
  BOOST_TEST(until([&] { return pool.stats().total() == 0; }));
}

BOOST_FIXTURE_TEST_CASE(a_closed_pool_without_callers_lets_its_context_end, two_loops) {
  lease held = only_lease();
  const auto waiting = std::make_shared<outcome>();
  pool.async_acquire({.timeout = 1h}, asio::bind_executor(there.context, into(waiting)));
  BOOST_TEST(is_at_work());
  held.expires_after(2h);
  pool.close();
  BOOST_TEST(until([&] { return waiting->is_done; }));
  BOOST_TEST(waiting->error == error_code(httpool::error::pool_closed));
  BOOST_TEST(is_at_work(), "the lease has a deadline");
  held.reset();
  BOOST_TEST(!is_at_work());
}

BOOST_AUTO_TEST_CASE(a_context_that_goes_ends_the_waits_of_all_its_pools) {
  auto context = std::make_unique<asio::io_context>();
  const tcp::endpoint nowhere(asio::ip::address_v4::loopback(), 9);
  connection_pool first(*context, nowhere), second(*context, nowhere), third(*context, nowhere);
  const auto held = std::make_shared<int>();
  for (connection_pool* const pool : {&first, &second, &third})
    pool->async_acquire([held](error_code, const lease&) {});
  BOOST_TEST(held.use_count() == 4);
  context.reset();
  BOOST_TEST(held.use_count() == 1);
}
