// Dials to a name that has several addresses, some of them dead or silent.

#include "dial/connect_to_any.hpp"
#include "dial/endpoint_memory.hpp"
#include "net/net_fixture.hpp"
#include "pool/core.hpp"

#include <boost/asio/async_result.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/strand.hpp>
#include <boost/system/system_error.hpp>

#include <exception>
#include <functional>

#include <sys/resource.h>

using namespace net_test;
using httpool::error;
using httpool::lease;
using httpool::detail::dialer;
using httpool::detail::endpoint_memory;
using httpool::detail::pool_core;
using httpool::detail::time_point;

namespace {

constexpr auto for_ever = std::chrono::nanoseconds::max() / 4;

/// What `connect_to_any` ends with.
struct attempt {
  std::optional<error_code> error;
  tcp::endpoint met;
};

/// Connects; `meanwhile` runs until that is through.
attempt connect(
    loop& run, std::vector<tcp::endpoint> endpoints, std::chrono::nanoseconds length,
    std::function<void(endpoint_memory&)> meanwhile = [](endpoint_memory&) {}) {
  tcp::socket socket(run.context);
  endpoint_memory memory;
  attempt result;
  asio::co_spawn(
      asio::make_strand(run.context),
      httpool::detail::connect_to_any(socket, std::move(endpoints), now() + length, memory),
      [&](std::exception_ptr failure, httpool::detail::reached got) {
        result.met = got.endpoint;
        try {
          if (failure)
            std::rethrow_exception(failure);
          result.error.emplace();
        } catch (const boost::system::system_error& e) {
          result.error = e.code();
        }
      });
  BOOST_TEST_REQUIRE(run.until([&] {
    meanwhile(memory);
    return result.error.has_value();
  }));
  if (!*result.error)
    BOOST_TEST(socket.remote_endpoint() == result.met);
  return result;
}

error_code error_of(const attempt& a) {
  return *a.error;
}

asio::awaitable<std::vector<tcp::endpoint>> resolved(std::vector<tcp::endpoint> endpoints) {
  co_return endpoints;
}

/// A `prepare` hook for peers that say hello.
asio::awaitable<void> read_greeting(tcp::socket& socket) {
  std::string word(5, ' ');
  co_await asio::async_read(socket, asio::buffer(word), asio::use_awaitable);
}

/// A pool for a name that resolves to what the test says.
struct named_pool {
  named_pool(loop& run, std::vector<tcp::endpoint> found, httpool::pool_options options = {})
      : endpoints(std::move(found)) {
    const auto look_up = [this](const std::string& host, std::uint16_t port) {
      BOOST_TEST(host == "name.test");
      BOOST_TEST(port == 80);
      return resolved(endpoints);
    };
    core = pool_core::create(run.context.get_executor(),
                             dialer::host_and_port{"name.test", 80, look_up}, std::move(options));
  }
  named_pool(const named_pool&) = delete;
  named_pool& operator=(const named_pool&) = delete;
  ~named_pool() { core->close(); }

  call acquire(httpool::acquire_options options = {}) {
    const auto result = std::make_shared<outcome>();
    auto handler = into(result);
    asio::async_initiate<decltype(handler), void(error_code, lease)>(
        httpool::detail::initiate_acquire{core}, handler, options);
    return result;
  }

  call redial(lease dead) {
    const auto result = std::make_shared<outcome>();
    auto handler = into(result);
    asio::async_initiate<decltype(handler), void(error_code, lease)>(
        httpool::detail::initiate_redial{core}, handler, std::move(dead),
        httpool::acquire_options());
    return result;
  }

  std::vector<tcp::endpoint> endpoints;
  std::shared_ptr<pool_core> core;
};

/// Makes a new connection.
lease dialed(loop& run, named_pool& pool) {
  const call result = pool.acquire();
  BOOST_TEST_REQUIRE(run.until([&] { return result->is_done; }));
  BOOST_TEST_REQUIRE(result->error == error_code());
  return std::move(result->lease);
}

/// Where a new connection leads to.
tcp::endpoint whereto(loop& run, named_pool& pool) {
  return dialed(run, pool).socket().remote_endpoint();
}

error_code why_not(loop& run, named_pool& pool, lease dead = {}) {
  const call result = dead ? pool.redial(std::move(dead)) : pool.acquire();
  BOOST_TEST_REQUIRE(run.until([&] { return result->is_done; }));
  return result->error;
}

} // namespace

// Two rounds --------------------------------------------------------------------------------------

