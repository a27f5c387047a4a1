// What happens to connections while they are idle: watches, ageing and probes.

#include "net/net_fixture.hpp"
#include "net/shelf.hpp"

#include <httpool/observer.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>

#include <ctime>
#include <stdexcept>

#include <sys/socket.h>

using namespace net_test;
using httpool::close_reason;
using httpool::connection_pool;
using httpool::lease;

namespace {

enum class mischief { closes, resets, speaks };

void do_it(peer& p, mischief what) {
  switch (what) {
  case mischief::closes:
    return p.close();
  case mischief::resets:
    return p.reset();
  case mischief::speaks:
    return p.say("HTTP/1.1 408 Request Timeout\r\n\r\n");
  }
}

close_reason reason_for(mischief what) {
  return what == mischief::speaks ? close_reason::peer_spoke : close_reason::peer_closed;
}

/// Asks by an echo of one byte.
asio::awaitable<bool> ping(lease& asked) {
  char byte = 'p';
  co_await asio::async_write(asked.socket(), asio::buffer(&byte, 1), asio::use_awaitable);
  co_await asio::async_read(asked.socket(), asio::buffer(&byte, 1), asio::use_awaitable);
  co_return true;
}

} // namespace

// Watches and looks -------------------------------------------------------------------------------

BOOST_FIXTURE_TEST_CASE(scar_49_50_an_idle_connection_whose_peer_stirs_is_gone_without_a_caller,
                        loop) {
  for (const auto what : {mischief::closes, mischief::resets, mischief::speaks}) {
    for (const bool has_cooled : {false, true}) {
      server host(context);
      connection_pool pool(context, host.endpoint());
      fill(*this, pool, 3);
      BOOST_TEST(until([&] { return host.accepted() == 3; }));
      if (has_cooled) { // beyond the time after which it is watched
        const auto cool = now() + 600ms;
        BOOST_TEST(until([&] { return now() > cool; }));
      }
      const auto began = now();
      do_it(host.at(1), what);
      BOOST_TEST(until([&] { return pool.stats().idle == 2; }));
      BOOST_WARN((now() - began < 1s));
      BOOST_TEST(pool.stats().closed(reason_for(what)) == 1u);
      BOOST_TEST(pool.stats().closed() == 1u);
      for (int i = 0; i != 2; ++i)
        BOOST_TEST(bool(pool.try_acquire()));
      check_sums(pool.stats());
    }
  }
}

BOOST_FIXTURE_TEST_CASE(scar_53_a_caller_never_sees_a_connection_whose_peer_has_just_stirred,
                        loop) {
  for (const auto what : {mischief::closes, mischief::resets, mischief::speaks}) {
    server host(context, true);
    connection_pool pool(context, host.endpoint(), {.max_connections = 3});
    fill(*this, pool, 3);
    BOOST_TEST(until([&] { return host.accepted() == 3; }));
    for (std::size_t i = 0; i != 3; ++i)
      do_it(host.at(i), what);
    const call first = acquire(pool), second = acquire(pool); // both find nothing but dead ones
    BOOST_TEST(until([&] { return first->is_done && second->is_done; }));
    for (const call& c : {first, second}) {
      BOOST_TEST_REQUIRE(c->error == error_code());
      BOOST_TEST(c->lease.id() > 3u);
      BOOST_TEST(!c->lease.waited());
    }
    BOOST_TEST(pool.stats().closed(reason_for(what)) == 3u);
    BOOST_TEST(pool.stats().granted == 5u);
    BOOST_TEST(pool.stats().reused == 0u);
    BOOST_TEST(first->order < second->order);
    check_sums(pool.stats());
  }
}

