// The page of an inspector as it comes over a socket, with pools on real connections behind it.

#include "net/inspector_fixture.hpp"
#include "net/net_fixture.hpp"

#include <httpool/client.hpp>

#include <algorithm>
#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

using namespace inspector_test;
using net_test::acquire;
using net_test::fill;
using net_test::leased;
using net_test::loop;

BOOST_AUTO_TEST_CASE(the_page_shows_the_state_without_any_script) {
  loop run;
  net_test::server peer(run.context);
  shown page;
  httpool::connection_pool pool(
      run.context, peer.endpoint(),
      {.max_connections = 2, .observer = page.inspector.observer("orders")});
  page.inspector.watch("orders", pool);
  httpool::lease first = leased(run, pool);
  const httpool::lease second = leased(run, pool);
  const auto waiter = acquire(pool);
  net_test::give_back(std::move(first)); // which the waiter gets
  BOOST_TEST(run.until([&] { return waiter->is_done; }));
  const auto another = acquire(pool);

  const std::string html = visible(page.page());
  BOOST_TEST(has(html, "<span data-f=\"name\">orders</span>"));
  BOOST_TEST(has(html, "<b data-f=\"total\">2</b> of <span data-f=\"limit\">2</span>"));
  BOOST_TEST(has(html, "<b data-f=\"leased\">2</b>"));
  BOOST_TEST(has(html, "<b data-f=\"waiting\">1</b>"));
  BOOST_TEST(has(html, "dials succeed"));
  BOOST_TEST(count(html, "<tr class=\"lane\"") == 2u);
  BOOST_TEST(has(html, "<td class=\"n\" data-f=\"uses\">2</td>"));
  BOOST_TEST(has(html, "127.0.0.1:" + std::to_string(peer.endpoint().port())));
  BOOST_TEST(has(html, "connection 2 made in "));
  BOOST_TEST(count(html, "<caption") >= 5u);
  BOOST_TEST(!has(html, "{{"));
  BOOST_TEST(!has(html, "http://"), "nothing from elsewhere");
}

BOOST_AUTO_TEST_CASE(the_report_is_json_and_adds_up) {
  loop run;
  net_test::server peer(run.context);
  net_test::refusing_port nobody(run.context);
  shown page;
  httpool::connection_pool pool(run.context, peer.endpoint(), {.max_connections = 4});
  httpool::connection_pool dead(run.context, nobody.endpoint(), {.dial_backoff = 10s});
  page.inspector.watch("orders", pool);
  page.inspector.watch("dead", dead);
  page.inspector.watch_server("page", [&] { return page.server->stats(); });
  fill(run, pool, 3);
  const httpool::lease held = leased(run, pool);
  net_test::failed(run, dead);

  const json::value all = page.report();
  const json::value& of = all.at("pools").at(0);
  const json::value& stats = of.at("stats");
  BOOST_TEST(of.at("name").as_string() == "orders");
  BOOST_TEST(of.at("origin").is_null());
  BOOST_TEST(number(stats, "idle") == 2u);
  BOOST_TEST(number(stats, "leased") == 1u);
  BOOST_TEST(number(stats, "acquires") == number(stats, "granted"));
  const json::array& connections = of.at("connections").as_array();
  for (const std::string_view state : {"dialing", "idle", "leased", "closing"}) {
    const auto seen = std::count_if(connections.begin(), connections.end(), [&](const auto& c) {
      return std::string_view(c.at("state").as_string()) == state;
    });
    BOOST_TEST(static_cast<std::uint64_t>(seen) == number(stats, state));
  }
  for (const json::value& each : of.at("lanes").as_array())
    BOOST_TEST(each.at("history").as_string().size() == 300u);
  BOOST_TEST(of.at("waiting_history").as_array().size() == 300u);
  BOOST_TEST(of.at("waits").is_null(), "without an observer nobody knows");

  const json::value& health = all.at("pools").at(1).at("health");
  BOOST_TEST(number(health, "dial_failures") == 1u);
  BOOST_TEST(health.at("last_dial_error").is_string());
  BOOST_TEST(health.at("backoff_ms").to_number<double>() > 1000);
  BOOST_TEST(has(visible(page.page()), "dials fail: "));
  BOOST_TEST(all.at("servers").at(0).at("name").as_string() == "page");
}

