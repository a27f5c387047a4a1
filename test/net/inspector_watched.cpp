// What an inspector does with what it is given to watch: observers, figures, and when it samples
// them.

#include "net/inspector_fixture.hpp"
#include "net/net_fixture.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <source_location>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

using namespace inspector_test;
using net_test::acquire;
using net_test::leased;
using net_test::loop;

BOOST_AUTO_TEST_CASE(an_observer_passes_everything_on) {
  struct telling : httpool::pool_observer {
    std::vector<std::string> told;
    void connection_made(std::uint64_t, std::chrono::nanoseconds) override {
      told.emplace_back("made");
    }
    void dial_failed(boost::system::error_code, std::chrono::nanoseconds) override {
      told.emplace_back("dial failed");
    }
    void connection_closed(std::uint64_t, httpool::close_reason, std::uint64_t) override {
      told.emplace_back("closed");
    }
    void acquire_granted(std::uint64_t, std::chrono::nanoseconds, std::uint64_t) override {
      told.emplace_back("granted");
    }
    void acquire_failed(boost::system::error_code, std::chrono::nanoseconds,
                        const httpool::pool_snapshot&) override {
      told.emplace_back("acquire failed");
    }
    void lease_overdue(const httpool::overdue_lease&) override { told.emplace_back("overdue"); }
    void probed(std::uint64_t, bool, std::chrono::nanoseconds) override {
      told.emplace_back("probed");
    }
  };
  shown page;
  const auto next = std::make_shared<telling>();
  const auto observer = page.inspector.observer("orders", next);
  const boost::system::error_code error(httpool::error::acquire_timeout);
  observer->connection_made(1, 1ms);
  observer->dial_failed(error, 2ms);
  observer->acquire_granted(1, 3ms, 1);
  observer->acquire_failed(error, 4ms, {});
  observer->lease_overdue({.id = 1, .held = 5s, .where = std::source_location::current()});
  observer->lease_overdue({.id = 2, .held = 6s});
  observer->probed(1, true, 7ms);
  observer->probed(1, false, 8ms);
  observer->connection_closed(1, httpool::close_reason::dropped, 1);
  const std::vector<std::string> all = {"made",           "dial failed", "granted",
                                        "acquire failed", "overdue",     "overdue",
                                        "probed",         "probed",      "closed"};
  BOOST_TEST(next->told == all, boost::test_tools::per_element());

  std::string shown_texts;
  const json::value report = page.report();
  for (const json::value& each : report.at("events").as_array())
    shown_texts.append(std::string_view(each.at("text").as_string())).append("\n");
  BOOST_TEST(has(shown_texts, "connection 1 leased for 5.0 s by now, by inspector_watched.cpp:"));
  BOOST_TEST(has(shown_texts, "connection 2 leased for 6.0 s by now, by an exchange\n"));
  BOOST_TEST(has(shown_texts, "connection 1: its probe failed after 8.0 ms"));
}

BOOST_AUTO_TEST_CASE(an_observer_counts_waits_and_dials) {
  loop run;
  net_test::server peer(run.context);
  shown page;
  httpool::connection_pool pool(run.context, peer.endpoint(),
                                {.observer = page.inspector.observer("orders")});
  page.inspector.watch("orders", pool);
  leased(run, pool);
  BOOST_TEST(run.until([&] { return pool.stats().closed() == 1; }));
  const json::value all = page.report();
  BOOST_TEST(number(all.at("pools").at(0).at("waits"), "count") == 1u);
  BOOST_TEST(number(all.at("pools").at(0).at("dials"), "count") == 1u);
  BOOST_TEST(std::string_view(all.at("events").at(0).at("text").as_string()) ==
             "connection 1 closed: dropped, after 1 use");
}

