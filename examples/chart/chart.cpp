#include "chart/chart.hpp"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <limits>
#include <ostream>
#include <sstream>
#include <stdexcept>

namespace chart {
namespace {

constexpr double left = 70, right = 24, top = 84, width = 900, height = 150, gap = 76;
constexpr double row_height = 48, inner = width - left - right;
constexpr std::size_t colours = 4;

// Colours are classes, c0 and on, whose values follow the screen.
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
polyline { fill: none; stroke-width: 1.6; stroke-linejoin: round; }
.level { stroke-width: 1.6; stroke-dasharray: 7 4; stroke: var(--ink); }
.c0 { stroke: var(--c0); } .c1 { stroke: var(--c1); } .c2 { stroke: var(--c2); }
.c3 { stroke: var(--c3); } .legend { stroke-width: 3; } .bar { stroke-width: 14; }
</style>
)";

std::string escaped(const std::string& text) {
  std::string safe;
  for (const char c : text)
    switch (c) {
    case '&':
      safe += "&amp;";
      break;
    case '<':
      safe += "&lt;";
      break;
    case '>':
      safe += "&gt;";
      break;
    default:
      safe += c;
    }
  return safe;
}

std::string number(double value) {
  std::ostringstream text;
  text << value;
  return text.str();
}

// In pixels, of which no eye tells hundredths.
double rounded(double pixels) {
  return std::round(pixels * 10) / 10;
}

// 1, 2 or 5 times a power of ten, the first that is not below `least`.
double round_number(double least) {
  least *= 1 - 1e-9; // powers are not exact
  const double power = std::pow(10, std::floor(std::log10(least)));
  for (const double factor : {1.0, 2.0, 5.0})
    if (power * factor >= least)
      return power * factor;
  return power * 10;
}

std::string class_of(std::size_t index) {
  return std::string("c").append(std::to_string(index % colours));
}

double height_of(const panel& what) {
  return what.bars.empty() ? height : row_height * static_cast<double>(what.bars.size());
}

class drawing {
public:
  drawing(std::ostream& out, const panel& what, double at) : out_(out), what_(what), at_(at) {
    double least = std::numeric_limits<double>::max(), most_x = what.end, most_y = 0;
    for (const curve& each : what.curves)
      for (const point& p : each.points) {
        least = std::min(least, p.x);
        most_x = std::max(most_x, p.x);
        most_y = std::max(most_y, p.y);
      }
    for (const bar& each : what.bars)
      most_x = std::max(most_x, each.value * 1.1);
    if (!(most_x > 0))
      throw std::runtime_error("there is nothing to draw of " + what.title);
    begin_ = what.is_logarithmic ? 1 / round_number(1 / least) : 0;
    end_ = what.is_logarithmic ? round_number(std::max(most_x, begin_ * 2)) : most_x;
    const double wanted = what.most.value_or(std::max(most_y, 1.0) * 1.05);
    step_ = round_number(wanted / 5);
    top_value_ = what.most.value_or(step_ * std::ceil(wanted / step_));
  }

  void draw() {
    if (what_.shaded_until > 0)
      out_ << "<rect class='shade' x='" << left << "' y='" << at_ << "' width='"
           << rounded(x(what_.shaded_until) - left) << "' height='" << height_of(what_) << "'/>\n";
    text(left, at_ - 10, "start", "head", what_.title);
    draw_x_scale();
    if (what_.bars.empty())
      draw_curves();
    else
      draw_bars();
  }

private:
  double x(double value) const {
    const double share = what_.is_logarithmic ? std::log(value / begin_) / std::log(end_ / begin_)
                                              : (value - begin_) / (end_ - begin_);
    return left + inner * share;
  }

  double y(double value) const { return at_ + height * (1 - value / top_value_); }

  void text(double at_x, double at_y, const char* anchor, const char* kind,
            const std::string& what) {
    out_ << "<text x='" << rounded(at_x) << "' y='" << rounded(at_y) << "' text-anchor='" << anchor
         << "' class='" << kind << "'>" << escaped(what) << "</text>\n";
  }