BOOST_AUTO_TEST_CASE(the_pools_of_a_client_are_shown_by_their_origins) {
  loop run;
  net_test::server peer(run.context);
  shown page;
  {
    httpool::client calls(run.context, "127.0.0.1", peer.endpoint().port());
    page.inspector.watch("calls", calls);
    const json::value all = page.report();
    BOOST_TEST(all.at("pools").at(0).at("origin").as_string() ==
               "http://127.0.0.1:" + std::to_string(peer.endpoint().port()));
    BOOST_TEST(!all.at("pools").at(0).at("gone").as_bool());
    BOOST_TEST(calls.views().size() == 1u);
  }
  run.settle();
  BOOST_TEST(page.report().at("pools").at(0).at("gone").as_bool());
}

BOOST_AUTO_TEST_CASE(the_times_of_several_origins_are_said_to_be_of_all_of_them) {
  loop run;
  const auto answer = [](const httpool::request&) { return response(204); };
  const live_server first(answer), second(answer);
  shown page;
  httpool::client_options options;
  options.pool.observer = page.inspector.observer("calls");
  httpool::client calls(run.context, options);
  page.inspector.watch("calls", calls);
  const auto times_said_after_asking = [&](const live_server& peer) {
    bool is_done = false;
    calls.async_send(
        httpool::request("GET", "http://127.0.0.1:" + std::to_string(peer.endpoint().port())),
        [&](boost::system::error_code ec, const httpool::client_response&) {
          BOOST_TEST(!ec);
          is_done = true;
        });
    BOOST_TEST(run.until([&] { return is_done; }));
    return count(visible(page.page()), ">of all origins<");
  };
  BOOST_TEST(times_said_after_asking(first) == 0u);
  BOOST_TEST(times_said_after_asking(second) == 6u, "three on each card");
}

BOOST_AUTO_TEST_CASE(events_begin_with_the_whole_and_go_on_with_samples) {
  loop run;
  net_test::server peer(run.context);
  shown page({.sample_every = 50ms});
  httpool::connection_pool pool(run.context, peer.endpoint());
  page.inspector.watch("orders", pool);
  fill(run, pool, 2);
  page.inspector.sample();
  event_stream events(page);
  const auto first = events.next();
  BOOST_TEST_REQUIRE(first.has_value());
  BOOST_TEST(first->first == "whole");
  BOOST_TEST(has(events.head(), "text/event-stream"));
  BOOST_TEST(!has(events.head(), "Access-Control"));
  const json::value& lane = first->second.at("pools").at(0).at("lanes").at(0);
  BOOST_TEST(lane.at("h").as_string().size() == 300u);
  std::uint64_t column = number(first->second, "column");
  for (int i = 0; i != 3; ++i) {
    const auto next = events.next();
    BOOST_TEST_REQUIRE(next.has_value());
    BOOST_TEST(next->first == "sample");
    BOOST_TEST(number(next->second, "column") > column);
    column = number(next->second, "column");
    const json::value& of = next->second.at("pools").at(0);
    BOOST_TEST(of.at("f").at("idle").as_string() == "2");
    BOOST_TEST(of.at("lanes").at(0).at("m").as_string() == "i");
  }
  page.inspector.close();
  while (events.next()) {
  }
  BOOST_TEST(page.ask("/pool").status() == 503u);
}

BOOST_AUTO_TEST_CASE(there_are_as_many_readers_of_events_as_there_may_be) {
  shown page({.sample_every = 50ms, .max_streams = 2});
  auto first = std::make_unique<event_stream>(page);
  event_stream second(page);
  BOOST_TEST(first->next().has_value());
  BOOST_TEST(second.next().has_value());
  const response refused = page.ask("/pool/events");
  BOOST_TEST(refused.status() == 503u);
  BOOST_TEST(refused.fields().contains("Retry-After"));
  first.reset();
  // The server notices it with an event or two.
  std::optional<event_stream> third;
  do
    third.emplace(page);
  while (!third->next());
  BOOST_TEST(has(third->head(), "200"));
}

BOOST_AUTO_TEST_CASE(a_reader_that_does_not_read_misses_samples_and_nobody_waits_for_it) {
  loop run;
  net_test::server peer(run.context);
  shown page({.sample_every = 50ms});
  httpool::connection_pool pool(run.context, peer.endpoint(), {.max_connections = 64});
  page.inspector.watch("orders", pool);
  fill(run, pool, 50);
  client slow(page.server, boost::asio::socket_base::receive_buffer_size(2048));
  slow.send("GET /pool/events HTTP/1.1\r\nHost: localhost\r\n\r\n");
  event_stream events(page);
  // Its whole is larger than what it takes in; meanwhile the others go on.
  for (int i = 0; i != 20; ++i)
    BOOST_TEST(events.next().has_value());
  BOOST_TEST(page.ask("/pool.json").status() == 200u);
}

