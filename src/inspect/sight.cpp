#include "inspect/sight.hpp"

#include "inspect/text.hpp"

#include <algorithm>
#include <utility>

namespace httpool::detail {
namespace {

/// What was known of that name before.
std::vector<track> known_tracks(const sight& before, const watched& pools) {
  const auto found = std::find_if(before.pools.begin(), before.pools.end(),
                                  [&](const watched& each) { return each.name == pools.name; });
  if (found == before.pools.end())
    return {};
  std::vector<track> known = found->tracks;
  // Of another client, whose origins are none of this one's business.
  if (found->number != pools.number)
    std::erase_if(known, [](const track& each) { return !each.name().empty(); });
  return known;
}

void add_views(watched& pools, std::vector<named_view> seen, sight& all, std::size_t& room,
               std::size_t max_lanes) {
  for (named_view& each : seen) {
    if (room == 0) {
      ++all.left_out;
      continue;
    }
    --room;
    const std::string name = clean_text(each.name);
    auto found = std::find_if(pools.tracks.begin(), pools.tracks.end(),
                              [&](const track& known) { return known.name() == name; });
    if (found == pools.tracks.end())
      found = pools.tracks.insert(found, track(name));
    found->update(std::move(each.view), all.column, all.at, max_lanes);
  }
  for (track& each : pools.tracks) {
    if (each.seen_at() != all.at)
      each.miss(all.column);
  }
  std::erase_if(pools.tracks, [&](const track& each) {
    return each.is_gone() && (room == 0 || each.last_column() + columns <= all.column);
  });
  room -= std::min<std::size_t>(
      room, static_cast<std::size_t>(std::count_if(pools.tracks.begin(), pools.tracks.end(),
                                                   [](const track& t) { return t.is_gone(); })));
}

} // namespace

sight sight_after(const sight& before, look_result found, std::uint64_t column,
                  std::chrono::steady_clock::time_point at, std::size_t max_pools,
                  std::size_t max_lanes) {
  sight all;
  all.column = column;
  all.at = at;
  all.sample_every = before.sample_every;
  all.servers = std::move(found.servers);
  std::size_t room = max_pools;
  for (std::size_t i = 0; i != found.pools.size(); ++i) {
    watched pools = std::move(found.pools[i]);
    pools.tracks = known_tracks(before, pools);
    add_views(pools, std::move(found.views[i]), all, room, max_lanes);
    all.pools.push_back(std::move(pools));
  }
  return all;
}

} // namespace httpool::detail
