// What a pool tells, and whether its figures add up.

#include "net/net_fixture.hpp"

#include <httpool/observer.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include <algorithm>
#include <random>
#include <sstream>
#include <stdexcept>

using namespace net_test;
using httpool::close_reason;
using httpool::connection_pool;
using httpool::error;
using httpool::lease;
using std::chrono::nanoseconds;

namespace {

/// Writes down what it is told.
struct diary : httpool::pool_observer {
  std::vector<std::string> lines;
  std::vector<httpool::pool_snapshot> snapshots;

  template <class... Words>
  void write(const Words&... words) {
    std::ostringstream line;
    (line << ... << words);
    lines.push_back(line.str());
  }
  void connection_made(std::uint64_t id, nanoseconds took) override {
    BOOST_TEST((took > 0ns));
    write("made ", id);
  }
  void dial_failed(error_code why, nanoseconds took) override {
    BOOST_TEST((took > 0ns));
    write("dial failed ", why.message().substr(0, why.message().find(':')));
  }
  void connection_closed(std::uint64_t id, close_reason why, std::uint64_t uses) override {
    write("closed ", id, " ", to_string(why), " after ", uses);
  }
  void acquire_granted(std::uint64_t id, nanoseconds wait, std::uint64_t uses) override {
    BOOST_TEST((wait >= 0ns));
    write("granted ", id, " use ", uses);
  }
  void acquire_failed(error_code why, nanoseconds wait,
                      const httpool::pool_snapshot& snapshot) override {
    BOOST_TEST((wait >= 0ns));
    write("failed ", why.message().substr(0, why.message().find(':')));
    snapshots.push_back(snapshot);
  }
  void probed(std::uint64_t id, bool good, nanoseconds took) override {
    BOOST_TEST((took > 0ns));
    write("probed ", id, good ? " good" : " bad");
  }
  void lease_overdue(const httpool::overdue_lease& late) override { write("overdue ", late.id); }
};

/// Throws at every occasion.
struct troublemaker : httpool::pool_observer {
  std::size_t calls = 0;
  [[noreturn]] void trouble() {
    ++calls;
    throw std::runtime_error("an observer's own affair");
  }
  void connection_made(std::uint64_t, nanoseconds) override { trouble(); }
  void dial_failed(error_code, nanoseconds) override { trouble(); }
  void connection_closed(std::uint64_t, close_reason, std::uint64_t) override { trouble(); }
  void acquire_granted(std::uint64_t, nanoseconds, std::uint64_t) override { trouble(); }
  void acquire_failed(error_code, nanoseconds, const httpool::pool_snapshot&) override {
    trouble();
  }
  void probed(std::uint64_t, bool, nanoseconds) override { trouble(); }
};

/// Calls the pool at every occasion.
struct meddler : httpool::pool_observer {
  connection_pool* pool = nullptr;
  std::size_t calls = 0;
  std::vector<lease> taken;
  void meddle() {
    const std::size_t call = ++calls; // calls of the pool from here come back here
    if (!pool || call > 100)
      return;
    check_sums(pool->stats());
    if (lease got = pool->try_acquire())
      taken.push_back(std::move(got));
    pool->async_acquire({.timeout = 0s}, [](error_code, lease l) { give_back(std::move(l)); });
    pool->prewarm(1);
    pool->set_limits({.max_connections = 3});
    taken.clear();
    if (call == 60)
      pool->close();
  }
  void connection_made(std::uint64_t, nanoseconds) override { meddle(); }
  void dial_failed(error_code, nanoseconds) override { meddle(); }
  void connection_closed(std::uint64_t, close_reason, std::uint64_t) override { meddle(); }
  void acquire_granted(std::uint64_t, nanoseconds, std::uint64_t) override { meddle(); }
  void acquire_failed(error_code, nanoseconds, const httpool::pool_snapshot&) override { meddle(); }
  void probed(std::uint64_t, bool, nanoseconds) override { meddle(); }
};

} // namespace

