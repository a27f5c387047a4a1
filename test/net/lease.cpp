// What a lease is good for, and what becomes of its connection.

#include "net/net_fixture.hpp"

#include <httpool/detail/pool_operations.hpp>

#include <boost/asio/bind_executor.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>

using namespace net_test;
using httpool::close_reason;
using httpool::connection_pool;
using httpool::error;
using httpool::lease;

namespace {

/// Sends a word and reads it back.
void exchange(loop& run, lease& over) {
  const std::string word = "word";
  std::string answer(word.size(), ' ');
  bool is_done = false;
  asio::write(over.socket(), asio::buffer(word));
  asio::async_read(over.socket(), asio::buffer(answer), [&](error_code ec, std::size_t) {
    BOOST_TEST(ec == error_code());
    is_done = true;
  });
  BOOST_TEST_REQUIRE(run.until([&] { return is_done; }));
  BOOST_TEST(answer == word);
}

/// Waits until bytes, or the end, have come in.
void await_readable(loop& run, lease& over) {
  bool is_done = false;
  over.socket().async_wait(tcp::socket::wait_read, [&](error_code) { is_done = true; });
  BOOST_TEST_REQUIRE(run.until([&] { return is_done; }));
}

} // namespace

// Its length
// ---------------------------------------------------------------------------------------

BOOST_FIXTURE_TEST_CASE(a_lease_is_as_long_as_it_lasts, loop) {
  using clock = std::chrono::steady_clock;
  server host(context, true);
  connection_pool pool(context, host.endpoint());
  leased(*this, pool).keep_alive(true);
  std::chrono::nanoseconds least = {}, most = pool.stats().leased_time;
  for (int i = 0; i != 200; ++i) {
    const clock::time_point before = clock::now();
    lease got = leased(*this, pool);
    const clock::time_point began = clock::now();
    while (clock::now() - began < std::chrono::microseconds(300)) {
    }
    least += clock::now() - began;
    got.keep_alive(true);
    got = lease();
    most += clock::now() - before;
  }
  BOOST_TEST((least <= pool.stats().leased_time && pool.stats().leased_time <= most));
  BOOST_TEST((pool.stats().leased_time == pool.histograms().lease.sum()));
}

BOOST_FIXTURE_TEST_CASE(the_time_of_leases_never_runs_back, loop) {
  server host(context, true);
  connection_pool pool(context, host.endpoint());
  leased(*this, pool).keep_alive(true);
  std::chrono::nanoseconds last = pool.stats().leased_time;
  const auto grows = [&] {
    const std::chrono::nanoseconds now = pool.stats().leased_time;
    return now >= std::exchange(last, now);
  };
  for (int i = 0; i != 200; ++i) {
    lease got = pool.try_acquire();
    BOOST_TEST_REQUIRE(static_cast<bool>(got));
    BOOST_TEST(grows());
    got.keep_alive(true);
    got = lease();
    BOOST_TEST(grows());
  }
}

// Back or closed ----------------------------------------------------------------------------------

BOOST_FIXTURE_TEST_CASE(a_kept_connection_serves_again_and_counts_its_uses, loop) {
  server host(context, true);
  connection_pool pool(context, host.endpoint());
  for (std::uint64_t use = 1; use != 5; ++use) {
    lease got = leased(*this, pool);
    BOOST_TEST(got.id() == 1u);
    BOOST_TEST(got.uses() == use);
    BOOST_TEST(got.reused() == (use > 1));
    BOOST_TEST(got.waited() == (use > 1));
    BOOST_TEST(!got.keep_alive());
    BOOST_TEST(got.buffer().size() == 0u);
    BOOST_TEST((got.get_executor() == pool.get_executor()));
    exchange(*this, got);
    got.keep_alive(true);
    BOOST_TEST(got.keep_alive());
  }
  BOOST_TEST(host.accepted() == 1u);
  BOOST_TEST(pool.stats().reused == 3u);
}

BOOST_FIXTURE_TEST_CASE(a_dropped_lease_closes_its_connection, loop) {
  server host(context);
  connection_pool pool(context, host.endpoint());
  leased(*this, pool).reset();
  lease again = leased(*this, pool);
  BOOST_TEST(again.id() == 2u);
  again.keep_alive(true);
  again.keep_alive(false); // the last word counts
  again.reset();
  BOOST_TEST(!again);
  again.reset(); // of an empty one does nothing
  BOOST_TEST(pool.stats().closed(close_reason::dropped) == 2u);
  BOOST_TEST(until([&] { return host.at(0).has_ended && host.last().has_ended; }));
}