BOOST_FIXTURE_TEST_CASE(endpoints_that_refuse_cost_no_time, loop) {
  server host(context);
  const refusing_port nobody(context);
  const auto good = host.endpoint(), dead = nobody.endpoint();
  BOOST_TEST(connect(*this, {good}, for_ever).met == good);
  BOOST_TEST(connect(*this, {dead, dead, good}, for_ever).met == good);
  BOOST_TEST(error_of(connect(*this, {dead, dead}, for_ever)) ==
             error_code(error::connection_refused));
}

BOOST_FIXTURE_TEST_CASE(endpoints_that_are_silent_hold_the_others_up_for_250_ms_each, loop) {
  server host(context);
  const silent_port silence(context);
  const auto good = host.endpoint(), mute = silence.endpoint();
  const auto began = now(); // with a share of for ever, the test would not end
  BOOST_TEST(connect(*this, {mute, mute, good}, for_ever).met == good);
  BOOST_TEST((now() - began >= 500ms));
}

BOOST_FIXTURE_TEST_CASE(the_deadline_ends_all_attempts, loop) {
  const refusing_port nobody(context);
  const silent_port silence(context);
  const auto dead = nobody.endpoint(), mute = silence.endpoint();
  const auto fails_late = [&](std::vector<tcp::endpoint> endpoints, std::chrono::milliseconds t) {
    const auto began = now();
    BOOST_TEST(error_of(connect(*this, std::move(endpoints), t)) ==
               error_code(error::dial_timeout));
    BOOST_TEST((now() - began >= t));
  };
  fails_late({mute}, 20ms);
  fails_late({mute, dead}, 20ms); // there is no time for the second
  fails_late({dead, mute}, 400ms);
  fails_late({mute, dead}, 400ms);
  fails_late({mute, mute}, 600ms);
}

BOOST_FIXTURE_TEST_CASE(scar_46_a_black_hole_in_front_does_not_fail_a_caller_in_a_hurry, loop) {
  server host(context);
  const silent_port silence(context);
  named_pool pool(*this, {silence.endpoint(), host.endpoint()},
                  {.acquire_timeout = patience, .dial_timeout = 100 * patience});
  BOOST_TEST(whereto(*this, pool) == host.endpoint());
}

BOOST_FIXTURE_TEST_CASE(an_endpoint_that_is_only_slow_has_the_time_left_in_the_second_round, loop) {
  silent_port slow(context);
  const silent_port silence(context);
  const auto late = slow.endpoint(), mute = silence.endpoint();
  const auto answers_when_given_up = [&](endpoint_memory& memory) {
    if (memory.order({late, mute}, now()).front() == mute && !slow.answers())
      slow.answer();
  };
  BOOST_TEST(connect(*this, {late, mute}, for_ever, answers_when_given_up).met == late);
  BOOST_TEST(slow.answers());
}

// Memory ------------------------------------------------------------------------------------------

BOOST_FIXTURE_TEST_CASE(dials_go_to_the_first_address_that_serves, loop) {
  server first(context), second(context);
  named_pool pool(*this, {first.endpoint(), second.endpoint()});
  for (int i = 0; i != 3; ++i)
    BOOST_TEST(whereto(*this, pool) == first.endpoint());
  pool.endpoints = {second.endpoint(), first.endpoint()};
  BOOST_TEST(whereto(*this, pool) == second.endpoint());
}

BOOST_FIXTURE_TEST_CASE(an_address_that_refused_is_tried_last_for_a_while, loop) {
  server first(context), second(context);
  named_pool pool(*this, {first.endpoint(), second.endpoint()});
  first.stop();
  BOOST_TEST(whereto(*this, pool) == second.endpoint());
  first.start();
  BOOST_TEST(whereto(*this, pool) == second.endpoint());
  second.stop();
  BOOST_TEST(whereto(*this, pool) == first.endpoint());
  second.start();
  BOOST_TEST(whereto(*this, pool) == first.endpoint());
}

BOOST_FIXTURE_TEST_CASE(a_lease_tells_that_its_endpoint_did_not_serve, loop) {
  server first(context), second(context);
  named_pool pool(*this, {first.endpoint(), second.endpoint()});
  lease got = dialed(*this, pool);
  BOOST_TEST(got.socket().remote_endpoint() == first.endpoint());
  got.avoid_endpoint();
  BOOST_TEST(whereto(*this, pool) == second.endpoint());
  lease other = dialed(*this, pool);
  other.avoid_endpoint();
  BOOST_TEST(whereto(*this, pool) == first.endpoint());
}

BOOST_FIXTURE_TEST_CASE(an_address_whose_connection_fails_its_probe_is_tried_last, loop) {
  server first(context), second(context);
  named_pool pool(*this, {first.endpoint(), second.endpoint()},
                  {.probe = {.ask = [](lease&) -> asio::awaitable<bool> { co_return false; },
                             .interval = 1ms}});
  give_back(dialed(*this, pool));
  BOOST_TEST(until([&] { return pool.core->stats().total() == 0; }));
  BOOST_TEST(whereto(*this, pool) == second.endpoint());
}