BOOST_AUTO_TEST_CASE(figures_that_fail_hold_up_nobody) {
  shown page;
  page.inspector.watch_server("worse", []() -> httpool::server_stats { throw 1; });
  page.inspector.watch_server("bad",
                              []() -> httpool::server_stats { throw std::runtime_error("no"); });
  page.inspector.watch_server("good", [] { return httpool::server_stats{.requests = 12345}; });
  const json::value all = page.report();
  const json::array& servers = all.at("servers").as_array();
  BOOST_TEST_REQUIRE(servers.size() == 3u);
  BOOST_TEST(servers[0].at("failed").as_bool());
  BOOST_TEST(servers[1].at("failed").as_bool());
  BOOST_TEST(!servers[2].at("failed").as_bool());
  BOOST_TEST(number(servers[2], "requests") == 12345u);
  const std::string html = visible(page.page());
  BOOST_TEST(count(html, "<td>figures failed</td>") == 2u);
  BOOST_TEST(has(html, "<td>12,345</td>"));
  const response metrics = page.ask("/metrics");
  BOOST_TEST(metrics.status() == 200u);
  BOOST_TEST(has(metrics.body(), "name=\"good\""));
  BOOST_TEST(!has(metrics.body(), "name=\"bad\""));
  event_stream events(page);
  BOOST_TEST(events.next().has_value());
  BOOST_TEST(events.next().has_value(), "columns go on");
}

BOOST_AUTO_TEST_CASE(figures_may_call_the_inspector) {
  loop run;
  net_test::server peer(run.context);
  httpool::connection_pool pool(run.context, peer.endpoint());
  std::atomic<int> calls = 0;
  shown page;
  page.inspector.watch_server("calls", [&] {
    ++calls;
    page.inspector.watch("orders", pool);
    page.inspector.observer("orders");
    page.inspector.sample();
    page.inspector.unwatch_server("calls");
    return httpool::server_stats();
  });
  page.inspector.sample();
  page.inspector.sample();
  BOOST_TEST(calls >= 1);
  BOOST_TEST(page.report().at("servers").as_array().empty());
}

BOOST_AUTO_TEST_CASE(figures_are_over_once_their_server_is_not_watched) {
  shown page;
  std::promise<void> begun, go;
  std::atomic<int> calls = 0;
  std::atomic<bool> is_over = false;
  page.inspector.watch_server("slow", [&] {
    if (++calls == 1) {
      begun.set_value();
      go.get_future().wait();
      is_over = true;
    }
    return httpool::server_stats();
  });
  page.inspector.watch_server("other", [] { return httpool::server_stats(); });
  begun.get_future().wait();
  BOOST_TEST(page.ask("/pool").status() == 200u, "nobody waits for them who does not ask");
  page.inspector.unwatch_server("other");
  std::thread unwatches([&] {
    page.inspector.unwatch_server("slow");
    BOOST_TEST(is_over);
    calls = 100;
  });
  go.set_value();
  unwatches.join();
  page.inspector.sample();
  BOOST_TEST(calls == 100);
  BOOST_TEST(page.report().at("servers").as_array().empty());
  page.inspector.close();
  page.inspector.watch_server("late", [&] { return ++calls, httpool::server_stats(); });
  page.inspector.sample();
  BOOST_TEST(calls == 100);
}

BOOST_AUTO_TEST_CASE(servers_may_come_while_it_is_closed) {
  for (int i = 0; i != 20; ++i) {
    httpool::inspector inspector;
    std::thread watches([&] {
      for (int n = 0; n != 100; ++n)
        inspector.watch_server(std::to_string(n), [] { return httpool::server_stats(); });
    });
    inspector.close();
    watches.join();
  }
}

BOOST_AUTO_TEST_CASE(no_time_is_negative) {
  loop run;
  net_test::server peer(run.context);
  shown page;
  httpool::connection_pool pool(run.context, peer.endpoint());
  page.inspector.watch("orders", pool);
  const auto least = [&] {
    const httpool::lease held = leased(run, pool);
    const json::value all = page.report();
    double found = 0;
    for (const json::value& each : all.at("pools").at(0).at("connections").as_array())
      found = std::min({found, each.at("age_ms").to_number<double>(),
                        each.at("in_state_ms").to_number<double>()});
    return found;
  };
  for (int i = 0; i != 50; ++i)
    BOOST_TEST(least() >= 0);
}

BOOST_AUTO_TEST_CASE(a_column_is_told_once) {
  shown page({.sample_every = 50ms});
  event_stream events(page);
  std::atomic<bool> is_over = false;
  std::thread samples([&] {
    while (!is_over)
      page.inspector.sample();
  });
  std::uint64_t before = 0;
  for (int i = 0; i != 20; ++i) {
    const auto next = events.next();
    if (!next)
      break;
    const std::uint64_t column = number(next->second, "column");
    BOOST_TEST(column > before);
    before = column;
  }
  is_over = true;
  samples.join();
  BOOST_TEST(before != 0u);
}