BOOST_FIXTURE_TEST_CASE(a_watched_connection_can_be_leased_used_and_watched_again, loop) {
  struct witness : httpool::pool_observer {
    void lease_overdue(const httpool::overdue_lease&) override { ++overdue; }
    int overdue = 0;
  };
  const auto seen = std::make_shared<witness>();
  server host(context, true);
  connection_pool pool(context, host.endpoint(), {.observer = seen});
  fill(*this, pool, 1);
  for (int round = 0; round != 2; ++round) {
    const auto cool = now() + 550ms;
    BOOST_TEST(until([&] { return now() > cool; }));
    lease got = leased(*this, pool);
    BOOST_TEST(got.id() == 1u);
    char byte = 'x';
    bool is_done = false;
    asio::write(got.socket(), asio::buffer(&byte, 1));
    asio::async_read(got.socket(), asio::buffer(&byte, 1), [&](error_code ec, std::size_t) {
      BOOST_TEST(ec == error_code());
      is_done = true;
    });
    BOOST_TEST(until([&] { return is_done; }));
    give_back(std::move(got));
  }
  host.at(0).close();
  BOOST_TEST(until([&] { return pool.stats().idle == 0; }));
  BOOST_TEST(seen->overdue == 0, "who watches reports nothing");
}

BOOST_FIXTURE_TEST_CASE(a_watch_that_fires_as_its_connection_is_taken_does_no_harm, loop) {
  server host(context);
  connection_pool pool(context, host.endpoint());
  fill(*this, pool, 1);
  const auto cool = now() + 600ms;
  BOOST_TEST(until([&] { return now() > cool; })); // it is watched now
  host.at(0).say("!");
  lease none = pool.try_acquire(); // before the watch's handler could run
  BOOST_TEST(!none);
  BOOST_TEST(pool.stats().closed(close_reason::peer_spoke) == 1u);
  settle();
  BOOST_TEST(pool.stats().closed() == 1u);
  check_sums(pool.stats());
}

BOOST_FIXTURE_TEST_CASE(a_watch_that_has_fired_finds_its_connection_gone, loop) {
  server host(context);
  shelf held_back;
  connection_pool pool(shelving_executor(context.get_executor(), held_back), host.endpoint());
  give_back(leased(*this, pool));
  const auto cool = now() + 600ms;
  BOOST_TEST(until([&] { return now() > cool; })); // it is watched now
  host.at(0).say("!");
  held_back.keeps = true;
  BOOST_TEST(until([&] { return !held_back.is_empty(); }));
  held_back.keeps = false;
  BOOST_TEST(!pool.try_acquire());
  held_back.run(); // the watch's handler
  settle();
  BOOST_TEST(pool.stats().total() == 0u);
  BOOST_TEST(pool.stats().closed(close_reason::peer_spoke) == 1u);
  check_sums(pool.stats());
}

BOOST_FIXTURE_TEST_CASE(an_urgent_byte_neither_spins_the_watch_nor_is_taken_for_an_answer, loop) {
  server host(context);
  connection_pool pool(context, host.endpoint());
  fill(*this, pool, 1);
  BOOST_TEST(until([&] { return host.accepted() == 1; }));
  const char urgent = '!';
  BOOST_TEST(::send(host.at(0).socket.native_handle(), &urgent, 1, MSG_OOB) == 1);
  const auto cool = now() + 700ms;
  BOOST_TEST(until([&] { return now() > cool; }));
  context.restart();
  BOOST_TEST(context.poll() < 10u);
}

// Ageing ------------------------------------------------------------------------------------------

BOOST_FIXTURE_TEST_CASE(idle_connections_go_after_idle_timeout_but_for_min_idle, loop) {
  server host(context);
  connection_pool pool(context, host.endpoint(), {.min_idle = 1, .idle_timeout = 20ms});
  const auto began = now();
  fill(*this, pool, 4);
  BOOST_TEST(until([&] { return pool.stats().closed(close_reason::idle_timeout) >= 3; }));
  BOOST_TEST((now() - began >= 20ms));
  const auto passed = now() + 60ms;
  BOOST_TEST(until([&] { return now() > passed; }));
  BOOST_TEST(pool.stats().idle == 1u);
  BOOST_TEST(pool.stats().closed() == pool.stats().closed(close_reason::idle_timeout));
}

