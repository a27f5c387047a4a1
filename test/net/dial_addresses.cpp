// Dials to a name that has several addresses, some of them dead or silent.

#include "dial/connect_to_any.hpp"
#include "net/net_fixture.hpp"
#include "pool/core.hpp"

#include <boost/asio/async_result.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/strand.hpp>
#include <boost/system/system_error.hpp>

#include <exception>

using namespace net_test;
using httpool::error;
using httpool::lease;
using httpool::detail::dialer;
using httpool::detail::pool_core;

namespace {

constexpr auto for_ever = std::chrono::nanoseconds::max() / 4;

/// What `connect_to_any` ends with.
struct attempt {
  std::optional<error_code> error;
  tcp::endpoint met;
};

attempt connect(loop& run, std::vector<tcp::endpoint> endpoints, std::chrono::nanoseconds length) {
  tcp::socket socket(run.context);
  attempt result;
  asio::co_spawn(asio::make_strand(run.context),
                 httpool::detail::connect_to_any(socket, std::move(endpoints), now() + length),
                 [&](std::exception_ptr failure, tcp::endpoint met) {
                   result.met = met;
                   try {
                     if (failure)
                       std::rethrow_exception(failure);
                     result.error.emplace();
                   } catch (const boost::system::system_error& e) {
                     result.error = e.code();
                   }
                 });
  BOOST_TEST_REQUIRE(run.until([&] { return result.error.has_value(); }));
  if (!*result.error)
    BOOST_TEST(socket.remote_endpoint() == result.met);
  return result;
}

error_code error_of(const attempt& a) {
  return *a.error;
}

/// A pool for a name that resolves to what the test says.
struct named_pool {
  named_pool(loop& run, std::vector<tcp::endpoint> found, httpool::pool_options options = {})
      : endpoints(std::move(found)),
        core(pool_core::create(run.context.get_executor(),
                               dialer::host_and_port{"name.test", 80,
                                                     [this](std::string host, std::uint16_t port) {
                                                       return look_up(std::move(host), port);
                                                     }},
                               std::move(options))) {}
  named_pool(const named_pool&) = delete;
  named_pool& operator=(const named_pool&) = delete;
  ~named_pool() { core->close(); }

  asio::awaitable<std::vector<tcp::endpoint>> look_up(std::string host, std::uint16_t port) {
    BOOST_TEST(host == "name.test");
    BOOST_TEST(port == 80);
    co_return endpoints;
  }

  call acquire(httpool::acquire_options options = {}) {
    const auto result = std::make_shared<outcome>();
    auto handler = into(result);
    asio::async_initiate<decltype(handler), void(error_code, lease)>(
        httpool::detail::initiate_acquire{core}, handler, options);
    return result;
  }

  std::vector<tcp::endpoint> endpoints;
  std::shared_ptr<pool_core> core;
};

/// Where a new connection goes.
tcp::endpoint dialed(loop& run, named_pool& pool) {
  const call result = pool.acquire();
  BOOST_TEST_REQUIRE(run.until([&] { return result->is_done; }));
  BOOST_TEST_REQUIRE(result->error == error_code());
  return result->lease.socket().remote_endpoint();
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
  BOOST_TEST(dialed(*this, pool) == host.endpoint());
}