BOOST_FIXTURE_TEST_CASE(a_lease_that_lasts_is_reported_with_the_place_that_has_it, loop) {
  struct witness : httpool::pool_observer {
    std::vector<httpool::overdue_lease> told;
    void lease_overdue(const httpool::overdue_lease& one) override {
      told.push_back(one);
      throw std::runtime_error("an observer's own affair");
    }
  };
  server host(context);
  const auto log = std::make_shared<witness>();
  connection_pool pool(context, host.endpoint(), {.lease_warning = 1ms, .observer = log});
  std::vector<lease> held;
  const auto keep = [&](error_code ec, lease got) {
    BOOST_TEST(!ec);
    held.push_back(std::move(got));
  };
  const auto here = std::source_location::current();
  pool.async_acquire(keep);
  pool.async_acquire({.timeout = 5s}, keep);
  BOOST_REQUIRE(until([&] { return held.size() == 2 && log->told.size() == 2; }));
  give_back(std::move(held.back()));
  held.pop_back();
  settle();
  held.push_back(pool.try_acquire());
  BOOST_REQUIRE(held.back());
  BOOST_REQUIRE(until([&] { return log->told.size() == 3; }));
  for (unsigned i = 0; i != 3; ++i) {
    const httpool::overdue_lease& one = log->told[i];
    BOOST_TEST((one.held >= 1ms));
    BOOST_TEST(std::string(one.where.file_name()) == here.file_name());
    BOOST_TEST(std::string(one.where.function_name()) == here.function_name());
  }
  BOOST_TEST(log->told[0].where.line() == here.line() + 1);
  BOOST_TEST(log->told[1].where.line() == here.line() + 2);
  BOOST_TEST(log->told[2].where.line() == here.line() + 7);
  const auto listed = pool.overdue_leases();
  BOOST_TEST(listed.size() == 2u);
  BOOST_TEST((listed[0].held >= listed[1].held));
  BOOST_TEST(pool.stats().overdue == 2u);
  held.clear();
  BOOST_TEST(pool.overdue_leases().empty());
}

BOOST_FIXTURE_TEST_CASE(an_observer_is_told_of_each_event_in_order, loop) {
  server host(context);
  const auto log = std::make_shared<diary>();
  const auto expect = [&](std::vector<std::string> lines) {
    BOOST_TEST(log->lines == lines, boost::test_tools::per_element());
    log->lines.clear();
  };
  connection_pool pool(context, host.endpoint(),
                       {.max_connections = 1, .dial_backoff = 0s, .observer = log});
  give_back(leased(*this, pool));
  expect({"made 1", "granted 1 use 1"});
  lease held = leased(*this, pool);
  expect({"granted 1 use 2"});
  const call late = acquire(pool, {.timeout = 1ms});
  BOOST_TEST(until([&] { return late->is_done; }));
  expect({"failed acquire_timeout"});
  BOOST_TEST(log->snapshots.back().leased == 1u);
  BOOST_TEST(log->snapshots.back().total() == 1u);
  held.reset();
  expect({"closed 1 dropped after 2"});

  fill(*this, pool, 1);
  give_back(pool.try_acquire());
  expect({"made 2", "granted 2 use 1", "granted 2 use 2"});
  BOOST_TEST(until([&] { return host.accepted() == 2; }));
  host.last().close();
  held = leased(*this, pool);
  expect({"closed 2 peer_closed after 2", "made 3", "granted 3 use 1"});
  const auto again = std::make_shared<outcome>();
  pool.async_redial(std::move(held), {}, into(again));
  BOOST_TEST(until([&] { return again->is_done; }));
  expect({"closed 3 peer_closed after 1", "made 4", "granted 4 use 1"});
  again->lease.detach().close();
  expect({"closed 4 detached after 1"});

  host.stop();
  const call refused = acquire(pool);
  BOOST_TEST(until([&] { return refused->is_done; }));
  expect({"dial failed connection_refused", "failed connection_refused"});
  BOOST_TEST(log->snapshots.back().last_dial_error == error_code(error::connection_refused));
  pool.close();
  const call closed = acquire(pool);
  BOOST_TEST(until([&] { return closed->is_done; }));
  expect({"failed pool_closed"});
}

