// How connections are made: where to, how far, and what is done on each.

#include "dial/connect_to_any.hpp"
#include "net/net_fixture.hpp"
#include "net/shelf.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/ip/address_v6.hpp>
#include <boost/asio/read.hpp>
#include <boost/system/system_error.hpp>

#include <stdexcept>

#include <netinet/tcp.h>

using namespace net_test;
using boost::system::system_error;
using httpool::connection_pool;
using httpool::error;
using httpool::lease;

// Where to ----------------------------------------------------------------------------------------

BOOST_FIXTURE_TEST_CASE(a_host_may_be_a_name_or_an_address_with_or_without_brackets, loop) {
  server host(context);
  for (const char* name : {"localhost", "127.0.0.1", "[127.0.0.1]"}) {
    connection_pool pool(context, name, host.endpoint().port());
    BOOST_TEST(bool(leased(*this, pool)), name);
  }
  error_code no_v6;
  tcp::acceptor v6(context);
  v6.open(tcp::v6(), no_v6);
  if (!no_v6)
    v6.bind(tcp::endpoint(asio::ip::address_v6::loopback(), 0), no_v6);
  if (no_v6) {
    BOOST_TEST_MESSAGE("this machine has no IPv6 loopback");
    return;
  }
  v6.listen();
  for (const char* name : {"::1", "[::1]"}) {
    connection_pool pool(context, name, v6.local_endpoint().port());
    lease got = leased(*this, pool);
    BOOST_TEST(got.socket().remote_endpoint().address().is_v6(), name);
  }
}

BOOST_FIXTURE_TEST_CASE(a_new_connection_has_no_delay_and_is_kept_alive, loop) {
  server host(context);
  connection_pool pool(context, host.endpoint());
  lease got = leased(*this, pool);
  tcp::no_delay no_delay;
  got.socket().get_option(no_delay);
  BOOST_TEST(no_delay.value());
  asio::socket_base::keep_alive keep_alive;
  got.socket().get_option(keep_alive);
  BOOST_TEST(keep_alive.value());
  for (const auto& [option, expected] :
       {std::pair(TCP_KEEPIDLE, 15), std::pair(TCP_KEEPINTVL, 15), std::pair(TCP_KEEPCNT, 3)}) {
    int value = 0;
    socklen_t size = sizeof value;
    getsockopt(got.socket().native_handle(), IPPROTO_TCP, option, &value, &size);
    BOOST_TEST(value == expected);
  }
}

BOOST_FIXTURE_TEST_CASE(each_cause_of_a_failed_dial_has_its_own_error, loop) {
  const refusing_port nobody(context);
  connection_pool refused(context, nobody.endpoint());
  BOOST_TEST(failed(*this, refused) == error_code(error::connection_refused));
  BOOST_TEST(refused.stats().last_dial_error == error_code(error::connection_refused));

  const silent_port silence(context);
  connection_pool silent(context, silence.endpoint(), {.dial_timeout = 20ms});
  const auto began = now();
  BOOST_TEST(failed(*this, silent) == error_code(error::dial_timeout));
  BOOST_TEST((now() - began >= 20ms));

  connection_pool nowhere(context, "nowhere.invalid", 80,
                          {.acquire_timeout = 40s, .dial_timeout = 30s});
  const error_code unknown = failed(*this, nowhere);
  if (unknown == error::dial_timeout)
    BOOST_TEST_MESSAGE("the resolver of this machine does not answer");
  else
    BOOST_TEST(unknown == error_code(error::name_not_found));
}

BOOST_FIXTURE_TEST_CASE(a_socket_that_met_itself_is_no_connection, loop) {
  tcp::socket lonely(context, tcp::v4());
  lonely.bind(tcp::endpoint(asio::ip::address_v4::loopback(), 0));
  lonely.connect(lonely.local_endpoint());
  BOOST_TEST(httpool::detail::is_its_own_peer(lonely));
  const server host(context);
  tcp::socket met(context);
  BOOST_TEST(!httpool::detail::is_its_own_peer(met));
  met.connect(host.endpoint());
  BOOST_TEST(!httpool::detail::is_its_own_peer(met));
}

// Prepare -----------------------------------------------------------------------------------------

BOOST_FIXTURE_TEST_CASE(prepare_runs_once_on_each_new_connection_and_may_read_a_greeting, loop) {
  server host(context);
  host.on_accept = [](peer& p) { p.say("hello"); };
  std::string greeting;
  int prepared = 0;
  connection_pool pool(context, host.endpoint(),
                       {.prepare = [&](tcp::socket& socket) -> asio::awaitable<void> {
                         std::string word(5, ' ');
                         co_await asio::async_read(socket, asio::buffer(word), asio::use_awaitable);
                         greeting = word;
                         ++prepared;
                       }});
  give_back(leased(*this, pool));
  give_back(leased(*this, pool));
  BOOST_TEST(greeting == "hello");
  BOOST_TEST(prepared == 1);
}