BOOST_FIXTURE_TEST_CASE(scar_48_unread_bytes_close_the_connection_whatever_was_claimed, loop) {
  server host(context);
  connection_pool pool(context, host.endpoint());
  lease got = leased(*this, pool);
  BOOST_TEST(until([&] { return host.accepted() == 1; }));
  host.at(0).say("late");
  await_readable(*this, got);
  give_back(std::move(got));
  BOOST_TEST(pool.stats().closed(close_reason::unread_bytes) == 1u);

  got = leased(*this, pool);
  got.buffer().commit(got.buffer().prepare(3).size());
  give_back(std::move(got));
  BOOST_TEST(pool.stats().closed(close_reason::unread_bytes) == 2u);
  BOOST_TEST(pool.stats().idle == 0u);
}

BOOST_FIXTURE_TEST_CASE(scar_9_a_connection_that_its_peer_has_closed_is_not_kept, loop) {
  server host(context);
  connection_pool pool(context, host.endpoint());
  for (const bool by_reset : {false, true}) {
    lease got = leased(*this, pool);
    BOOST_TEST(until([&] { return host.accepted() == (by_reset ? 2u : 1u); }));
    by_reset ? host.last().reset() : host.last().close();
    await_readable(*this, got);
    give_back(std::move(got));
  }
  BOOST_TEST(pool.stats().closed(close_reason::peer_closed) == 2u);
  BOOST_TEST(pool.stats().idle == 0u);
}

BOOST_FIXTURE_TEST_CASE(what_was_claimed_for_a_connection_ends_with_its_lease, loop) {
  server host(context);
  connection_pool pool(context, host.endpoint());
  lease got = leased(*this, pool);
  got.keep_alive(true);
  got.reset();
  BOOST_TEST(!got.keep_alive());
  BOOST_TEST(pool.stats().idle == 1u);
}

BOOST_FIXTURE_TEST_CASE(scar_34_a_lease_ends_once_however_it_is_moved, loop) {
  server host(context);
  connection_pool pool(context, host.endpoint());
  lease a = leased(*this, pool), b = leased(*this, pool);
  a.keep_alive(true);
  lease c(std::move(a));
  BOOST_TEST(!a); // NOLINT: an empty lease is what is asked for
  BOOST_TEST(!a.keep_alive());
  BOOST_TEST(c.keep_alive());
  c = std::move(b); // ends connection 1, which was kept
  BOOST_TEST(c.id() == 2u);
  BOOST_TEST(pool.stats().idle == 1u);
  lease& same = c;
  c = std::move(same);
  BOOST_TEST(c.id() == 2u);
  a = lease();
  BOOST_TEST(pool.stats().leased == 1u);
  c = lease();
  BOOST_TEST(pool.stats().leased == 0u);
  BOOST_TEST(pool.stats().closed() == 1u);
  check_sums(pool.stats());
}

BOOST_FIXTURE_TEST_CASE(a_connection_ends_after_max_uses_even_when_handed_over, loop) {
  server host(context);
  connection_pool pool(context, host.endpoint(), {.max_connections = 1, .max_uses = 2});
  lease held = leased(*this, pool);
  std::vector<call> calls;
  for (int i = 0; i != 3; ++i)
    calls.push_back(acquire(pool));
  give_back(std::move(held));
  for (const std::uint64_t id : {1u, 2u, 2u}) {
    const call c = calls.front();
    calls.erase(calls.begin());
    BOOST_TEST_REQUIRE(until([&] { return c->is_done; }));
    BOOST_TEST(c->lease.id() == id);
    give_back(std::move(c->lease));
  }
  BOOST_TEST(pool.stats().closed(close_reason::max_uses) == 2u);
}

BOOST_FIXTURE_TEST_CASE(scar_96_a_connection_past_its_lifetime_is_not_handed_over, loop) {
  server host(context);
  connection_pool pool(context, host.endpoint(), {.max_connections = 1, .max_lifetime = 5ms});
  lease held = leased(*this, pool);
  const auto made = now();
  const call next = acquire(pool);
  BOOST_TEST(until([&] { return now() - made > 6ms; }));
  give_back(std::move(held));
  BOOST_TEST(until([&] { return next->is_done; }));
  BOOST_TEST(next->lease.id() == 2u);
  BOOST_TEST(pool.stats().closed(close_reason::max_lifetime) == 1u);
}

