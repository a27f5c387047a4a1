#include "soak/plot.hpp"

#include "chart/chart.hpp"

#include <algorithm>
#include <functional>
#include <utility>

namespace httpool_test::soak {
namespace {

using getter = std::function<double(const sample&)>;

double as_double(std::size_t count) {
  return static_cast<double>(count);
}

/// Samples whose time is in the unit that is shown.
class plotter {
public:
  explicit plotter(const std::vector<sample>& all)
      : all_(all), is_in_minutes_(all.back().seconds > 180) {}

  chart::panel panel(std::string title) const {
    chart::panel made{std::move(title), is_in_minutes_ ? "minutes" : "seconds"};
    made.end = shown(end());
    made.shaded_until = shown(end() * warm_up);
    return made;
  }

  chart::curve values(const std::string& name, const getter& value) const {
    return curve(name, 250, [&](std::size_t from, std::size_t to) {
      double sum = 0;
      for (std::size_t i = from; i != to; ++i)
        sum += value(all_[i]);
      return sum / as_double(to - from);
    });
  }

  /// The growth a second of a value that is a sum.
  chart::curve rate(const std::string& name, const getter& value) const {
    return curve(name, 120, [&](std::size_t from, std::size_t to) {
      return (value(all_[to]) - value(all_[from])) / (all_[to].seconds - all_[from].seconds);
    });
  }

  chart::panel panel_with_medians(const std::string& title, const getter& value) const {
    chart::panel made = panel(title);
    made.curves = {values(title, value)};
    const halves of = medians(all_, value);
    made.levels = {{shown(end() * warm_up), shown(end() * middle), of.first},
                   {shown(end() * middle), shown(end()), of.second}};
    return made;
  }

private:
  /// No more points than can be told apart: each is made of several samples.
  template <typename Value>
  chart::curve curve(const std::string& name, std::size_t wanted, const Value& value) const {
    const std::size_t step = std::max<std::size_t>(1, all_.size() / wanted);
    chart::curve made{name};
    for (std::size_t i = 0; i + step < all_.size(); i += step)
      made.points.push_back(
          {shown((all_[i].seconds + all_[i + step].seconds) / 2), value(i, i + step)});
    return made;
  }

  double end() const { return all_.back().seconds; }
  double shown(double seconds) const { return is_in_minutes_ ? seconds / 60 : seconds; }

  const std::vector<sample>& all_;
  bool is_in_minutes_;
};

} // namespace

void plot(const std::vector<sample>& all, const std::string& title, const std::string& file) {
  const plotter of(all);
  chart::panel pools = of.panel("connections and waiters of the pools");
  pools.curves = {of.values("leased", [](const sample& s) { return as_double(s.leased); }),
                  of.values("idle", [](const sample& s) { return as_double(s.idle); }),
                  of.values("dialing", [](const sample& s) { return as_double(s.dialing); }),
                  of.values("waiting", [](const sample& s) { return as_double(s.waiting); })};
  chart::panel calls = of.panel("calls per second");
  calls.curves = {of.rate("answered", [](const sample& s) { return as_double(s.all_answered()); }),
                  of.rate("failed, by faults and cancelled",
                          [](const sample& s) { return as_double(s.failed); })};
  chart::write({title,
                "shaded: left out; dashed: medians of the two halves",
                "Memory, descriptors, the pools' connections and the calls over time.",
                {of.panel_with_medians("resident memory, MiB",
                                       [](const sample& s) { return s.resident_mib; }),
                 of.panel_with_medians("open descriptors, both ends of all connections",
                                       [](const sample& s) { return as_double(s.descriptors); }),
                 pools, calls}},
               file);
}

} // namespace httpool_test::soak
