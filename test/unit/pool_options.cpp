#include <httpool/connection_pool.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/test/unit_test.hpp>

#include <limits>
#include <stdexcept>
#include <string>

using httpool::connection_pool;
using httpool::pool_options;
using namespace std::chrono_literals;

namespace {

constexpr auto for_ever = std::chrono::nanoseconds::max();
constexpr auto before_ever = std::chrono::nanoseconds::min();

/// Expects that a pool refuses these options, and says why.
template <class Change>
void refuses(const std::string& field, const std::string& value, Change change) {
  boost::asio::io_context context;
  pool_options options;
  change(options);
  BOOST_CHECK_EXCEPTION(
      connection_pool(context, "localhost", 80, options), std::invalid_argument,
      [&](const std::invalid_argument& e) {
        const std::string what = e.what();
        BOOST_TEST(what.find(" " + field + " is " + value + ",") != std::string::npos, what);
        return true;
      });
}

template <class Change>
void accepts(Change change) {
  boost::asio::io_context context;
  pool_options options;
  change(options);
  BOOST_CHECK_NO_THROW(connection_pool(context, "localhost", 80, options));
}

} // namespace

BOOST_AUTO_TEST_CASE(the_defaults_are_those_that_are_documented) {
  const pool_options o;
  BOOST_TEST(o.max_connections == 64u);
  BOOST_TEST(o.max_waiters == 1024u);
  BOOST_TEST(o.min_idle == 0u);
  BOOST_TEST(o.max_dials == 8u);
  BOOST_TEST((o.acquire_timeout == 5s));
  BOOST_TEST((o.dial_timeout == 10s));
  BOOST_TEST((o.dial_backoff == 100ms));
  BOOST_TEST((o.max_dial_backoff == 10s));
  BOOST_TEST((o.idle_timeout == 30s));
  BOOST_TEST((o.max_lifetime == 10min));
  BOOST_TEST(o.max_uses == 0u);
  BOOST_TEST(!o.probe.ask);
  BOOST_TEST(!o.prepare);
  BOOST_TEST(!o.observer);
  accepts([](pool_options&) {});
}

BOOST_AUTO_TEST_CASE(a_nonsense_value_is_refused_by_field_and_value) {
  refuses("max_connections", "0", [](pool_options& o) { o.max_connections = 0; });
  refuses("max_dials", "0", [](pool_options& o) { o.max_dials = 0; });
  refuses("min_idle", "65", [](pool_options& o) { o.min_idle = 65; });
  refuses("acquire_timeout", "-1 ns", [](pool_options& o) { o.acquire_timeout = -1ns; });
  refuses("dial_timeout", "0 ns", [](pool_options& o) { o.dial_timeout = 0s; });
  refuses("dial_timeout", "-1000000 ns", [](pool_options& o) { o.dial_timeout = -1ms; });
  refuses("dial_backoff", "-1 ns", [](pool_options& o) { o.dial_backoff = -1ns; });
  refuses("max_dial_backoff", "99000000 ns", [](pool_options& o) { o.max_dial_backoff = 99ms; });
  refuses("idle_timeout", "0 ns", [](pool_options& o) { o.idle_timeout = 0s; });
  refuses("idle_timeout", std::to_string(before_ever.count()) + " ns",
          [](pool_options& o) { o.idle_timeout = before_ever; });
  refuses("max_lifetime", "0 ns", [](pool_options& o) { o.max_lifetime = 0s; });
  refuses("lease_warning", "0 ns", [](pool_options& o) { o.lease_warning = 0s; });
  refuses("probe.interval", "0 ns", [](pool_options& o) { o.probe.interval = 0s; });
  refuses("probe.timeout", "-5 ns", [](pool_options& o) { o.probe.timeout = -5ns; });
}