BOOST_FIXTURE_TEST_CASE(nobody_has_a_connection_before_the_observer_was_told_of_it, loop) {
  struct taster : httpool::pool_observer {
    connection_pool* pool = nullptr;
    std::size_t told = 0, had = 0;
    void connection_made(std::uint64_t, nanoseconds) override {
      ++told;
      had += bool(pool->try_acquire());
    }
  };
  server host(context);
  const auto log = std::make_shared<taster>();
  connection_pool pool(context, host.endpoint(), {.observer = log});
  log->pool = &pool;
  pool.prewarm(1);
  BOOST_TEST(until([&] { return pool.stats().idle == 1; }));
  BOOST_TEST(log->told == 1u);
  BOOST_TEST(log->had == 0u);
}

BOOST_FIXTURE_TEST_CASE(an_observer_is_told_of_probes, loop) {
  server host(context);
  const auto log = std::make_shared<diary>();
  bool is_good = true;
  httpool::pool_options options{.observer = log};
  options.probe.interval = 1ms;
  options.probe.ask = [&](lease&) -> asio::awaitable<bool> {
    co_return std::exchange(is_good, false);
  };
  connection_pool pool(context, host.endpoint(), options);
  fill(*this, pool, 1);
  BOOST_TEST(until([&] { return pool.stats().total() == 0; }));
  const std::vector<std::string> lines{"made 1", "granted 1 use 1", "probed 1 good", "probed 1 bad",
                                       "closed 1 probe_failed after 1"};
  BOOST_TEST(log->lines == lines, boost::test_tools::per_element());
}

BOOST_FIXTURE_TEST_CASE(scar_107_an_observer_that_throws_changes_nothing, loop) {
  server host(context);
  const auto log = std::make_shared<troublemaker>();
  httpool::pool_options options{.max_connections = 2, .observer = log};
  options.probe.interval = 1ms;
  options.probe.ask = [](lease&) -> asio::awaitable<bool> { co_return false; };
  connection_pool pool(context, host.endpoint(), options);
  fill(*this, pool, 2);
  BOOST_TEST(until([&] { return pool.stats().total() == 0; }));
  leased(*this, pool).reset();
  host.stop();
  const call refused = acquire(pool);
  BOOST_TEST(until([&] { return refused->is_done; }));
  BOOST_TEST(refused->error == error_code(error::connection_refused));
  BOOST_TEST(log->calls > 10u);
  BOOST_TEST(pool.stats().total() == 0u);
  check_sums(pool.stats());
}

BOOST_FIXTURE_TEST_CASE(an_observer_may_call_the_pool_even_to_close_it, loop) {
  server host(context);
  const auto log = std::make_shared<meddler>();
  connection_pool pool(context, host.endpoint(), {.max_connections = 3, .observer = log});
  log->pool = &pool;
  std::size_t done = 0;
  for (int i = 0; i != 30; ++i) {
    pool.async_acquire([&, i](error_code, lease got) {
      ++done;
      got.keep_alive(i % 3 != 0);
    });
  }
  BOOST_TEST(until([&] { return done == 30 && log->calls >= 60; }));
  log->pool = nullptr;
  settle();
  BOOST_TEST(pool.stats().total() == 0u);
  check_sums(pool.stats());
}

// Figures -----------------------------------------------------------------------------------------

BOOST_FIXTURE_TEST_CASE(utilisation_and_waits_are_measured, loop) {
  server host(context);
  connection_pool pool(context, host.endpoint(), {.max_connections = 2});
  BOOST_TEST(pool.stats().utilisation() == 0.0);
  lease a = leased(*this, pool), b = leased(*this, pool);
  const call waiter = acquire(pool);
  const auto passed = now() + 5ms;
  BOOST_TEST(until([&] { return now() > passed; }));
  auto s = pool.stats();
  BOOST_TEST(s.utilisation() == 1.0);
  BOOST_TEST((s.leased_time >= 10ms));
  BOOST_TEST(s.mean_utilisation() > 0.0);
  BOOST_TEST(s.mean_utilisation() <= 1.0);
  BOOST_TEST(s.peak_waiting == 1u);
  give_back(std::move(a));
  BOOST_TEST(until([&] { return waiter->is_done; }));
  give_back(std::move(waiter->lease));
  b.reset();
  s = pool.stats();
  BOOST_TEST((s.max_wait >= 5ms));
  BOOST_TEST((s.wait_time >= s.max_wait));
  BOOST_TEST((s.age >= 5ms));
  BOOST_TEST(s.peak_leased == 2u);
  BOOST_TEST(s.peak_total == 2u);
  BOOST_TEST(s.reuse_ratio() == 1.0 / 3);
  BOOST_TEST(s.closed(close_reason::dropped) == 1u);
  const auto leased_time = s.leased_time;
  settle();
  BOOST_TEST((pool.stats().leased_time == leased_time)); // nothing is leased
}