  void line(const std::string& kind, double x1, double y1, double x2, double y2) {
    out_ << "<line class='" << kind << "' x1='" << rounded(x1) << "' y1='" << rounded(y1)
         << "' x2='" << rounded(x2) << "' y2='" << rounded(y2) << "'/>\n";
  }

  void mark(double value) {
    line("grid", x(value), at_, x(value), at_ + height_of(what_));
    text(x(value), at_ + height_of(what_) + 18, "middle", "", number(value));
  }

  void draw_x_scale() {
    const double bottom = at_ + height_of(what_);
    if (what_.is_logarithmic) {
      for (double v = begin_; v < end_ * 1.01; v = round_number(v * 1.01))
        mark(v);
    } else {
      const double step = round_number((end_ - begin_) / 10);
      for (int i = 0; i * step <= end_; ++i)
        mark(i * step);
    }
    text(width - right, bottom + 34, "end", "", what_.x_title);
  }

  void draw_curves() {
    for (int i = 0; i * step_ <= top_value_ * 1.001; ++i) {
      line(i == 0 ? "axis" : "grid", left, y(i * step_), width - right, y(i * step_));
      text(left - 8, y(i * step_) + 4, "end", "", number(i * step_));
    }
    for (std::size_t i = 0; i != what_.curves.size(); ++i)
      draw_curve(what_.curves[i], class_of(i));
    for (const level& each : what_.levels)
      line("level", x(each.from), y(each.value), x(each.to), y(each.value));
    if (what_.curves.size() > 1)
      draw_legend();
  }

  void draw_curve(const curve& shown, const std::string& kind) {
    out_ << "<polyline class='" << kind << "' points='";
    const point* before = nullptr;
    for (const point& p : shown.points) {
      if (shown.is_stepped && before)
        out_ << rounded(x(p.x)) << ',' << rounded(y(before->y)) << ' ';
      out_ << rounded(x(p.x)) << ',' << rounded(y(p.y)) << ' ';
      before = &p;
    }
    out_ << "'><title>" << escaped(shown.name) << "</title></polyline>\n";
  }

  void draw_legend() {
    double at = width - right;
    for (std::size_t i = what_.curves.size(); i-- > 0;) {
      const std::string& name = what_.curves[i].name;
      at -= 6.6 * static_cast<double>(name.size()); // About as wide as it is.
      text(at, at_ - 10, "start", "", name);
      line(class_of(i).append(" legend"), at - 22, at_ - 14, at - 6, at_ - 14);
      at -= 40;
    }
  }

  void draw_bars() {
    line("axis", left, at_, left, at_ + height_of(what_));
    double row = at_;
    for (std::size_t i = 0; i != what_.bars.size(); ++i, row += row_height) {
      const bar& each = what_.bars[i];
      text(left + 6, row + 17, "start", "", each.name + ": " + number(std::round(each.value)));
      line(class_of(i).append(" bar"), left, row + 32, x(each.value), row + 32);
    }
  }

  std::ostream& out_;
  const panel& what_;
  double at_;
  double begin_ = 0;
  double end_ = 1;
  double step_ = 1;
  double top_value_ = 1;
};

} // namespace

std::string as_svg(const picture& shown) {
  double total = top;
  for (const panel& each : shown.panels)
    total += height_of(each) + gap;
  total -= gap / 3;
  std::ostringstream out;
  out << "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 " << width << ' ' << total
      << "' width='" << width << "' height='" << total << "' role='img' "
      << "aria-labelledby='title description'>\n<title id='title'>" << escaped(shown.title)
      << "</title>\n<desc id='description'>" << escaped(shown.description) << "</desc>\n"
      << style << "<rect class='paper' width='100%' height='100%'/>\n<text class='title' x='"
      << left << "' y='30'>" << escaped(shown.title) << "</text>\n<text x='" << width - right
      << "' y='30' text-anchor='end'>" << escaped(shown.note) << "</text>\n";
  double at = top;
  for (const panel& each : shown.panels) {
    drawing(out, each, at).draw();
    at += height_of(each) + gap;
  }
  out << "</svg>\n";
  return out.str();
}

void write(const picture& shown, const std::filesystem::path& file) {
  std::ofstream out(file);
  out << as_svg(shown);
  out.close();
  if (!out)
    throw std::runtime_error("cannot write " + file.string());
}

} // namespace chart