BOOST_AUTO_TEST_CASE(metrics_are_those_of_all_that_is_watched) {
  loop run;
  net_test::server peer(run.context);
  shown page;
  httpool::connection_pool pool(run.context, peer.endpoint());
  page.inspector.watch("orders", pool);
  page.inspector.watch_server("page", [&] { return page.server->stats(); });
  page.inspector.watch_server("page", [&] { return page.server->stats(); });
  fill(run, pool, 2);
  const response got = page.ask("/metrics");
  BOOST_TEST(got.fields().value("Content-Type") == "text/plain; version=0.0.4; charset=utf-8");
  BOOST_TEST(has(got.body(), "name=\"orders\""));
  BOOST_TEST(has(got.body(), "name=\"page\""));
  BOOST_TEST(page.ask("/metrics", "Host: evil.example\r\n").status() == 421u);
}

BOOST_AUTO_TEST_CASE(hostile_names_stay_texts) {
  loop run;
  net_test::server peer(run.context);
  shown page({.sample_every = 50ms});
  const std::string name = "</script><img src=x onerror=alert(1)>\"'&\n\ndata: x\xff";
  httpool::connection_pool pool(run.context, peer.endpoint());
  page.inspector.watch(name, pool);
  page.inspector.watch_server(name, [] { return httpool::server_stats(); });
  const std::string html = page.page();
  BOOST_TEST(!has(html, "<img"));
  BOOST_TEST(count(html, "</script>") == 1u);
  BOOST_TEST(has(html, "&lt;/script&gt;&lt;img src=x onerror=alert(1)&gt;&quot;&#39;&amp;"));
  const json::value all = page.report();
  const std::string clean = "</script><img src=x onerror=alert(1)>\"'&\xef\xbf\xbd\xef\xbf\xbd"
                            "data: x\xef\xbf\xbd";
  BOOST_TEST(std::string_view(all.at("pools").at(0).at("name").as_string()) == clean);
  event_stream events(page);
  const auto first = events.next();
  BOOST_TEST_REQUIRE(first.has_value());
  BOOST_TEST(std::string_view(first->second.at("pools").at(0).at("f").at("name").as_string()) ==
             clean);
}

BOOST_AUTO_TEST_CASE(lanes_show_what_connections_are_used_for) {
  loop run;
  net_test::server peer(run.context);
  shown page({.sample_every = 50ms});
  httpool::connection_pool pool(run.context, peer.endpoint(), {.max_connections = 2});
  page.inspector.watch("orders", pool);
  httpool::lease held = leased(run, pool);
  BOOST_TEST(has(visible(page.page()), "data-f=\"description\" title=\"\"></td>"));
  held.describe("GET /items/7");
  const std::string html = visible(page.page());
  BOOST_TEST(has(html, "data-f=\"description\" title=\"GET /items/7\">GET /items/7</td>"));
  const auto told = [&] {
    const json::value all = page.report();
    return std::string(all.at("pools").at(0).at("connections").at(0).at("description").as_string());
  };
  BOOST_TEST(told() == "GET /items/7");
  event_stream events(page);
  const auto field = [&] {
    const auto next = events.next();
    BOOST_TEST_REQUIRE(next.has_value());
    const json::value& lane = next->second.at("pools").at(0).at("lanes").at(0);
    return std::string(lane.at("f").at("description").as_string());
  };
  BOOST_TEST(field() == "GET /items/7");
  held.describe("GET /items/8");
  while (field() != "GET /items/8") {
  }
  net_test::give_back(std::move(held));
  BOOST_TEST(told() == "GET /items/8", "what it did last");
}

