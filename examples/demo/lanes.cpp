#include "lanes.hpp"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <array>
#include <map>

namespace demo {
namespace {

// The turn that has most of the time from `begin` to `end`, or the number of turns if the
// connection is nobody's for most of it.
std::size_t turn_within(const lane& shown, milliseconds begin, milliseconds end) {
  std::size_t found = shown.turns.size();
  milliseconds longest{};
  milliseconds idle = end - begin;
  for (std::size_t i = 0; i != shown.turns.size(); ++i) {
    const turn& each = shown.turns[i];
    const milliseconds had = std::min(end, each.ended) - std::max(begin, each.granted);
    idle -= std::max(had, milliseconds());
    if (had > longest) {
      longest = had;
      found = i;
    }
  }
  return idle > (end - begin) / 2 ? shown.turns.size() : found;
}

// A step between marks that makes at most six of them.
double step_for(double end) {
  constexpr std::array<double, 3> digits = {1, 2, 5};
  for (double unit = 1;; unit *= 10)
    for (const double digit : digits)
      if (end / (unit * digit) <= 6)
        return unit * digit;
}

} // namespace

std::vector<lane> lanes_of(const std::vector<turn>& turns) {
  std::map<std::uint64_t, lane> by_connection;
  for (const turn& each : turns) {
    by_connection[each.connection].connection = each.connection;
    by_connection[each.connection].turns.push_back(each);
  }
  std::vector<lane> lanes;
  for (auto& [connection, one] : by_connection) {
    std::sort(one.turns.begin(), one.turns.end(),
              [](const turn& a, const turn& b) { return a.granted < b.granted; });
    lanes.push_back(std::move(one));
  }
  return lanes;
}

char letter_of(std::size_t task) {
  return static_cast<char>('A' + task % 26);
}

std::string draw(const lane& shown, milliseconds end, std::size_t width, const paint& colours) {
  const milliseconds one_cell = end / static_cast<double>(width);
  const auto turn_in_cell = [&](std::size_t cell) {
    const milliseconds begin = one_cell * static_cast<double>(cell);
    return turn_within(shown, begin, begin + one_cell);
  };
  std::string drawn;
  bool was_used = false;
  for (std::size_t cell = 0; cell != width;) {
    const std::size_t current = turn_in_cell(cell);
    std::size_t length = 1;
    while (cell + length != width && turn_in_cell(cell + length) == current)
      ++length;
    cell += length;
    if (current != shown.turns.size()) {
      was_used = true;
      drawn += colours.block(current, std::string(length, letter_of(shown.turns[current].task)));
    } else {
      drawn += was_used ? colours.dim(std::string(length, '.')) : std::string(length, ' ');
    }
  }
  return drawn;
}

std::string draw_scale(milliseconds end, std::size_t width) {
  std::string scale(width, ' ');
  const double step = step_for(end.count());
  for (double mark = 0; mark <= end.count(); mark += step) {
    const auto at = static_cast<std::size_t>(mark / end.count() * static_cast<double>(width));
    const std::string text = fmt::format("|{:.0f}", mark);
    if (at + text.size() <= width)
      scale.replace(at, text.size(), text);
  }
  scale.erase(scale.find_last_not_of(' ') + 1);
  return scale;
}

} // namespace demo