BOOST_AUTO_TEST_CASE(extremes_that_make_sense_are_accepted) {
  constexpr auto most = std::numeric_limits<std::size_t>::max();
  accepts([](pool_options& o) { o.max_connections = 1; });
  accepts([](pool_options& o) { o.max_connections = most; });
  accepts([](pool_options& o) { o.max_waiters = 0; });
  accepts([](pool_options& o) { o.max_waiters = most; });
  accepts([](pool_options& o) { o.max_dials = most; });
  accepts([](pool_options& o) { o.acquire_timeout = 0s; });
  accepts([](pool_options& o) { o.acquire_timeout = for_ever; });
  accepts([](pool_options& o) { o.dial_timeout = 1ns; });
  accepts([](pool_options& o) { o.dial_timeout = for_ever; });
  accepts([](pool_options& o) { o.dial_backoff = 0s; });
  accepts([](pool_options& o) { o.dial_backoff = o.max_dial_backoff = 0s; });
  accepts([](pool_options& o) { o.dial_backoff = o.max_dial_backoff = for_ever; });
  accepts([](pool_options& o) { o.idle_timeout = 1ns; });
  accepts([](pool_options& o) { o.idle_timeout = for_ever; });
  accepts([](pool_options& o) { o.max_lifetime = 1ns; });
  accepts([](pool_options& o) { o.max_lifetime = for_ever; });
  accepts([](pool_options& o) { o.max_uses = std::numeric_limits<std::uint64_t>::max(); });
  accepts([](pool_options& o) { o.probe.interval = o.probe.timeout = for_ever; });
}

BOOST_AUTO_TEST_CASE(new_limits_are_checked_like_options_and_change_nothing_when_refused) {
  boost::asio::io_context context;
  connection_pool pool(context, "localhost", 80, {.max_connections = 3});
  BOOST_CHECK_THROW(pool.set_limits({.max_connections = 0}), std::invalid_argument);
  BOOST_CHECK_THROW(pool.set_limits({.max_connections = 2, .min_idle = 3}), std::invalid_argument);
  BOOST_CHECK_THROW(pool.set_limits({.max_dials = 0}), std::invalid_argument);
  BOOST_TEST(pool.stats().max_connections == 3u);
  pool.set_limits({.max_connections = 5});
  BOOST_TEST(pool.stats().max_connections == 5u);
}

BOOST_AUTO_TEST_CASE(a_host_that_names_nothing_is_refused) {
  boost::asio::io_context context;
  const auto refuses_host = [&](const std::string& host, const std::string& shown) {
    BOOST_CHECK_EXCEPTION(
        connection_pool(context, host, 80), std::invalid_argument,
        [&](const std::invalid_argument& e) {
          const std::string what = e.what();
          BOOST_TEST(what.find(" host is \"" + shown + "\",") != std::string::npos, what);
          return true;
        });
  };
  refuses_host("", "");
  refuses_host(std::string("evil\0.example", 13), "evil\\0.example");
  refuses_host("a.test HTTP/1.1\r\nA: b", "a.test HTTP/1.1\r\nA: b");
  refuses_host("a.test:443", "a.test:443");
  refuses_host(".a.test", ".a.test");
  refuses_host("a b", "a b");
  for (const char* host : {"a.test", "A.test.", "[::1]", "::1", "fe80::1%eth0", "127.1", "a_b"})
    BOOST_CHECK_NO_THROW(connection_pool(context, host, 80));
}

BOOST_AUTO_TEST_CASE(an_empty_executor_is_refused) {
  namespace asio = boost::asio;
  const auto is_named = [](const std::invalid_argument& e) {
    return std::string(e.what()).starts_with("httpool: executor is empty, but ");
  };
  const asio::any_io_executor none;
  BOOST_CHECK_EXCEPTION(connection_pool(none, "localhost", 80), std::invalid_argument, is_named);
  BOOST_CHECK_EXCEPTION(connection_pool(none, asio::ip::tcp::endpoint()), std::invalid_argument,
                        is_named);
  BOOST_CHECK_EXCEPTION(connection_pool(none, asio::local::stream_protocol::endpoint("/a")),
                        std::invalid_argument, is_named);
}