BOOST_AUTO_TEST_CASE(hostile_descriptions_stay_texts) {
  loop run;
  net_test::server peer(run.context);
  shown page({.sample_every = 50ms});
  httpool::connection_pool pool(run.context, peer.endpoint());
  page.inspector.watch("orders", pool);
  httpool::lease held = leased(run, pool);
  const std::string bad = "\xef\xbf\xbd";
  const struct {
    std::string said, clean, html;
  } rows[] = {
      {"</td><script>alert(1)</script>", "</td><script>alert(1)</script>",
       "&lt;/td&gt;&lt;script&gt;alert(1)&lt;/script&gt;"},
      {"\" onclick='x' {{name}} {{{script}}} &amp;", "\" onclick='x' {{name}} {{{script}}} &amp;",
       "&quot; onclick=&#39;x&#39; {{name}} {{{script}}} &amp;amp;"},
      {std::string("\0\n\r\x1b\x7f\n\ndata: x", 14),
       bad + bad + bad + bad + bad + bad + bad + "data: x",
       {}},
      {"\xff\xc0\xaf\xed\xa0\x80", bad + bad + bad + bad + bad + bad, {}},
      {std::string(47, 'a') + "\xc3\xa4", std::string(47, 'a') + bad, {}},
      {"\\\"\xe2\x80\xa8", "\\\"\xe2\x80\xa8", "\\&quot;\xe2\x80\xa8"},
  };
  for (const auto& row : rows) {
    held.describe(row.said);
    const json::value all = page.report();
    BOOST_TEST(std::string_view(
                   all.at("pools").at(0).at("connections").at(0).at("description").as_string()) ==
               row.clean);
    const std::string shown_text = row.html.empty() ? row.clean : row.html;
    const std::string html = page.page();
    BOOST_TEST(has(visible(html), " title=\"" + shown_text + "\">" + shown_text + "</td>"));
    BOOST_TEST(count(html, "<script") == 1u);
    event_stream events(page);
    const auto first = events.next();
    BOOST_TEST_REQUIRE(first.has_value());
    const json::value& lane = first->second.at("pools").at(0).at("lanes").at(0);
    BOOST_TEST(std::string_view(lane.at("f").at("description").as_string()) == row.clean);
  }
}

BOOST_AUTO_TEST_CASE(only_who_means_it_may_read) {
  shown page({.hosts = {"pools.example"}});
  const auto status = [&](std::string_view fields, std::string_view method = "GET") {
    return page.ask("/pool.json", fields, method).status();
  };
  for (const std::string_view good :
       {"Host: 127.0.0.1:9000\r\n", "Host: localhost\r\n", "Host: LocalHost:80\r\n",
        "Host: [::1]:9000\r\n", "Host: 192.0.2.7\r\n", "Host: pools.example:9000\r\n",
        "Host: localhost\r\nSec-Fetch-Site: none\r\n",
        "Host: localhost\r\nSec-Fetch-Site: same-origin\r\n",
        "Host: localhost:9000\r\nOrigin: http://localhost:9000\r\n"})
    BOOST_TEST(status(good) == 200u, good);
  for (const std::string_view rebound :
       {"Host: evil.example\r\n", "Host: localhost.evil.example\r\n",
        "Host: 127.0.0.1.nip.test\r\n", "Host: evil.example:80\r\nSec-Fetch-Site: same-origin\r\n",
        "Host: [\r\n", "Host: \r\n"}) {
    const unsigned got = status(rebound);
    BOOST_TEST((got == 421u || got == 400u), rebound);
  }
  for (const std::string_view foreign :
       {"Host: localhost\r\nSec-Fetch-Site: cross-site\r\n",
        "Host: localhost\r\nSec-Fetch-Site: same-site\r\n",
        "Host: localhost\r\nSec-Fetch-Site: \r\n", "Host: localhost\r\nOrigin: null\r\n",
        "Host: localhost:9000\r\nOrigin: http://localhost:3000\r\n",
        "Host: localhost\r\nOrigin: http://evil.example\r\n"})
    BOOST_TEST(status(foreign) == 403u, foreign);
  const response posted = page.ask("/pool", "Host: localhost\r\nContent-Length: 0\r\n", "POST");
  BOOST_TEST(posted.status() == 405u);
  BOOST_TEST(posted.fields().value("Allow") == "GET, HEAD");
  BOOST_TEST(status("Host: localhost\r\n", "HEAD") == 200u);
  BOOST_TEST(page.ask("/pool/events", "Host: localhost\r\n", "HEAD").status() == 200u);
}

