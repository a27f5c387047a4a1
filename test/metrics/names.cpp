// The pages for operators name what there is, and all of it.

#include <httpool/client.hpp>
#include <httpool/connection_pool.hpp>
#include <httpool/metrics.hpp>
#include <httpool/server.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/json/parse.hpp>
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <fstream>
#include <functional>
#include <future>
#include <iterator>
#include <regex>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>

namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using names = std::set<std::string>;

const tcp::endpoint any(asio::ip::address_v4::loopback(), 0);

std::string contents(const std::string& name) {
  std::ifstream file(std::string(OPERATIONS) + "/" + name);
  BOOST_REQUIRE_MESSAGE(file, name);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// The names of samples and families in a text.
names in(const std::string& text) {
  static const std::regex name(R"(\b(http_client|http_server|httpool)_[a-z_]*[a-z]\b)");
  names found;
  for (std::sregex_iterator i(text.begin(), text.end(), name); i != std::sregex_iterator(); ++i)
    found.insert(i->str());
  found.erase("http_client_connection_state"); // no metric
  return found;
}

struct everything {
  asio::io_context context{1};
  httpool::client client{context, "127.0.0.1", 1};
  httpool::connection_pool pool{context, tcp::endpoint(asio::ip::address_v4::loopback(), 1)};
  httpool::server server{context, any,
                         [](const httpool::request&) { return httpool::response(200); }};
  httpool::metrics_registry metrics;

  everything() {
    metrics.add(client);
    metrics.add(pool, {{"a", "pool"}});
    metrics.add(server);
  }

  names families() const {
    const std::string text = metrics.render();
    static const std::regex type("# TYPE ([a-z_]+) ");
    names found;
    for (std::sregex_iterator i(text.begin(), text.end(), type); i != std::sregex_iterator(); ++i)
      found.insert(i->str(1));
    return found;
  }

  /// The names of samples, too.
  names samples() const {
    names found = families();
    const std::string text = metrics.render();
    static const std::regex sample("(?:^|\n)([a-z_]+)[{ ]");
    for (std::sregex_iterator i(text.begin(), text.end(), sample); i != std::sregex_iterator(); ++i)
      found.insert(i->str(1));
    return found;
  }
};

void expect_known(const names& named, const names& known, const std::string& where) {
  BOOST_TEST(!named.empty(), where);
  for (const std::string& each : named)
    BOOST_TEST(known.contains(each), where << " names " << each << ", which there is not");
}

} // namespace

BOOST_FIXTURE_TEST_CASE(alerts_and_dashboard_name_what_there_is, everything) {
  expect_known(in(contents("operations/alerts.yml")), samples(), "alerts.yml");
  const std::string dashboard = contents("operations/dashboard.json");
  BOOST_CHECK_NO_THROW(boost::json::parse(dashboard));
  expect_known(in(dashboard), samples(), "dashboard.json");
}

BOOST_FIXTURE_TEST_CASE(the_page_explains_each_metric, everything) {
  const std::string page = contents("operations.md");
  for (const std::string& each : families())
    BOOST_TEST(page.find('`' + each + '`') != std::string::npos, each << " is not explained");
  expect_known(in(page), samples(), "operations.md");
}

BOOST_FIXTURE_TEST_CASE(labels_must_be_good_and_new, everything) {
  using labels = std::vector<httpool::metric_label>;
  for (const char* bad : {"", "a-b", "le", "reason", "server_address", "__x"})
    BOOST_CHECK_THROW(metrics.add(pool, labels{{bad, "x"}}), std::invalid_argument);
  BOOST_CHECK_THROW(metrics.add(pool, labels{{"b", "1"}, {"b", "2"}}), std::invalid_argument);
  metrics.add(pool, labels{{"x", "1"}, {"y", "2"}, {"z", ""}});
  BOOST_CHECK_THROW(metrics.add(pool, labels{{"y", "2"}, {"x", "1"}}), std::invalid_argument);
  BOOST_CHECK_THROW(metrics.add(pool), std::invalid_argument);
  BOOST_CHECK_THROW(metrics.add(client), std::invalid_argument);
  BOOST_CHECK_THROW(metrics.add(server), std::invalid_argument);
  metrics.remove(server);
  metrics.add(server);
}

BOOST_AUTO_TEST_CASE(what_has_gone_is_forgotten) {
  httpool::metrics_registry metrics;
  asio::io_context context(1);
  BOOST_TEST(metrics.render() == "");
  for (int i = 0; i != 2; ++i) { // with the same labels, which are free again
    const httpool::connection_pool pool(context, any);
    const httpool::client client(context);
    metrics.add(pool);
    metrics.add(client, {{"a", "b"}});
    BOOST_TEST(metrics.render().find("server_address=\"127.0.0.1\"") != std::string::npos);
  }
  context.restart();
  context.poll();
  BOOST_TEST(metrics.render() == "");
  BOOST_TEST(metrics.render(httpool::metrics_format::openmetrics_text) == "# EOF\n");
}

namespace {

/// Figures that do as they are told.
struct pretended {
  std::function<httpool::server_stats()> answer;
  httpool::server_stats stats() const { return answer(); }
};

bool tells_of(const httpool::metrics_registry& metrics, const std::string& which) {
  return metrics.render().find("which=\"" + which + '"') != std::string::npos;
}

} // namespace

BOOST_AUTO_TEST_CASE(figures_that_throw_are_left_out_alone) {
  httpool::metrics_registry metrics;
  const pretended good{[] { return httpool::server_stats(); }};
  const pretended bad{[]() -> httpool::server_stats { throw std::runtime_error("no"); }};
  const pretended worse{[]() -> httpool::server_stats { throw 1; }};
  metrics.add(worse, {{"which", "worse"}});
  metrics.add(bad, {{"which", "bad"}});
  metrics.add(good, {{"which", "good"}});
  BOOST_TEST(tells_of(metrics, "good"));
  BOOST_TEST(!tells_of(metrics, "bad"));
  BOOST_TEST(!tells_of(metrics, "worse"));
}

BOOST_AUTO_TEST_CASE(figures_may_call_the_registry) {
  httpool::metrics_registry metrics;
  const pretended other{[] { return httpool::server_stats(); }};
  pretended calls;
  calls.answer = [&] {
    BOOST_TEST(!tells_of(metrics, "calls"), "those that are being asked for");
    BOOST_TEST(tells_of(metrics, "other"));
    metrics.remove(other);
    metrics.remove(calls);
    return httpool::server_stats();
  };
  metrics.add(other, {{"which", "other"}});
  metrics.add(calls, {{"which", "calls"}});
  BOOST_TEST(tells_of(metrics, "calls"));
  BOOST_TEST(metrics.render() == "");
}

BOOST_AUTO_TEST_CASE(figures_do_not_hold_up_others_and_are_over_once_removed) {
  httpool::metrics_registry metrics;
  std::promise<void> begun, go;
  std::atomic<bool> is_over = false;
  pretended slow{[&] {
    begun.set_value();
    go.get_future().wait();
    is_over = true;
    return httpool::server_stats();
  }};
  const pretended other{[] { return httpool::server_stats(); }};
  metrics.add(slow, {{"which", "slow"}});
  std::thread asks([&] { metrics.render(); });
  begun.get_future().wait();
  metrics.add(other, {{"which", "other"}}); // takes no lock that is held meanwhile
  metrics.remove(other);
  std::thread removes([&] {
    metrics.remove(slow);
    BOOST_TEST(is_over);
  });
  go.set_value();
  removes.join();
  asks.join();
}