BOOST_FIXTURE_TEST_CASE(scar_93_a_pool_shrinks_to_what_its_load_needs, loop) {
  server host(context);
  connection_pool pool(context, host.endpoint(), {.idle_timeout = 50ms});
  fill(*this, pool, 10);
  while (pool.stats().closed(close_reason::idle_timeout) != 9) { // one caller at a time
    lease got = leased(*this, pool);
    BOOST_TEST_REQUIRE(got.id() == 1u); // the newest idle each time
    give_back(std::move(got));
  }
  BOOST_TEST(pool.stats().idle == 1u);
}

BOOST_FIXTURE_TEST_CASE(a_connection_goes_at_the_end_of_its_lifetime_idle_or_not, loop) {
  server host(context);
  connection_pool pool(context, host.endpoint(), {.max_lifetime = 20ms});
  const auto began = now();
  fill(*this, pool, 2);
  BOOST_TEST(until([&] { return pool.stats().idle == 0; }));
  BOOST_TEST((now() - began >= 18ms));
  BOOST_TEST(pool.stats().closed(close_reason::max_lifetime) == 2u);

  lease held = leased(*this, pool);
  const auto passed = now() + 23ms;
  BOOST_TEST(until([&] { return now() > passed; }));
  BOOST_TEST(!held.late()); // a lease is not cut off for its connection's age
  give_back(std::move(held));
  BOOST_TEST(pool.stats().idle == 0u);
  BOOST_TEST(pool.stats().closed(close_reason::max_lifetime) == 3u);
}

BOOST_FIXTURE_TEST_CASE(scar_105_endless_and_shortest_durations_are_sound, loop) {
  server host(context);
  constexpr auto for_ever = std::chrono::nanoseconds::max();
  connection_pool endless(context, host.endpoint(),
                          {.acquire_timeout = for_ever,
                           .dial_timeout = for_ever,
                           .dial_backoff = for_ever,
                           .max_dial_backoff = for_ever,
                           .idle_timeout = for_ever,
                           .max_lifetime = for_ever,
                           .probe = {.ask = ping, .interval = for_ever, .timeout = for_ever}});
  give_back(leased(*this, endless));
  settle();
  BOOST_TEST(leased(*this, endless).reused());

  connection_pool brief(
      context, host.endpoint(),
      {.dial_backoff = 0s, .max_dial_backoff = 0s, .idle_timeout = 1ns, .max_lifetime = 1h});
  give_back(leased(*this, brief));
  BOOST_TEST(until([&] { return brief.stats().closed(close_reason::idle_timeout) == 1; }));
}

// Probes ------------------------------------------------------------------------------------------

BOOST_FIXTURE_TEST_CASE(a_probe_asks_idle_connections_each_interval_and_keeps_good_ones, loop) {
  server host(context, true);
  connection_pool pool(context, host.endpoint(),
                       {.probe = {.ask = ping, .interval = 5ms, .timeout = 30s}});
  fill(*this, pool, 2);
  const auto began = now();
  BOOST_TEST(until([&] { return pool.stats().probes >= 6; }));
  BOOST_TEST((now() - began >= 10ms));
  BOOST_TEST(until([&] { return pool.stats().idle == 2; }));
  BOOST_TEST(pool.stats().closed() == 0u);
  BOOST_TEST(pool.stats().probes_failed == 0u);
  lease got = leased(*this, pool);
  BOOST_TEST(got.uses() == 2u); // probes do not count
  check_sums(pool.stats());
}