BOOST_AUTO_TEST_CASE(targets_may_be_absolute) {
  shown page({.hosts = {"pools.example"}});
  BOOST_TEST(has(page.ask("http://localhost:9000/pool").body(), "<!doctype html>"));
  BOOST_TEST(page.ask("HTTP://127.0.0.1:9000/pool.json?x=1").status() == 200u);
  BOOST_TEST(page.ask("https://[::1]/metrics").status() == 200u);
  BOOST_TEST(page.ask("http://localhost").fields().value("Location") == "/pool");
  BOOST_TEST(page.ask("http://localhost:9000/elsewhere").status() == 404u);
  // They say whom they are for, whatever Host does.
  BOOST_TEST(page.ask("http://pools.example/pool", "Host: evil.example\r\n").status() == 200u);
  for (const std::string_view rebound :
       {"http://evil.example/pool", "http://localhost.evil.example:9000/pool.json",
        "http://127.0.0.1.nip.io/metrics", "https://evil.example/pool/events"})
    BOOST_TEST(page.ask(rebound).status() == 421u, rebound);
  const std::string_view own = "Host: localhost\r\nOrigin: http://localhost:9000\r\n";
  BOOST_TEST(page.ask("http://localhost:9000/pool", own).status() == 200u);
  BOOST_TEST(page.ask("http://localhost:9001/pool", own).status() == 403u);
  live_server both(page.inspector.mount([](const httpool::request& message) {
    return response(200, std::string(message.target()), "text/plain");
  }));
  client c(both);
  c.send("GET http://localhost/anything?x=1 HTTP/1.1\r\nHost: localhost\r\n\r\n");
  BOOST_TEST(c.receive()->body() == "http://localhost/anything?x=1");
}

BOOST_AUTO_TEST_CASE(browsers_are_told_to_keep_others_out) {
  shown page;
  for (const std::string_view path : {"/pool", "/pool.json", "/", "/elsewhere"}) {
    const response got = page.ask(path);
    BOOST_TEST(got.fields().value("X-Frame-Options") == "DENY", path);
    BOOST_TEST(got.fields().value("X-Content-Type-Options") == "nosniff");
    BOOST_TEST(got.fields().value("Cross-Origin-Resource-Policy") == "same-origin");
    BOOST_TEST(got.fields().value("Content-Security-Policy").starts_with("default-src 'none'"));
    BOOST_TEST(!got.fields().contains("Access-Control-Allow-Origin"));
  }
  const auto nonce_of = [&] {
    const response got = page.ask("/pool");
    const std::string policy(got.fields().value("Content-Security-Policy"));
    const std::size_t at = policy.find("'nonce-") + 7;
    const std::string nonce = policy.substr(at, 32);
    BOOST_TEST(count(got.body(), "nonce=\"" + nonce + "\"") == 2u);
    BOOST_TEST(!has(policy, "unsafe"));
    return nonce;
  };
  BOOST_TEST(nonce_of() != nonce_of());
}

BOOST_AUTO_TEST_CASE(other_paths_are_left_to_others) {
  shown page;
  BOOST_TEST(page.ask("/").status() == 302u);
  BOOST_TEST(page.ask("/").fields().value("Location") == "/pool");
  BOOST_TEST(page.ask("/pools").status() == 404u);
  live_server both(page.inspector.mount(
      [](const httpool::request&) { return response(200, "beneath", "text/plain"); }));
  client c(both);
  BOOST_TEST(c.get("/anything").body() == "beneath");
  c.send("GET /pool?x=1 HTTP/1.1\r\nHost: localhost\r\n\r\n");
  BOOST_TEST(has(c.receive()->body(), "<!doctype html>"));
}

BOOST_AUTO_TEST_CASE(what_is_kept_is_bounded) {
  loop run;
  net_test::server peer(run.context);
  shown page({.max_pools = 2, .max_lanes = 3});
  std::vector<std::unique_ptr<httpool::connection_pool>> pools;
  for (int i = 0; i != 4; ++i) {
    pools.push_back(std::make_unique<httpool::connection_pool>(run.context, peer.endpoint()));
    page.inspector.watch("pool " + std::to_string(i), *pools.back());
  }
  fill(run, *pools.front(), 5);
  const json::value all = page.report();
  BOOST_TEST(all.at("pools").as_array().size() == 2u);
  BOOST_TEST(number(all, "left_out") == 2u);
  BOOST_TEST(all.at("pools").at(0).at("connections").as_array().size() == 5u);
  BOOST_TEST(all.at("pools").at(0).at("lanes").as_array().size() == 3u);
  BOOST_TEST(has(page.page(), "2 more connections have no lane here."));
  BOOST_TEST(has(visible(page.page()), "2 more pools are not shown here."));
}

BOOST_AUTO_TEST_CASE(options_out_of_range_are_refused) {
  using options = httpool::inspector_options;
  for (const options& bad :
       {options{.sample_every = 49ms}, options{.sample_every = 1001ms}, options{.max_pools = 0},
        options{.max_lanes = 0}, options{.max_streams = 1001}})
    BOOST_CHECK_THROW(httpool::inspector{bad}, std::invalid_argument);
}
