// What a client counts of its exchanges, by how they end.

#include "net/client_fixture.hpp"

#include <httpool/metrics.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>

using namespace client_test;
using httpool::exchange_outcome;
using httpool::exchange_stats;

namespace {

exchange_stats figures(const client& sender) {
  exchange_stats sum;
  for (const httpool::origin_stats& each : sender.stats()) {
    sum.active += each.exchanges.active;
    for (std::size_t i = 0; i != sum.ended_by.size(); ++i)
      sum.ended_by[i] += each.exchanges.ended_by[i];
  }
  return sum;
}

std::string status(unsigned code) {
  return "HTTP/1.1 " + std::to_string(code) + " So\r\nContent-Length: 0\r\n\r\n";
}

/// Expects one exchange more of this kind, and as many durations as exchanges.
void expect_one_more(const client& sender, const exchange_stats& before, exchange_outcome how) {
  const exchange_stats now = figures(sender);
  BOOST_TEST(now.active == 0u);
  BOOST_TEST(now.ended() == before.ended() + 1, to_string(how));
  BOOST_TEST(now.ended(how) == before.ended(how) + 1, to_string(how));
  std::uint64_t measured = 0;
  for (const httpool::origin_histograms& each : sender.histograms())
    measured += each.exchanges[how].count();
  BOOST_TEST(measured == now.ended(how), to_string(how));
}

} // namespace

BOOST_FIXTURE_TEST_CASE(each_status_has_its_class, loop) {
  const struct {
    unsigned status;
    exchange_outcome how;
  } rows[] = {{200, exchange_outcome::successful},
              {302, exchange_outcome::redirection},
              {404, exchange_outcome::client_error},
              {503, exchange_outcome::server_error},
              {999, exchange_outcome::server_error}};
  for (const auto& row : rows) {
    scripted_peer one(context, {script().answers(status(row.status))});
    client each(context, "127.0.0.1", one.port);
    const exchange_stats before = figures(each);
    BOOST_TEST(send(each, get()).response.status() == row.status);
    expect_one_more(each, before, row.how);
    each.close();
  }
}

BOOST_FIXTURE_TEST_CASE(each_failure_has_its_kind, loop) {
  scripted_peer peer(
      context, {script().hears().closes(), script().answers("nonsense\r\n\r\n"), script().hears()});
  client sender(context, "127.0.0.1", peer.port, {.pool = {.dial_backoff = 0s}});
  exchange_stats before = figures(sender);
  send(sender, get());
  expect_one_more(sender, before, exchange_outcome::connection);
  before = figures(sender);
  send(sender, get());
  expect_one_more(sender, before, exchange_outcome::protocol);
  before = figures(sender);
  send(sender, get(), {.timeout = 100ms});
  expect_one_more(sender, before, exchange_outcome::timeout);
  before = figures(sender);
  asio::cancellation_signal signal;
  const auto under_way = std::make_shared<outcome>();
  sender.async_send(get(), asio::bind_cancellation_slot(signal.slot(), into(under_way)));
  BOOST_TEST(figures(sender).active == 1u);
  signal.emit(asio::cancellation_type::total);
  end_of(under_way);
  expect_one_more(sender, before, exchange_outcome::cancelled);
  before = figures(sender);
  peer.refuse();
  send(sender, get()); // refused, or over what the cancelled one had dialed, which ends
  expect_one_more(sender, before, exchange_outcome::connection);
  before = figures(sender);
  sender.close();
  BOOST_TEST(send(sender, get()).error == error_code(error::pool_closed));
  expect_one_more(sender, before, exchange_outcome::other);
}

BOOST_FIXTURE_TEST_CASE(what_can_be_sent_nowhere_counts_nowhere, loop) {
  client sender(context);
  send(sender, get("/path"));
  BOOST_TEST(figures(sender).ended() == 0u);
  BOOST_TEST(sender.histograms().empty());
}

BOOST_FIXTURE_TEST_CASE(shared_connections_count_each_exchange, loop) {
  scripted_peer peer(context, {script().answers(ok()).repeats()});
  client sender(context, "127.0.0.1", peer.port, {.pipeline_depth = 8});
  std::vector<call> all;
  for (int i = 0; i != 20; ++i)
    all.push_back(start(sender, get()));
  for (const call& each : all)
    BOOST_TEST(end_of(each).error == error_code());
  BOOST_TEST(figures(sender).ended(exchange_outcome::successful) == 20u);
  BOOST_TEST(figures(sender).active == 0u);
  BOOST_TEST(sender.histograms()[0].exchanges[exchange_outcome::successful].count() == 20u);
}

BOOST_FIXTURE_TEST_CASE(without_metrics_exchanges_are_counted_but_not_measured, loop) {
  scripted_peer peer(context, {script().answers(ok()).repeats()});
  client sender(context, "127.0.0.1", peer.port, {.pool = {.metrics = false}});
  warm_up(sender);
  BOOST_TEST(figures(sender).ended(exchange_outcome::successful) == 1u);
  const auto measured = sender.histograms();
  BOOST_TEST(measured[0].exchanges[exchange_outcome::successful].count() == 0u);
  BOOST_TEST(measured[0].pool.lease.count() == 0u);
}

BOOST_FIXTURE_TEST_CASE(a_slow_response_is_measured_as_such, loop) {
  scripted_peer peer(context, {script().hears().pauses().says(ok())});
  client sender(context, "127.0.0.1", peer.port);
  const auto before = std::chrono::steady_clock::now();
  const call under_way = start(sender, get());
  BOOST_REQUIRE(until([&] { return !peer.heard.empty(); }));
  BOOST_TEST(figures(sender).active == 1u);
  peer.go_on(0);
  end_of(under_way);
  const auto most = std::chrono::steady_clock::now() - before;
  const auto measured = sender.histograms()[0];
  const auto took = measured.exchanges[exchange_outcome::successful].sum();
  BOOST_TEST((took > 0ns));
  BOOST_TEST((took <= most));
  BOOST_TEST((measured.pool.lease.sum() <= took));
  BOOST_TEST((sender.pool().histograms().lease == measured.pool.lease));
}