BOOST_FIXTURE_TEST_CASE(a_probe_that_says_no_throws_or_leaves_bytes_costs_the_connection, loop) {
  using answer = std::function<asio::awaitable<bool>(lease&)>;
  const std::vector<answer> answers{
      [](lease&) -> asio::awaitable<bool> { co_return false; },
      [](lease&) -> asio::awaitable<bool> {
        throw std::runtime_error("no");
        co_return true;
      },
      [](lease&) -> asio::awaitable<bool> { throw std::logic_error("not in a coroutine"); },
      [](lease& l) -> asio::awaitable<bool> {
        l.buffer().commit(l.buffer().prepare(1).size());
        co_return true;
      },
      [](lease& l) -> asio::awaitable<bool> {
        co_await asio::async_write(l.socket(), asio::buffer("??", 2), asio::use_awaitable);
        co_await l.socket().async_wait(tcp::socket::wait_read, asio::use_awaitable);
        co_return true;
      }};
  for (const answer& ask : answers) {
    server host(context, true);
    connection_pool pool(context, host.endpoint(), {.probe = {.ask = ask, .interval = 1ms}});
    fill(*this, pool, 1);
    BOOST_TEST(until([&] { return pool.stats().closed(close_reason::probe_failed) == 1; }));
    BOOST_TEST(pool.stats().probes_failed == 1u);
    BOOST_TEST(pool.stats().total() == 0u);
    check_sums(pool.stats());
  }
}

BOOST_FIXTURE_TEST_CASE(a_peer_that_holds_open_but_answers_no_more_fails_its_probe, loop) {
  server host(context); // reads and says nothing
  connection_pool pool(context, host.endpoint(),
                       {.probe = {.ask = ping, .interval = 1ms, .timeout = 10ms}});
  fill(*this, pool, 1);
  BOOST_TEST(until([&] { return pool.stats().closed(close_reason::probe_failed) == 1; }));
  BOOST_TEST(until([&] { return host.at(0).has_ended; }));
  BOOST_TEST(pool.stats().probes == 1u);
}

BOOST_FIXTURE_TEST_CASE(a_probe_takes_nothing_for_its_answer_that_was_there_before, loop) {
  server host(context);
  int asked = 0;
  connection_pool pool(context, host.endpoint(),
                       {.probe = {.ask = [&](lease&) -> asio::awaitable<bool> {
                                    ++asked;
                                    co_return true;
                                  },
                                  .interval = 1ms}});
  lease held = leased(*this, pool);
  held.keep_alive(true);
  held.reset();
  host.last().say("?"); // before the watch is armed
  BOOST_TEST(until([&] { return pool.stats().total() == 0; }));
  BOOST_TEST(asked == 0);
  BOOST_TEST(pool.stats().closed(close_reason::probe_failed) == 1u);
}

BOOST_FIXTURE_TEST_CASE(a_probe_that_leaves_bytes_in_the_socket_costs_the_connection, loop) {
  server host(context);
  connection_pool pool(context, host.endpoint(),
                       {.probe = {.ask = [&](lease&) -> asio::awaitable<bool> {
                                    host.last().say("?");
                                    co_return true;
                                  },
                                  .interval = 1ms}});
  give_back(leased(*this, pool));
  BOOST_TEST(until([&] { return pool.stats().closed(close_reason::probe_failed) == 1; }));
  BOOST_TEST(pool.stats().probes == 1u);
}

BOOST_FIXTURE_TEST_CASE(a_late_probe_that_waits_for_something_else_is_ended_too, loop) {
  server host(context);
  gate door(context);
  connection_pool pool(context, host.endpoint(),
                       {.probe = {.ask = [&](lease&) -> asio::awaitable<bool> {
                                    co_await door.pass();
                                    co_return true;
                                  },
                                  .interval = 1ms,
                                  .timeout = 5ms}});
  fill(*this, pool, 1);
  BOOST_TEST(until([&] { return pool.stats().closed(close_reason::probe_failed) == 1; }));
  BOOST_TEST(pool.stats().total() == 0u);
}

BOOST_FIXTURE_TEST_CASE(a_probe_may_end_its_lease_earlier_but_not_later, loop) {
  server host(context);
  gate door(context);
  for (const auto own : {std::chrono::nanoseconds(1h), std::chrono::nanoseconds(1ms)}) {
    connection_pool pool(context, host.endpoint(),
                         {.probe = {.ask = [&](lease& asked) -> asio::awaitable<bool> {
                                      asked.expires_after(own);
                                      co_await door.pass();
                                      co_return true;
                                    },
                                    .interval = 1ms,
                                    .timeout = own == 1h ? 5ms : 1h}});
    fill(*this, pool, 1);
    BOOST_TEST(until([&] { return pool.stats().closed(close_reason::probe_failed) == 1; }));
  }
}

