#include "chart/chart.hpp"
#include "report.hpp"
#include "words.hpp"

#include <spdlog/fmt/fmt.h>

#include <functional>
#include <numeric>
#include <utility>
#include <variant>

namespace demo {
namespace {

using count_of = std::function<std::size_t(const httpool::pool_snapshot&)>;

constexpr const char* pooled = "pooled, one connection kept";
constexpr const char* unpooled = "unpooled, a new connection for each request";

// A point where the count changes, and one at the end.
chart::curve counts(const char* name, const std::vector<pool_sample>& samples,
                    const count_of& count) {
  chart::curve made{name};
  made.is_stepped = true;
  for (const pool_sample& each : samples) {
    const auto value = static_cast<double>(count(each.had));
    if (made.points.empty() || value != made.points.back().y || &each == &samples.back())
      made.points.push_back({each.at.count(), value});
  }
  return made;
}

chart::picture connections_of(const shared_pool& seen) {
  chart::panel connections{"connections", "ms"};
  connections.curves = {
      counts("leased", seen.samples, [](const auto& had) { return had.leased; }),
      counts("idle", seen.samples, [](const auto& had) { return had.idle; }),
      counts("dialing", seen.samples, [](const auto& had) { return had.dialing; })};
  connections.levels = {{0, seen.samples.back().at.count(), static_cast<double>(seen.limit)}};
  chart::panel waiters{"tasks that wait for a connection", "ms"};
  waiters.curves = {counts("waiting", seen.samples, [](const auto& had) { return had.waiting; })};
  return {fmt::format("{} tasks share {}", seen.turns.size(), counted(seen.limit, "connection")),
          fmt::format("dashed: the limit of the pool; looked at {} times", seen.samples.size()),
          fmt::format("Connections of a pool over time, by state, and the tasks that wait for one; "
                      "dials within one machine are over sooner than can be seen here. "
                      "Up to {} of {} tasks wait at a time; after {} all have had their turn.",
                      seen.peak_waiting, seen.turns.size(), in_ms(seen.took)),
          {connections, waiters}};
}

// How many of a hundred requests took that long at most.
chart::curve shares(const char* name, const latencies& seen) {
  chart::curve made{name};
  made.is_stepped = true;
  for (std::size_t i = 0; i != seen.times.size(); ++i)
    made.points.push_back({seen.times[i].count(), 100 * static_cast<double>(i + 1) /
                                                      static_cast<double>(seen.times.size())});
  return made;
}

double per_second(const latencies& seen) {
  const milliseconds all = std::accumulate(seen.times.begin(), seen.times.end(), milliseconds());
  return 1000 * static_cast<double>(seen.times.size()) / all.count();
}

chart::picture latency_of(const connection_cost& seen) {
  chart::panel latency{"requests answered by then, %",
                       "ms since the request began, on a logarithmic scale"};
  latency.curves = {shares(pooled, seen.reused), shares(unpooled, seen.fresh)};
  latency.most = 100;
  latency.is_logarithmic = true;
  chart::panel rate{"requests per second of one caller, one request after the other",
                    "requests per second"};
  rate.bars = {{pooled, per_second(seen.reused)}, {unpooled, per_second(seen.fresh)}};
  return {"What it is worth to keep a connection",
          fmt::format("{} requests each, by turns", seen.reused.requests),
          fmt::format("How long requests took over a kept connection and over new ones: half of "
                      "them up to {} and {}; {:.0f} and {:.0f} requests per second.",
                      in_ms(seen.reused.median), in_ms(seen.fresh.median), per_second(seen.reused),
                      per_second(seen.fresh)),
          {latency, rate}};
}

class plot_report final : public report {
public:
  plot_report(std::unique_ptr<report> first, std::filesystem::path folder)
      : first_(std::move(first)), folder_(std::move(folder)) {}

  void begin(const boost::asio::ip::tcp::endpoint& service_b) override { first_->begin(service_b); }

  void add(const section& told) override {
    first_->add(told);
    if (const auto* const shared = std::get_if<shared_pool>(&told.seen))
      connections_ = connections_of(*shared);
    else if (const auto* const cost = std::get_if<connection_cost>(&told.seen))
      latency_ = latency_of(*cost);
  }

  void end(std::size_t claims, std::size_t broken_claims, milliseconds took) override {
    first_->end(claims, broken_claims, took);
    chart::write(latency_, folder_ / latency_file);
    chart::write(connections_, folder_ / connections_file);
  }

private:
  std::unique_ptr<report> first_;
  std::filesystem::path folder_;
  chart::picture latency_;
  chart::picture connections_;
};

} // namespace

std::unique_ptr<report> make_plot_report(std::unique_ptr<report> first,
                                         std::filesystem::path folder) {
  return std::make_unique<plot_report>(std::move(first), std::move(folder));
}

} // namespace demo