BOOST_FIXTURE_TEST_CASE(scar_107_what_prepare_throws_fails_the_dial_and_loses_no_place, loop) {
  server host(context);
  int round = 0;
  connection_pool pool(context, host.endpoint(),
                       {.max_connections = 1,
                        .dial_backoff = 0s,
                        .prepare = [&](tcp::socket&) -> asio::awaitable<void> {
                          switch (++round) {
                          case 1:
                            throw std::logic_error("not in a coroutine");
                          case 2:
                            return [](tcp::endpoint) -> asio::awaitable<void> {
                              throw system_error(asio::error::no_protocol_option);
                              co_return;
                            }({});
                          case 3:
                            return [](tcp::endpoint) -> asio::awaitable<void> {
                              throw 7;
                              co_return;
                            }({});
                          case 4:
                            throw system_error(error_code(), "with a code that is none");
                          default:
                            return [](tcp::endpoint) -> asio::awaitable<void> { co_return; }({});
                          }
                        }});
  BOOST_TEST(failed(*this, pool) == error_code(error::prepare_failed));
  BOOST_TEST(failed(*this, pool) == error_code(asio::error::no_protocol_option));
  BOOST_TEST(failed(*this, pool) == error_code(error::prepare_failed));
  BOOST_TEST(failed(*this, pool) == error_code(error::prepare_failed));
  BOOST_TEST(bool(leased(*this, pool)));
  BOOST_TEST(pool.stats().last_dial_error == error_code());
  BOOST_TEST(pool.stats().dials_failed == 4u);
  check_sums(pool.stats());
}

BOOST_FIXTURE_TEST_CASE(scar_10_a_dial_that_hangs_ends_at_its_deadline_even_without_its_caller,
                        loop) {
  server host(context);
  gate door(context);
  connection_pool pool(context, host.endpoint(),
                       {.max_connections = 1, .dial_timeout = 20ms, .prepare = door.hook()});
  asio::cancellation_signal signal;
  const auto gone = std::make_shared<outcome>();
  pool.async_acquire(asio::bind_cancellation_slot(signal.slot(), into(gone)));
  signal.emit(asio::cancellation_type::total);
  BOOST_TEST(until([&] { return gone->is_done; }));
  BOOST_TEST(pool.stats().dialing == 1u);
  BOOST_TEST(until([&] { return pool.stats().dialing == 0; }));
  BOOST_TEST(pool.stats().last_dial_error == error_code(error::dial_timeout));
  BOOST_TEST(until([&] { return host.accepted() == 1 && host.at(0).has_ended; }));
  BOOST_TEST(failed(*this, pool) == error_code(error::dial_timeout));
}

BOOST_FIXTURE_TEST_CASE(a_peer_that_speaks_or_leaves_at_once_fails_the_dial, loop) {
  for (const bool speaks : {true, false}) {
    server host(context);
    gate door(context);
    host.on_accept = [&](peer& p) {
      speaks ? p.say("?") : p.close();
      door.open();
    };
    connection_pool pool(context, host.endpoint(), {.prepare = door.hook()});
    BOOST_TEST(failed(*this, pool) ==
               error_code(speaks ? error::protocol_error : error::connection_closed));
    BOOST_TEST(pool.stats().made == 0u);
  }
}

BOOST_FIXTURE_TEST_CASE(a_dial_that_is_given_up_before_its_first_step_takes_none, loop) {
  server host(context);
  gate door(context);
  shelf held_back;
  connection_pool pool(shelving_executor(context.get_executor(), held_back), host.endpoint(),
                       {.prepare = door.hook()});
  held_back.keeps = true;
  const call gone = acquire(pool);
  pool.close();
  held_back.keeps = false;
  held_back.run(); // what ends the dial before what begins it
  BOOST_TEST(until([&] { return gone->is_done && pool.stats().total() == 0; }));
  BOOST_TEST(host.accepted() == 0u);
  check_sums(pool.stats());
}

// Look-ups ----------------------------------------------------------------------------------------

BOOST_FIXTURE_TEST_CASE(a_dial_is_given_up_at_once_though_its_look_up_goes_on_behind_it, loop) {
  connection_pool pool(context, "nowhere.invalid", 80);
  const call waiting = acquire(pool);
  context.run_one(); // the dial has begun
  std::optional<error_code> drained;
  pool.async_drain([&](error_code ec) { drained = ec; });
  BOOST_TEST(until([&] { return drained && waiting->is_done; }));
  BOOST_TEST(*drained == error_code());
  BOOST_TEST(waiting->error == error_code(error::pool_closed));
  check_sums(pool.stats());
}