BOOST_FIXTURE_TEST_CASE(detach_takes_the_socket_out_of_the_pool_and_of_its_limit, loop) {
  server host(context, true);
  std::optional<tcp::socket> kept;
  {
    connection_pool pool(context, host.endpoint(), {.max_connections = 1});
    lease got = leased(*this, pool);
    const call next = acquire(pool);
    got.keep_alive(true);
    kept.emplace(got.detach());
    BOOST_TEST(!got);
    BOOST_TEST(until([&] { return next->is_done; }));
    BOOST_TEST(next->lease.id() == 2u);
    BOOST_TEST(pool.stats().closed(close_reason::detached) == 1u);
    check_sums(pool.stats());
  }
  std::string answer(3, ' ');
  asio::write(*kept, asio::buffer("abc", 3));
  bool is_done = false;
  asio::async_read(*kept, asio::buffer(answer), [&](error_code, std::size_t) { is_done = true; });
  BOOST_TEST(until([&] { return is_done; }));
  BOOST_TEST(answer == "abc");
}

// Deadlines ---------------------------------------------------------------------------------------

BOOST_FIXTURE_TEST_CASE(a_late_lease_is_shut_down_marked_and_not_kept, loop) {
  server host(context);
  connection_pool pool(context, host.endpoint());
  lease got = leased(*this, pool);
  const auto began = now();
  got.expires_after(10ms);
  BOOST_TEST(!got.late());
  char byte = 0;
  error_code seen;
  got.socket().async_read_some(asio::buffer(&byte, 1),
                               [&](error_code ec, std::size_t) { seen = ec; });
  BOOST_TEST(until([&] { return bool(seen); }));
  BOOST_TEST((now() - began >= 10ms));
  BOOST_TEST(got.late());
  BOOST_TEST(seen == error_code(asio::error::eof));
  give_back(std::move(got));
  BOOST_TEST(pool.stats().closed(close_reason::cut_off) == 1u);
  BOOST_TEST(!leased(*this, pool).late());
}

BOOST_FIXTURE_TEST_CASE(a_lease_that_is_late_on_its_way_and_reaches_nobody_is_not_kept, loop) {
  server host(context);
  connection_pool pool(context, host.endpoint());
  fill(*this, pool, 1);
  {
    asio::io_context never_run;
    const auto& core = httpool::detail::core_of(pool);
    auto& operation = httpool::detail::make_operation<httpool::detail::acquire_operation,
                                                      httpool::detail::cancel_acquire, lease>(
        core, asio::bind_executor(never_run, [](error_code, lease) {}));
    operation.lease_deadline = now();
    httpool::detail::start_acquire(*core, operation, {});
    BOOST_TEST(until([&] { return host.accepted() == 1 && host.at(0).has_ended; }));
    BOOST_TEST(pool.stats().leased == 1u);
  }
  BOOST_TEST(pool.stats().closed(close_reason::cut_off) == 1u);
  BOOST_TEST(pool.stats().total() == 0u);
}

BOOST_FIXTURE_TEST_CASE(a_deadline_in_the_past_or_of_no_length_passes_at_once, loop) {
  server host(context);
  connection_pool pool(context, host.endpoint());
  for (const auto length : {0ms, -5ms}) {
    lease got = leased(*this, pool);
    got.expires_after(length);
    BOOST_TEST(until([&] { return got.late(); }));
  }
  lease got = leased(*this, pool);
  got.expires_at(std::chrono::steady_clock::time_point::min());
  BOOST_TEST(until([&] { return got.late(); }));
}

BOOST_FIXTURE_TEST_CASE(the_latest_word_on_a_deadline_counts, loop) {
  server host(context);
  connection_pool pool(context, host.endpoint());
  lease extended = leased(*this, pool), freed = leased(*this, pool), late = leased(*this, pool);
  extended.expires_after(1ms);
  extended.expires_after(1h);
  freed.expires_after(1ms);
  freed.expires_at(std::chrono::steady_clock::time_point::max());
  late.expires_after(std::chrono::nanoseconds::max());
  late.expires_after(2ms);
  BOOST_TEST(until([&] { return late.late(); }));
  BOOST_TEST(!extended.late());
  BOOST_TEST(!freed.late());
}