BOOST_FIXTURE_TEST_CASE(a_probe_delays_no_waiter_while_another_connection_could_serve, loop) {
  server host(context);
  gate door(context);
  connection_pool pool(context, host.endpoint(),
                       {.max_connections = 4,
                        .probe = {.ask = [&](lease&) -> asio::awaitable<bool> {
                                    co_await door.pass();
                                    co_return true;
                                  },
                                  .interval = 1ms,
                                  .timeout = 1h}});
  fill(*this, pool, 4);
  BOOST_TEST(until([&] { return door.arrived() > 0; }));
  const auto passed = now() + 5ms;
  BOOST_TEST(until([&] { return now() > passed; }));
  BOOST_TEST(door.arrived() <= 2u); // at least as many stay idle
  std::vector<lease> leases;
  while (lease l = pool.try_acquire())
    leases.push_back(std::move(l));
  BOOST_TEST(leases.size() >= 2u);
  const call waiter = acquire(pool); // all are leased or probed
  settle();
  BOOST_TEST(!waiter->is_done);
  door.open(); // a probed one is handed on
  BOOST_TEST(until([&] { return waiter->is_done; }));
  BOOST_TEST(waiter->error == error_code());
  BOOST_TEST(waiter->lease.waited());
}

BOOST_FIXTURE_TEST_CASE(a_probe_may_detach_its_connection_or_keep_the_lease, loop) {
  server host(context);
  std::optional<tcp::socket> detached;
  lease stolen;
  connection_pool pool(context, host.endpoint(),
                       {.probe = {.ask = [&](lease& l) -> asio::awaitable<bool> {
                                    if (!detached)
                                      detached.emplace(l.detach());
                                    else
                                      stolen = std::move(l);
                                    co_return true;
                                  },
                                  .interval = 1ms,
                                  .timeout = 20ms}});
  fill(*this, pool, 1);
  BOOST_TEST(until([&] { return pool.stats().closed(close_reason::detached) == 1; }));
  fill(*this, pool, 1);
  BOOST_TEST(until([&] { return bool(stolen); }));
  BOOST_TEST(until([&] { return stolen.late(); })); // the probe's deadline holds
  stolen.reset();
  settle();
  BOOST_TEST(pool.stats().total() == 0u);
  BOOST_TEST(detached->is_open());
  check_sums(pool.stats());
}

BOOST_FIXTURE_TEST_CASE(a_lease_that_a_probe_has_kept_costs_the_connection_unless_it_says_otherwise,
                        loop) {
  server host(context);
  lease stolen;
  connection_pool pool(context, host.endpoint(),
                       {.probe = {.ask = [&](lease& l) -> asio::awaitable<bool> {
                                    stolen = std::move(l);
                                    co_return true;
                                  },
                                  .interval = 1ms,
                                  .timeout = 1h}});
  fill(*this, pool, 1);
  BOOST_TEST_REQUIRE(until([&] { return bool(stolen); }));
  stolen.reset();
  BOOST_TEST(pool.stats().closed(close_reason::dropped) == 1u);
}

BOOST_FIXTURE_TEST_CASE(a_probe_under_way_does_not_hold_up_the_pools_end_beyond_its_timeout, loop) {
  server host(context);
  connection_pool pool(context, host.endpoint(),
                       {.probe = {.ask = ping, .interval = 1ms, .timeout = 10ms}});
  fill(*this, pool, 1);
  BOOST_TEST(until([&] { return pool.stats().probes == 1; }));
  std::optional<error_code> drained;
  pool.async_drain([&](error_code ec) { drained = ec; });
  BOOST_TEST(until([&] { return drained.has_value(); }));
  BOOST_TEST(*drained == error_code());
  BOOST_TEST(pool.stats().closed(close_reason::pool_closed) == 1u);
}