BOOST_FIXTURE_TEST_CASE(an_address_whose_peer_hangs_up_or_speaks_at_once_is_tried_last, loop) {
  for (const bool speaks : {true, false}) {
    server first(context), second(context);
    first.on_accept = [&](peer& p) { speaks ? p.say("hello!") : p.close(); };
    second.on_accept = [](peer& p) { p.say("hello"); };
    named_pool pool(
        *this, {first.endpoint(), second.endpoint()},
        {.dial_backoff = 0s, .prepare = [](tcp::socket& socket) { return read_greeting(socket); }});
    BOOST_TEST(why_not(*this, pool) != error_code());
    BOOST_TEST(first.accepted() == 1u);
    BOOST_TEST(whereto(*this, pool) == second.endpoint());
  }
}

BOOST_FIXTURE_TEST_CASE(an_address_whose_peer_is_mute_until_the_deadline_is_tried_last, loop) {
  server first(context), second(context);
  second.on_accept = [](peer& p) { p.say("hello"); };
  const auto both = [&](std::string, std::uint16_t) {
    return resolved({first.endpoint(), second.endpoint()});
  };
  dialer to(dialer::host_and_port{"name.test", 80, both},
            {.prepare = [](tcp::socket& socket) { return read_greeting(socket); }});
  asio::cancellation_signal give_up;
  const auto dial = [&](time_point deadline) {
    tcp::socket socket(context);
    httpool::stream made(socket);
    httpool::detail::dial_steps steps;
    std::optional<tcp::endpoint> met;
    const auto on_end = [&](std::exception_ptr, tcp::endpoint at) { met = at; };
    asio::co_spawn(asio::make_strand(context), to.dial(made, deadline, steps),
                   asio::bind_cancellation_slot(give_up.slot(), on_end));
    BOOST_TEST_REQUIRE(until([&] { return met || (first.accepted() == 1 && now() >= deadline); }));
    if (!met)
      give_up.emit(asio::cancellation_type::terminal);
    BOOST_TEST_REQUIRE(until([&] { return met.has_value(); }));
    return *met;
  };
  BOOST_TEST(dial(now() + 20ms) == tcp::endpoint());
  BOOST_TEST(dial(now() + for_ever) == second.endpoint());
}

BOOST_FIXTURE_TEST_CASE(a_dial_knows_its_deadline_be_it_a_callers_or_a_retrys, loop) {
  server first(context), second(context);
  std::size_t greetings = 0;
  first.on_accept = [&](peer& p) {
    if (first.accepted() <= greetings)
      p.say("hello");
  };
  second.on_accept = [](peer& p) { p.say("hello"); };
  for (const bool is_retry : {false, true}) {
    std::optional<named_pool> pool;
    lease dead;
    do { // until there is something to retry, for which the time may not suffice either
      pool.emplace(*this, std::vector{first.endpoint(), second.endpoint()},
                   httpool::pool_options{
                       .dial_timeout = 20ms, .dial_backoff = 0s, .prepare = read_greeting});
      if (!is_retry)
        break;
      greetings = first.accepted() + 1;
      const call result = pool->acquire();
      BOOST_TEST_REQUIRE(until([&] { return result->is_done; }));
      dead = std::move(result->lease);
    } while (!dead || dead.socket().remote_endpoint() != first.endpoint());
    BOOST_TEST(why_not(*this, *pool, std::move(dead)) == error_code(error::dial_timeout));
    settle();
    const std::size_t tried = first.accepted();
    const call next = pool->acquire(); // whose time may not suffice for the second either
    BOOST_TEST_REQUIRE(until([&] { return next->is_done; }));
    BOOST_TEST(first.accepted() == tried);
    BOOST_TEST((next->error || next->lease.socket().remote_endpoint() == second.endpoint()));
  }
}

BOOST_FIXTURE_TEST_CASE(a_lack_of_this_process_says_nothing_of_an_address, loop) {
  server first(context), second(context);
  named_pool pool(*this, {first.endpoint(), second.endpoint()}, {.dial_backoff = 0s});
  BOOST_TEST(whereto(*this, pool) == first.endpoint());
  rlimit before = {}, none = {};
  getrlimit(RLIMIT_NOFILE, &before);
  none = before;
  none.rlim_cur = 3;
  setrlimit(RLIMIT_NOFILE, &none);
  const error_code seen = why_not(*this, pool);
  setrlimit(RLIMIT_NOFILE, &before);
  BOOST_TEST(seen == error_code(asio::error::no_descriptors));
  BOOST_TEST(whereto(*this, pool) == first.endpoint());
}