BOOST_FIXTURE_TEST_CASE(scar_56_83_a_deadline_never_touches_the_next_lease, loop) {
  server host(context, true);
  connection_pool pool(context, host.endpoint(), {.max_connections = 1});
  for (int i = 0; i != 20; ++i) {
    lease brief = leased(*this, pool);
    brief.expires_after(1ms);
    if (brief.late())
      continue; // then it says nothing about the next one
    const call next = acquire(pool);
    give_back(std::move(brief)); // straight to the next caller
    BOOST_TEST(until([&] { return next->is_done; }));
    const auto passed = now() + 2ms;
    BOOST_TEST(until([&] { return now() > passed; }));
    BOOST_TEST(!next->lease.late());
    exchange(*this, next->lease);
    give_back(std::move(next->lease));
  }
}

BOOST_FIXTURE_TEST_CASE(a_deadline_never_touches_a_descriptor_that_was_used_again, loop) {
  server host(context, true);
  connection_pool pool(context, host.endpoint(), {.max_connections = 1});
  lease brief = leased(*this, pool);
  brief.expires_after(1ms);
  const int descriptor = brief.socket().native_handle();
  brief.reset(); // closes it
  lease next = leased(*this, pool);
  BOOST_TEST(next.socket().native_handle() == descriptor);
  const auto passed = now() + 3ms;
  BOOST_TEST(until([&] { return now() > passed; }));
  exchange(*this, next);
}

// Redial ------------------------------------------------------------------------------------------

BOOST_FIXTURE_TEST_CASE(a_redial_takes_the_place_of_the_dead_connection_and_nobody_elses, loop) {
  server host(context);
  connection_pool pool(context, host.endpoint(), {.max_connections = 1});
  fill(*this, pool, 1);
  lease dead = leased(*this, pool);
  const call queued = acquire(pool);
  const auto again = std::make_shared<outcome>();
  pool.async_redial(std::move(dead), {}, into(again));
  BOOST_TEST(!dead); // NOLINT: an empty lease is what is asked for
  BOOST_TEST(until([&] { return again->is_done; }));
  BOOST_TEST(again->error == error_code());
  BOOST_TEST(again->lease.id() == 2u);
  BOOST_TEST(!again->lease.waited());
  BOOST_TEST(!again->lease.reused());
  BOOST_TEST(!queued->is_done);
  BOOST_TEST(pool.stats().peak_total == 1u);
  give_back(std::move(again->lease));
  BOOST_TEST(until([&] { return queued->is_done; }));
  BOOST_TEST(queued->lease.id() == 2u);
  check_sums(pool.stats());
}

BOOST_FIXTURE_TEST_CASE(a_redial_fails_with_the_dials_error_the_deadline_or_the_pools_end, loop) {
  server host(context);
  gate door(context, 3);
  connection_pool pool(context, host.endpoint(), {.dial_backoff = 0s, .prepare = door.hook()});
  const auto redial = [&](lease dead, httpool::acquire_options options) {
    const auto result = std::make_shared<outcome>();
    pool.async_redial(std::move(dead), options, into(result));
    return result;
  };
  lease a = leased(*this, pool), b = leased(*this, pool), c = leased(*this, pool);
  const call at_once = redial(std::move(a), {.timeout = 0s});
  const call late = redial(std::move(b), {.timeout = 1ms});
  BOOST_TEST(until([&] { return at_once->is_done && late->is_done; }));
  BOOST_TEST(at_once->error == error_code(error::acquire_timeout));
  BOOST_TEST(late->error == error_code(error::acquire_timeout));
  const call closed = redial(std::move(c), {});
  pool.close();
  BOOST_TEST(until([&] { return closed->is_done; }));
  BOOST_TEST(closed->error == error_code(error::pool_closed));
  BOOST_TEST(until([&] { return pool.stats().total() == 0; }));
  check_sums(pool.stats());
}

BOOST_FIXTURE_TEST_CASE(a_lessee_may_say_for_how_long_and_how_often_the_peer_serves_again, loop) {
  server host(context, true);
  connection_pool pool(context, host.endpoint(), {.min_idle = 1});
  lease got = leased(*this, pool);
  const auto first = got.id();
  BOOST_TEST(until([&] { return pool.stats().idle == 1; }));
  got.limit_idle(30ms);
  give_back(std::move(got));
  BOOST_TEST(until([&] { return pool.stats().closed(close_reason::idle_timeout) == 1; }));
  got = leased(*this, pool);
  BOOST_TEST(got.id() != first);
  got.limit_uses(0);
  give_back(std::move(got));
  BOOST_TEST(pool.stats().closed(close_reason::max_uses) == 1u);
}
