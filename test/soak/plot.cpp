#include "soak/plot.hpp"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <functional>
#include <sstream>
#include <stdexcept>

namespace httpool_test::soak {
namespace {

constexpr double left = 70, right = 20, top = 72, width = 900, height = 150, gap = 62;
constexpr double inner = width - left - right;

/// Colours are classes, c0 and on, whose values follow the screen.
constexpr auto style = R"(<style>
svg { --ink: #1f2328; --faint: #d8dee4; --paper: #ffffff; --shade: #f3f4f6;
      --c0: #0969da; --c1: #bc4c00; --c2: #1a7f37; --c3: #8250df; }
@media (prefers-color-scheme: dark) {
  svg { --ink: #e6edf3; --faint: #30363d; --paper: #0d1117; --shade: #161b22;
        --c0: #58a6ff; --c1: #f0883e; --c2: #3fb950; --c3: #bc8cff; } }
text { font: 12px system-ui, sans-serif; fill: var(--ink); }
.title { font-size: 16px; font-weight: 600; } .head { font-weight: 600; }
.paper { fill: var(--paper); } .shade { fill: var(--shade); }
.grid { stroke: var(--faint); } .axis { stroke: var(--ink); }
polyline { fill: none; stroke-width: 1.4; stroke-linejoin: round; }
.median { stroke-width: 1.6; stroke-dasharray: 7 4; stroke: var(--ink); }
.c0 { stroke: var(--c0); } .c1 { stroke: var(--c1); } .c2 { stroke: var(--c2); }
.c3 { stroke: var(--c3); } .legend { stroke-width: 3; }
</style>
)";

using getter = std::function<double(const sample&)>;

struct curve {
  std::string name;
  getter value;
  bool has_medians = false;
  bool is_rate = false; ///< The value is a sum, whose growth a second is drawn.
};

struct panel {
  std::string title; ///< With the unit.
  std::vector<curve> curves;
};

double as_double(std::size_t count) {
  return static_cast<double>(count);
}

std::vector<panel> panels() {
  const auto rate = [](const std::string& name, getter value) {
    return curve{name, std::move(value), false, true};
  };
  std::vector<panel> all(4);
  all[0].title = "resident memory, MiB";
  all[0].curves = {{"memory", [](const sample& s) { return s.resident_mib; }, true}};
  all[1].title = "open descriptors, both ends of all connections";
  all[1].curves = {{"descriptors", [](const sample& s) { return as_double(s.descriptors); }, true}};
  all[2].title = "connections and waiters of the pools";
  all[2].curves = {{"leased", [](const sample& s) { return as_double(s.leased); }},
                   {"idle", [](const sample& s) { return as_double(s.idle); }},
                   {"dialing", [](const sample& s) { return as_double(s.dialing); }},
                   {"waiting", [](const sample& s) { return as_double(s.waiting); }}};
  all[3].title = "calls per second";
  all[3].curves = {
      rate("answered", [](const sample& s) { return as_double(s.answered); }),
      rate("failed, by faults and cancelled", [](const sample& s) { return as_double(s.failed); })};
  return all;
}

struct point {
  double x, y;
};

/// No more points than can be told apart: each is the mean of several samples.
std::vector<point> points_of(const curve& of, const std::vector<sample>& all) {
  const std::size_t wanted = of.is_rate ? 120 : 250;
  const std::size_t step = std::max<std::size_t>(1, all.size() / wanted);
  std::vector<point> points;
  for (std::size_t i = 0; i + step < all.size(); i += step) {
    const sample &from = all[i], &to = all[i + step];
    double sum = 0;
    for (std::size_t k = i; k < i + step; ++k)
      sum += of.value(all[k]);
    const double y = of.is_rate ? (of.value(to) - of.value(from)) / (to.seconds - from.seconds)
                                : sum / as_double(step);
    points.push_back({(from.seconds + to.seconds) / 2, y});
  }
  return points;
}

/// A distance between lines of a grid: 1, 2 or 5 times a power of ten, about `count` of them.
double step_for(double range, double count) {
  const double rough = range / count, power = std::pow(10, std::floor(std::log10(rough)));
  for (const double factor : {1.0, 2.0, 5.0})
    if (power * factor >= rough)
      return power * factor;
  return power * 10;
}

/// One panel, whose scale begins at zero.
class drawing {
public:
  drawing(std::ostream& out, const std::vector<sample>& all, double at)
      : out_(out), all_(all), at_(at), seconds_(all.back().seconds) {}

  void draw(const panel& what) {
    std::vector<std::vector<point>> lines;
    double most = 1;
    for (const curve& each : what.curves) {
      lines.push_back(points_of(each, all_));
      for (const point& p : lines.back())
        most = std::max(most, p.y);
    }
    const double step = step_for(most * 1.05, 4);
    top_value_ = step * std::ceil(most * 1.05 / step);
    rectangle("shade", x(0), at_, x(seconds_ * warm_up) - x(0), height);
    text(left, at_ - 10, "start", "head", what.title);
    for (double v = 0; v <= top_value_ + step / 2; v += step) {
      line(v == 0 ? "axis" : "grid", left, y(v), width - right, y(v));
      text(left - 8, y(v) + 4, "end", "", number(v));
    }
    draw_time();
    for (std::size_t i = 0; i < lines.size(); ++i)
      draw_curve(what.curves[i], lines[i], color(i));
    draw_legend(what);
  }

private:
  double x(double seconds) const { return left + inner * seconds / seconds_; }
  double y(double value) const { return at_ + height * (1 - value / top_value_); }

  static std::string color(std::size_t index) {
    return std::string("c").append(std::to_string(index));
  }

  static std::string number(double value) {
    std::ostringstream text;
    text << value;
    return text.str();
  }

  void text(double at_x, double at_y, const char* anchor, const char* kind,
            const std::string& what) {
    out_ << "<text x='" << at_x << "' y='" << at_y << "' text-anchor='" << anchor << "' class='"
         << kind << "'>" << what << "</text>\n";
  }

  void line(const std::string& kind, double x1, double y1, double x2, double y2) {
    out_ << "<line class='" << kind << "' x1='" << x1 << "' y1='" << y1 << "' x2='" << x2
         << "' y2='" << y2 << "'/>\n";
  }

  void rectangle(const char* kind, double at_x, double at_y, double wide, double high) {
    out_ << "<rect class='" << kind << "' x='" << at_x << "' y='" << at_y << "' width='" << wide
         << "' height='" << high << "'/>\n";
  }

  void draw_time() {
    const bool in_minutes = seconds_ > 180;
    const double unit = in_minutes ? 60 : 1, step = step_for(seconds_ / unit, 8);
    for (double t = 0; t <= seconds_ / unit * 1.005; t += step)
      text(x(t * unit), at_ + height + 18, "middle", "", number(t));
    text(width - right, at_ + height + 34, "end", "", in_minutes ? "minutes" : "seconds");
  }

  void draw_curve(const curve& what, const std::vector<point>& points, const std::string& kind) {
    out_ << "<polyline class='" << kind << "' points='";
    for (const point& p : points)
      out_ << x(p.x) << ',' << y(p.y) << ' ';
    out_ << "'/>\n";
    if (!what.has_medians)
      return;
    const halves of = medians(all_, what.value);
    line("median", x(seconds_ * warm_up), y(of.first), x(seconds_ * middle), y(of.first));
    line("median", x(seconds_ * middle), y(of.second), x(seconds_), y(of.second));
  }

  void draw_legend(const panel& what) {
    if (what.curves.size() < 2)
      return;
    double at = width - right;
    for (std::size_t i = what.curves.size(); i-- > 0;) {
      const std::string& name = what.curves[i].name;
      at -= 6.6 * as_double(name.size()); // About as wide as it is.
      text(at, at_ - 10, "start", "", name);
      line(color(i).append(" legend"), at - 22, at_ - 14, at - 6, at_ - 14);
      at -= 40;
    }
  }

  std::ostream& out_;
  const std::vector<sample>& all_;
  double at_;
  double seconds_;
  double top_value_ = 1;
};

} // namespace

void plot(const std::vector<sample>& all, const std::string& title, const std::string& file) {
  std::ofstream out(file);
  const std::vector<panel> what = panels();
  const double total = top + as_double(what.size()) * (height + gap);
  out << "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 " << width << ' ' << total
      << "' width='" << width << "' height='" << total << "'>\n"
      << style << "<rect class='paper' width='100%' height='100%'/>\n<text class='title' x='"
      << left << "' y='28'>" << title << "</text>\n<text x='" << width - right
      << "' y='28' text-anchor='end'>shaded: left out; dashed: medians of the two halves</text>\n";
  double at = top;
  for (const panel& each : what) {
    drawing(out, all, at).draw(each);
    at += height + gap;
  }
  out << "</svg>\n";
  out.flush();
  if (!out)
    throw std::runtime_error("cannot write " + file);
}

} // namespace httpool_test::soak