BOOST_FIXTURE_TEST_CASE(figures_add_up_at_every_moment_of_a_random_load, loop) {
  server host(context, true);
  const auto log = std::make_shared<diary>();
  std::mt19937 random(20240501);
  const auto chance = [&](unsigned in) { return random() % in == 0; };
  httpool::pool_options options{.max_connections = 4, .max_waiters = 8, .observer = log};
  options.max_uses = 5;
  options.dial_backoff = 0s;
  options.prepare = [&](tcp::socket&) -> asio::awaitable<void> {
    if (chance(8))
      throw std::runtime_error("one in eight");
    co_return;
  };
  connection_pool pool(context, host.endpoint(), options);
  std::vector<std::pair<call, std::unique_ptr<asio::cancellation_signal>>> calls;
  std::vector<lease> leases;
  std::size_t asked = 0, answered = 0;
  for (int step = 0; step != 4000; ++step) {
    switch (random() % 8) {
    case 0:
    case 1: {
      auto signal = std::make_unique<asio::cancellation_signal>();
      const auto result = std::make_shared<outcome>();
      const nanoseconds timeout = chance(4) ? 0ns : chance(4) ? 50us : 1h;
      pool.async_acquire({.timeout = timeout},
                         asio::bind_cancellation_slot(signal->slot(), into(result)));
      calls.emplace_back(result, std::move(signal));
      ++asked;
      break;
    }
    case 2:
      if (!calls.empty())
        calls[random() % calls.size()].second->emit(asio::cancellation_type::total);
      break;
    case 3:
      if (lease got = pool.try_acquire())
        leases.push_back(std::move(got));
      break;
    case 4:
      if (!leases.empty()) {
        std::swap(leases[random() % leases.size()], leases.back());
        leases.back().keep_alive(!chance(4));
        if (chance(10))
          leases.back().detach().close();
        leases.pop_back();
      }
      break;
    case 5:
      if (host.accepted() > 0 && chance(4)) {
        error_code ignored;
        host.last().socket.shutdown(tcp::socket::shutdown_both, ignored);
      }
      break;
    default:
      context.restart();
      context.poll_one();
    }
    for (auto i = calls.begin(); i != calls.end();) {
      if (!i->first->is_done) {
        ++i;
        continue;
      }
      ++answered;
      if (i->first->lease)
        leases.push_back(std::move(i->first->lease));
      i = calls.erase(i);
    }
    const auto s = pool.stats();
    check_sums(s);
    BOOST_TEST_REQUIRE(s.total() <= 4u);
    BOOST_TEST_REQUIRE(s.waiting <= 12u);
  }
  leases.clear();
  pool.close();
  BOOST_TEST(until([&] {
    answered += std::erase_if(calls, [](const auto& c) { return c.first->is_done; });
    return calls.empty();
  }));
  BOOST_TEST(until([&] { return pool.stats().total() == 0; }));
  const auto s = pool.stats();
  check_sums(s);
  BOOST_TEST(answered == asked);
  const auto count = [&](const char* word) {
    return static_cast<std::uint64_t>(
        std::count_if(log->lines.begin(), log->lines.end(),
                      [&](const std::string& line) { return line.starts_with(word); }));
  };
  BOOST_TEST(count("made ") == s.made);
  BOOST_TEST(count("closed ") == s.closed());
  BOOST_TEST(count("granted ") == s.granted);
  BOOST_TEST(count("dial failed ") == s.dials_failed);
  BOOST_TEST(count("failed ") == s.timed_out + s.cancelled + s.failed + s.refused);
}
