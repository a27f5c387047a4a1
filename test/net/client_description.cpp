// What the client says that it uses a connection for, as whoever looks at its pool sees it.

#include "net/client_fixture.hpp"
#include "net/pipeline_fixture.hpp"

#include <httpool/body_source.hpp>
#include <httpool/http_probe.hpp>
#include <httpool/pool_view.hpp>

using namespace client_test;

namespace {

/// What the only connection of the client is used for.
std::string use(client& sender) {
  const httpool::pool_view view = sender.pool().view();
  BOOST_TEST_REQUIRE(view.connections.size() == 1u);
  return view.connections.front().description;
}

} // namespace

BOOST_FIXTURE_TEST_CASE(it_says_the_method_and_the_path_and_nothing_more, loop) {
  std::string exact("GET /"), too_long("/");
  exact.append(43, 'a');
  too_long.append(100, 'a').append("?secret");
  const struct {
    std::string method, target, said;
  } rows[] = {
      {"GET", "/items/7", "GET /items/7"},
      {"GET", "/", "GET /"},
      {"DELETE", "/items?key=secret", "DELETE /items"},
      {"GET", "/?", "GET /"},
      {"OPTIONS", "*", "OPTIONS *"},
      {"HEAD", "/a?b?c=/d", "HEAD /a"},
      {"GET", exact.substr(4) + "?secret", exact},
      {"GET", too_long, exact},
  };
  scripted_peer peer(context, {script().answers("HTTP/1.1 204 Fine\r\n\r\n").repeats()});
  client sender(context, "127.0.0.1", peer.port);
  for (const auto& row : rows) {
    BOOST_TEST(send(sender, request(row.method, row.target)).error == error_code());
    BOOST_TEST(use(sender) == row.said);
  }
  BOOST_TEST(send(sender, request()).error == error_code());
  BOOST_TEST(use(sender) == "GET /");
  const std::string whole = "http://127.0.0.1:" + std::to_string(peer.port) + "/whole?secret";
  BOOST_TEST(send(sender, get(whole)).error == error_code());
  BOOST_TEST(use(sender) == "GET /whole");
  check_nothing_is_left(*this, sender, peer);
}

BOOST_FIXTURE_TEST_CASE(it_is_there_while_the_exchange_is_and_stays_after_it, loop) {
  scripted_peer peer(context, {script().hears().pauses().says(ok()).hears().pauses().says(ok())});
  client sender(context, "127.0.0.1", peer.port);
  const call first = start(sender, get("/first"));
  BOOST_TEST_REQUIRE(until([&] { return peer.is_paused(0); }));
  BOOST_TEST(use(sender) == "GET /first");
  peer.go_on(0);
  end_of(first);
  BOOST_TEST(sender.pool().stats().idle == 1u);
  BOOST_TEST(use(sender) == "GET /first");
  const call second = start(sender, post());
  BOOST_TEST_REQUIRE(until([&] { return peer.is_paused(0); }));
  BOOST_TEST(use(sender) == "POST /orders");
  peer.go_on(0);
  end_of(second);
  check_nothing_is_left(*this, sender, peer);
}

BOOST_FIXTURE_TEST_CASE(a_request_that_is_sent_again_is_said_of_its_new_connection, loop) {
  scripted_peer peer(context, {script().answers(ok()).hears().closes(), script().answers(ok())});
  client sender(context, "127.0.0.1", peer.port);
  warm_up(sender);
  BOOST_TEST(send(sender, get("/again")).response.attempts() == 2u);
  BOOST_TEST(use(sender) == "GET /again");
  check_nothing_is_left(*this, sender, peer);
}

BOOST_FIXTURE_TEST_CASE(a_request_is_said_when_its_head_is_sent, loop) {
  scripted_peer peer(context, {script()
                                   .hears_head()
                                   .pauses()
                                   .says("HTTP/1.1 100 Go\r\n\r\n")
                                   .hears_bytes(post().body().size())
                                   .says(ok())});
  client sender(context, "127.0.0.1", peer.port);
  request message = post();
  message.fields().set("Expect", "100-continue");
  const call sent = start(sender, message);
  BOOST_TEST_REQUIRE(until([&] { return peer.is_paused(0); }));
  BOOST_TEST(use(sender) == "POST /orders");
  peer.go_on(0);
  BOOST_TEST(end_of(sent).error == error_code());
  check_nothing_is_left(*this, sender, peer);
}

BOOST_FIXTURE_TEST_CASE(of_those_that_share_a_connection_the_latest_is_said, pipeline_loop) {
  scripted_peer peer(
      context,
      {served().hears().pauses().replies(echo).hears().replies(echo).hears().replies(echo)});
  client sender(context, "127.0.0.1", peer.port, sharing());
  send(sender, get("/warm?secret"));
  BOOST_TEST(use(sender) == "GET /warm");
  const auto calls = start_some(sender, 3);
  BOOST_TEST(paused(peer, 0));
  BOOST_TEST(use(sender) == "GET /2");
  peer.go_on(0);
  check_echoes(calls);
  BOOST_TEST(use(sender) == "GET /2");
  check_nothing_is_left(*this, sender, peer);
}

BOOST_FIXTURE_TEST_CASE(a_probe_leaves_it_alone, loop) {
  scripted_peer peer(context, {script().answers(ok()).hears().pauses()});
  client_options options;
  options.pool.probe = httpool::http_probe("example.org", "/healthz", 10ms, patience);
  client sender(context, "127.0.0.1", peer.port, options);
  BOOST_TEST(send(sender, get("/items")).error == error_code());
  BOOST_TEST_REQUIRE(until([&] { return peer.is_paused(0); }));
  BOOST_TEST(sender.pool().view().connections.at(0).probed);
  BOOST_TEST(use(sender) == "GET /items");
}
