#include "inspect/page.hpp"

#include "inspect/assets.hpp"
#include "inspect/display.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

namespace httpool::detail {
namespace {

/// A row of cells, the first of which names it.
template <class Cells>
std::string row_of(const Cells& cells) {
  std::string row = "<tr><th scope=\"row\">" + escaped(cells[0]) + "</th>";
  for (std::size_t i = 1; i != cells.size(); ++i)
    row += "<td>" + escaped(cells[i]) + "</td>";
  return row + "</tr>";
}

template <class Rows>
std::string rows_of(const Rows& rows) {
  std::string all;
  for (const auto& row : rows)
    all += row_of(row);
  return all;
}

std::string lane_html(const lane& each, bool is_first, const sight& all) {
  texts with = display_of(each, all);
  const std::string history = history_of(each, all);
  static constexpr std::array<std::pair<std::string_view, char>, 6> kinds = {{{"bars_d", 'd'},
                                                                              {"bars_i", 'i'},
                                                                              {"bars_u", 'u'},
                                                                              {"bars_l", 'l'},
                                                                              {"bars_p", 'p'},
                                                                              {"bars_c", 'c'}}};
  for (const auto& [name, kind] : kinds)
    with.emplace_back(name, bars_of(history, kind));
  with.emplace_back("key", std::to_string(each.key));
  with.emplace_back("tabindex", is_first ? "0" : "-1");
  return filled(assets::lane_html, with);
}

std::string pool_html(const watched& group, const track& pool, const sight& all) {
  pool_display shown = display_of(group, pool, all);
  texts with = std::move(shown.fields);
  with.emplace_back("key", key_of(group, pool));
  std::uint64_t from = 0;
  static constexpr std::array<std::array<std::string_view, 2>, 4> parts = {
      {{"x_dialing", "w_dialing"},
       {"x_idle", "w_idle"},
       {"x_leased", "w_leased"},
       {"x_closing", "w_closing"}}};
  for (const std::size_t i : {2u, 1u, 0u, 3u}) { // leased first, as what matters most
    with.emplace_back(parts[i][0], std::to_string(from * 1000 / shown.limit));
    with.emplace_back(parts[i][1], std::to_string(shown.parts[i] * 1000 / shown.limit));
    from += shown.parts[i];
  }
  const auto counts = waiters_of(pool, all);
  with.emplace_back("outline", outline_of(counts));
  with.emplace_back("most_waited", count_text(*std::max_element(counts.begin(), counts.end())));
  std::string lanes;
  for (const lane& each : pool.lanes())
    lanes += lane_html(each, lanes.empty(), all);
  with.emplace_back("lanes", std::move(lanes));
  with.emplace_back("closes", rows_of(shown.closes));
  return filled(assets::pool_html, with);
}

std::string pools_html(const sight& all) {
  std::string pools;
  for (const watched& group : all.pools) {
    for (const track& each : group.tracks)
      pools += pool_html(group, each, all);
  }
  return pools;
}

} // namespace

std::string bars_of(std::string_view history, char mark) {
  struct shape {
    char mark;
    int top;
    int height;
  };
  static constexpr std::array<shape, 5> shapes = {
      {{'i', 7, 2}, {'u', 6, 8}, {'l', 1, 14}, {'p', 4, 8}, {'c', 12, 3}}};
  const auto is_of = [&](std::size_t i) {
    return history[i] == mark || (mark == 'l' && history[i] == 'n');
  };
  std::string path;
  for (std::size_t i = 0; i < history.size();) {
    std::size_t end = i + 1;
    if (is_of(i) && mark == 'd') {
      path += 'M' + std::to_string(i) + " 3h.6v10h-.6z"; // a stripe a column
    } else if (is_of(i)) {
      while (end < history.size() && history[end] == mark)
        ++end;
      const auto how = std::find_if(shapes.begin(), shapes.end(),
                                    [&](const shape& each) { return each.mark == mark; });
      // A lease after another begins with a gap.
      const bool has_gap = history[i] == 'n';
      const std::string width =
          has_gap ? std::to_string(end - i - 1) + ".7" : std::to_string(end - i);
      path += 'M' + std::to_string(i) + (has_gap ? ".3 " : " ") + std::to_string(how->top) + 'h' +
              width + 'v' + std::to_string(how->height) + "h-" + width + 'z';
    }
    i = end;
  }
  return path;
}

std::string outline_of(const std::vector<std::uint32_t>& counts) {
  const std::uint64_t most = std::max(1u, *std::max_element(counts.begin(), counts.end()));
  std::string path = "M0 100";
  for (std::size_t i = 0; i != counts.size();) {
    std::size_t end = i + 1;
    while (end != counts.size() && counts[end] == counts[i])
      ++end;
    path += 'V' + std::to_string(100 - counts[i] * 96 / most) + 'H' + std::to_string(end);
    i = end;
  }
  return path + "V100z";
}

std::string page_text(const sight& all, std::string_view nonce) {
  // What the script makes new pools and lanes from is what the page is made from.
  sight nothing;
  nothing.column = columns;
  nothing.sample_every = all.sample_every;
  const watched no_pool{};
  const track no_track{std::string()};
  const lane no_lane{};
  return filled(assets::page_html, {{"nonce", std::string(nonce)},
                                    {"style", std::string(assets::style_css)},
                                    {"script", std::string(assets::script_js)},
                                    {"pools", pools_html(all)},
                                    {"events", rows_of(occurrences_of(all))},
                                    {"servers", rows_of(servers_of(all))},
                                    {"no_servers", all.servers.empty() ? "hidden" : ""},
                                    {"no_pools", all.pools.empty() ? "" : "hidden"},
                                    {"left_out", left_out_text(all)},
                                    {"no_left_out", all.left_out == 0 ? "hidden" : ""},
                                    {"no_events", all.pools.empty() ? "hidden" : ""},
                                    {"pool_template", pool_html(no_pool, no_track, nothing)},
                                    {"lane_template", lane_html(no_lane, false, nothing)}});
}

} // namespace httpool::detail
