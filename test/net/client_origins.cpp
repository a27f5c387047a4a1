// One client, many origins: a pool each, within one limit, of which the latest empty ones stay.

#include "net/client_fixture.hpp"
#include "net/unix_peer.hpp"

#include <httpool/url.hpp>

#include <boost/asio/use_awaitable.hpp>

#include <fstream>

using namespace client_test;

namespace {

std::string url_of(const scripted_peer& peer, const std::string& target = "/") {
  return "http://127.0.0.1:" + std::to_string(peer.port) + target;
}

script answering(const std::string& body) {
  return script().answers(ok(body)).repeats();
}

std::size_t connections(client& sender) {
  std::size_t count = 0;
  for (const httpool::origin_stats& one : sender.stats())
    count += one.pool.total();
  return count;
}

std::size_t resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  std::size_t pages = 0;
  statm >> pages >> pages;
  return pages * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

} // namespace

BOOST_FIXTURE_TEST_CASE(a_url_says_where_a_request_goes, loop) {
  scripted_peer a(context, {answering("a")});
  scripted_peer b(context, {answering("b")});
  client sender(context);
  BOOST_TEST(send(sender, get(url_of(a, "/x?y=1#z"))).response.body() == "a");
  BOOST_TEST(send(sender, get(url_of(b, ""))).response.body() == "b");
  BOOST_TEST(send(sender, get(url_of(a))).response.connection_id() == 1u);
  BOOST_TEST_REQUIRE(a.heard.size() == 2u);
  BOOST_TEST(a.heard[0] ==
             "GET /x?y=1 HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(a.port) + "\r\n\r\n");
  BOOST_TEST(b.heard[0].starts_with("GET / "));
  BOOST_TEST(sender.stats().size() == 2u);
}

BOOST_FIXTURE_TEST_CASE(a_client_of_an_origin_takes_paths_for_it_and_urls_for_any, loop) {
  scripted_peer own(context, {answering("own")});
  scripted_peer other(context, {answering("other")});
  client sender(context, "127.0.0.1", own.port);
  BOOST_TEST(send(sender, get("/")).response.body() == "own");
  BOOST_TEST(send(sender, get(url_of(own))).response.connection_id() == 1u);
  BOOST_TEST(send(sender, get(url_of(other))).response.body() == "other");
  BOOST_TEST_REQUIRE(sender.stats().size() == 2u);
  BOOST_TEST((sender.stats()[0].origin == httpool::origin("127.0.0.1", own.port)));
}

BOOST_FIXTURE_TEST_CASE(scar_73_spellings_of_one_origin_share_its_pool, loop) {
  scripted_peer peer(context, {answering("hi")});
  client sender(context);
  const std::string port = std::to_string(peer.port);
  for (const std::string host : {"localhost", "LOCALHOST", "localhost.", "LocalHost"})
    BOOST_TEST(send(sender, get("http://" + host + ":" + port)).error == error_code());
  BOOST_TEST(peer.accepted() == 1u);
  BOOST_TEST(sender.stats().size() == 1u);
}

BOOST_FIXTURE_TEST_CASE(what_is_no_url_is_refused_with_what_is_wrong, loop) {
  client sender(context);
  BOOST_TEST(send(sender, get("/path")).error == error::url_without_host);
  BOOST_TEST(send(sender, get("https://localhost/")).error == error::tls_not_configured);
  BOOST_TEST(send(sender, get("http://me:secret@localhost/")).error == error::url_with_credentials);
  BOOST_TEST(send(sender, get("http:///")).error == error::url_without_host);
  BOOST_TEST(send(sender, get("http://localhost:99999/")).error == error::invalid_port);
  BOOST_TEST(send(sender, get("localhost")).error == error::invalid_url);
  BOOST_TEST(sender.stats().empty());
  BOOST_CHECK_THROW(sender.pool(), std::logic_error);
}

BOOST_FIXTURE_TEST_CASE(requests_reach_a_unix_domain_socket, loop) {
  unix_peer peer(context);
  client sender(context);
  BOOST_TEST(send(sender, get(peer.url("/status"))).response.body() == "unix");
  BOOST_TEST(peer.heard == "GET /status HTTP/1.1\r\nHost: localhost\r\n\r\n");
  sender.close();
}

BOOST_FIXTURE_TEST_CASE(an_origin_whose_connections_have_ended_is_forgotten, loop) {
  scripted_peer ends(context, {script().answers(ok("hi", "Connection: close\r\n"))});
  scripted_peer keeps(context, {answering("hi")});
  scripted_peer refuses(context, {});
  refuses.refuse();
  client_options hasty;
  hasty.pool.idle_timeout = 1ms;
  hasty.pool.dial_backoff = hasty.pool.max_dial_backoff = 1ms;
  hasty.remembered_origins = 0;
  client sender(context, hasty);
  BOOST_TEST(send(sender, get(url_of(ends))).error == error_code());
  BOOST_TEST(send(sender, get(url_of(keeps))).error == error_code());
  BOOST_TEST(send(sender, get(url_of(refuses))).error == error::connection_refused);
  BOOST_TEST(until([&] { return sender.stats().empty(); }));
  BOOST_TEST(send(sender, get(url_of(keeps))).response.connection_id() == 1u);
}

BOOST_FIXTURE_TEST_CASE(figures_of_an_origin_go_on_though_its_connections_end, loop) {
  scripted_peer peer(context, {script().answers("HTTP/1.1 500 Broken\r\nConnection: close\r\n"
                                                "Content-Length: 0\r\n\r\n")});
  client sender(context);
  for (std::uint64_t i = 1; i != 6; ++i) {
    BOOST_TEST(send(sender, get(url_of(peer))).response.status() == 500u);
    const std::vector<httpool::origin_stats> all = sender.stats();
    BOOST_TEST_REQUIRE(all.size() == 1u);
    BOOST_TEST(all[0].pool.made == i);
    BOOST_TEST(all[0].exchanges.ended(httpool::exchange_outcome::server_error) == i);
    BOOST_TEST(sender.histograms()[0].pool.dial.count() == i);
  }
}

BOOST_FIXTURE_TEST_CASE(of_the_origins_without_connections_the_latest_are_remembered, loop) {
  std::vector<std::unique_ptr<scripted_peer>> peers;
  for (int i = 0; i != 4; ++i)
    peers.push_back(std::make_unique<scripted_peer>(
        context, std::vector{script().answers(ok("hi", "Connection: close\r\n"))}));
  client_options two;
  two.remembered_origins = 2;
  client sender(context, two);
  for (const std::size_t which : {0u, 1u, 0u, 2u, 0u, 3u})
    BOOST_TEST(send(sender, get(url_of(*peers[which]))).error == error_code());
  const std::vector<httpool::origin_stats> all = sender.stats();
  BOOST_TEST_REQUIRE(all.size() == 2u);
  BOOST_TEST((all[0].origin == httpool::origin("127.0.0.1", peers[0]->port)));
  BOOST_TEST(all[0].pool.made == 3u);
  BOOST_TEST((all[1].origin == httpool::origin("127.0.0.1", peers[3]->port)));
}

BOOST_FIXTURE_TEST_CASE(connections_of_all_origins_are_within_one_limit, loop) {
  std::vector<std::unique_ptr<scripted_peer>> peers;
  for (int i = 0; i != 5; ++i)
    peers.push_back(
        std::make_unique<scripted_peer>(context, std::vector{answering(std::to_string(i))}));
  client_options few;
  few.max_total_connections = 2;
  client sender(context, few);
  for (int round = 0; round != 20; ++round) {
    std::vector<call> calls;
    for (const auto& peer : peers)
      calls.push_back(start(sender, get(url_of(*peer))));
    for (std::size_t i = 0; i != calls.size(); ++i) {
      BOOST_TEST(until([&] {
        BOOST_TEST(connections(sender) <= 2u);
        return calls[i]->is_done;
      }));
      BOOST_TEST(calls[i]->error == error_code());
      BOOST_TEST(calls[i]->response.body() == std::to_string(i));
    }
  }
}

BOOST_FIXTURE_TEST_CASE(a_client_drains_all_its_origins, loop) {
  scripted_peer a(context, {script().answers(ok("a")).hears().pauses().says(ok("again"))});
  scripted_peer b(context, {answering("b")});
  client sender(context);
  BOOST_TEST(send(sender, get(url_of(a))).error == error_code());
  BOOST_TEST(send(sender, get(url_of(b))).error == error_code());
  const call last = start(sender, get(url_of(a)));
  BOOST_TEST(until([&] { return a.is_paused(0); }));
  bool is_drained = false;
  sender.async_drain(1h, [&](error_code ec) {
    BOOST_TEST(ec == error_code());
    is_drained = true;
  });
  settle();
  BOOST_TEST(!is_drained);
  BOOST_TEST(send(sender, get(url_of(b))).error == error::pool_closed);
  a.go_on(0);
  BOOST_TEST(until([&] { return is_drained; }));
  BOOST_TEST(last->response.body() == "again");

  client closed(context);
  scripted_peer slow(context, {script().hears()});
  const call cut = start(closed, get(url_of(slow)));
  BOOST_TEST(until([&] { return slow.heard.size() == 1; }));
  closed.close();
  bool was_late = false;
  closed.async_drain(1ms, [&](error_code ec) { was_late = ec == asio::error::timed_out; });
  BOOST_TEST(until([&] { return was_late && cut->is_done; }));

  client nobody(context);
  bool is_over = false;
  nobody.async_drain([&](error_code ec) { is_over = !ec; });
  BOOST_TEST(until([&] { return is_over; }));

  client stuck(context);
  scripted_peer mute(context, {script().hears()});
  const call never = start(stuck, get(url_of(mute)));
  BOOST_TEST(until([&] { return mute.heard.size() == 1; }));
  bool is_late = false;
  stuck.async_drain(1ms, [&](error_code ec) { is_late = ec == asio::error::timed_out; });
  BOOST_TEST(until([&] { return is_late && never->is_done; }));
  BOOST_TEST(never->error == error::pool_closed);
}

BOOST_FIXTURE_TEST_CASE(a_drain_waits_for_dials_that_nobody_waits_for_any_more, loop) {
  scripted_peer peer(context, {answering("hi")});
  bool is_dialing = false;
  client_options options;
  options.pool.prepare = [&](tcp::socket& socket) -> asio::awaitable<void> {
    is_dialing = true;
    co_await socket.async_wait(tcp::socket::wait_read, asio::use_awaitable);
  };
  client sender(context, options);
  const call waiting = start(sender, get(url_of(peer)));
  BOOST_TEST(until([&] { return is_dialing; }));
  bool is_drained = false;
  sender.async_drain(1h, [&](error_code ec) {
    BOOST_TEST(ec == error_code());
    is_drained = true;
  });
  BOOST_TEST(until([&] { return is_drained && waiting->is_done; }));
  BOOST_TEST(waiting->error == error::pool_closed);
}

BOOST_FIXTURE_TEST_CASE(options_are_checked_before_there_is_an_origin, loop) {
  client_options bad;
  bad.pool.max_connections = 0;
  BOOST_CHECK_THROW(client(context, bad), std::invalid_argument);
  client_options odd;
  odd.probe_path = "no path";
  BOOST_CHECK_THROW(client(context, odd), std::invalid_argument);
}

BOOST_FIXTURE_TEST_CASE(idle_connections_of_every_origin_are_probed_if_asked, loop) {
  scripted_peer peer(context, {answering("hi")});
  client_options probing;
  probing.probe_path = "/healthz";
  probing.pool.probe.interval = 1ms;
  client sender(context, probing);
  BOOST_TEST(send(sender, get(url_of(peer))).error == error_code());
  BOOST_TEST(until([&] { return peer.heard.size() == 2; }));
  BOOST_TEST(peer.heard[1].starts_with("HEAD /healthz HTTP/1.1\r\nHost: 127.0.0.1:"));
}

// Each of 127.a.b.c is this machine.
BOOST_FIXTURE_TEST_CASE(scar_88_origins_that_come_and_go_leave_nothing_behind, loop) {
  scripted_peer peer(context, {script().answers(ok("hi", "Connection: close\r\n"))},
                     asio::ip::address_v4::any());
  client sender(context);
  const auto visit = [&](int i) {
    const std::string host = "127.1." + std::to_string(i / 250) + '.' + std::to_string(1 + i % 250);
    BOOST_TEST_REQUIRE(
        send(sender, get("http://" + host + ":" + std::to_string(peer.port))).error ==
        error_code());
  };
  for (int i = 0; i != 1'000; ++i)
    visit(i);
  peer.forget();
  const std::size_t descriptors_before = descriptors();
  const std::size_t resident_before = resident_bytes();
  for (int i = 0; i != 10'000; ++i) {
    visit(i);
    if (i % 100 == 0)
      peer.forget();
  }
  BOOST_TEST(until([&] { return connections(sender) == 0; }));
  BOOST_TEST(sender.stats().size() == client_options().remembered_origins);
  peer.forget();
  BOOST_TEST(descriptors() <= descriptors_before);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  BOOST_TEST(resident_bytes() <= resident_before + 1024 * 1024);
#else
  static_cast<void>(resident_before);
#endif
}
