#include "inspect/track.hpp"

#include <algorithm>
#include <utility>

namespace httpool::detail {
namespace {

/// Lanes of connections that have gone, beside which others are forgotten.
constexpr std::size_t most_gone = 16;

constexpr char absent = static_cast<char>(mark::absent);

mark mark_of(const connection_view& now, const connection_view& before) noexcept {
  switch (now.state) {
  case connection_state::dialing:
    return mark::dialing;
  case connection_state::idle:
    return now.uses != before.uses ? mark::used : mark::idle;
  case connection_state::leased:
    if (now.probed)
      return mark::probed;
    // After many leases, gaps would say nothing.
    return now.uses == before.uses + 1 ? mark::leased_anew : mark::leased;
  case connection_state::closing:
    break;
  }
  return mark::closing;
}

/// The same, of one that may have been looked at in that column before.
mark mark_of(const connection_view& now, const lane& before, std::uint64_t column) noexcept {
  const mark made = mark_of(now, before.seen);
  const auto then = static_cast<mark>(before.marks.at(column));
  const bool was_used = then == mark::used || then == mark::leased || then == mark::leased_anew;
  if (made == mark::idle && was_used)
    return mark::used;
  return made == mark::leased && then == mark::leased_anew ? then : made;
}

} // namespace

void track::update(pool_view view, std::uint64_t column, time_point now, std::size_t max_lanes) {
  skip_to(column);
  for (lane& each : lanes_)
    each.is_gone = true;
  hidden_ = 0;
  std::sort(view.connections.begin(), view.connections.end(),
            [](const connection_view& a, const connection_view& b) {
              return a.dialed_at != b.dialed_at ? a.dialed_at < b.dialed_at : a.id < b.id;
            });
  for (const connection_view& seen : view.connections) {
    lane* found = find(seen);
    if (!found)
      found = room(max_lanes);
    if (!found) {
      ++hidden_;
      continue;
    }
    found->marks.set(column, static_cast<char>(mark_of(seen, *found, column)));
    found->seen = seen;
    found->is_gone = false;
    found->last_column = column;
  }
  waiting_.set(column, static_cast<std::uint32_t>(view.stats.waiting));
  view_ = std::move(view);
  is_gone_ = false;
  last_seen_ = column;
  seen_at_ = now;
  measure(now);
  forget_the_old(column);
}

void track::miss(std::uint64_t column) {
  skip_to(column);
  for (lane& each : lanes_)
    each.is_gone = true;
  waiting_.set(column, 0);
  is_gone_ = true;
  hidden_ = 0;
  rate_ = 0;
  forget_the_old(column);
}

/// Columns in which nobody looked are like the last one; what is to be set next is empty.
void track::skip_to(std::uint64_t column) {
  if (column == column_)
    return;
  const std::uint64_t missed = column - column_ - 1;
  const std::uint64_t first = column - std::min<std::uint64_t>(missed, columns - 1);
  for (lane& each : lanes_) {
    const char last = each.is_gone ? absent : each.marks.at(column_);
    for (std::uint64_t i = first; i != column; ++i)
      each.marks.set(i, last);
    each.marks.set(column, absent);
  }
  const std::uint32_t last = waiting_.at(column_);
  for (std::uint64_t i = first; i != column; ++i)
    waiting_.set(i, is_gone_ ? 0 : last);
  column_ = column;
}

/// The lane of a connection, which had no id while it was being dialed.
lane* track::find(const connection_view& seen) {
  for (const std::uint64_t id : {seen.id, std::uint64_t{0}}) {
    for (lane& each : lanes_) {
      if (each.is_gone && each.seen.id == id && each.seen.dialed_at == seen.dialed_at)
        return &each;
    }
  }
  return nullptr;
}

/// A lane for a new connection, that of one that has gone if there is no other.
lane* track::room(std::size_t max_lanes) {
  if (lanes_.size() < max_lanes)
    lanes_.emplace_back();
  else {
    const auto oldest =
        std::min_element(lanes_.begin(), lanes_.end(), [&](const lane& a, const lane& b) {
          return a.last_column < b.last_column;
        });
    if (oldest->last_column >= last_seen_) // it is there, or may still be found to be
      return nullptr;
    lanes_.erase(oldest);
    lanes_.emplace_back();
  }
  lanes_.back().key = ++last_key_;
  return &lanes_.back();
}

void track::forget_the_old(std::uint64_t column) {
  std::stable_sort(lanes_.begin(), lanes_.end(), [](const lane& a, const lane& b) {
    return a.is_gone != b.is_gone ? b.is_gone : a.is_gone && a.last_column > b.last_column;
  });
  const auto is_old = [&](const lane& each) {
    return each.is_gone && each.last_column + columns <= column;
  };
  std::erase_if(lanes_, is_old);
  const auto first_gone =
      std::find_if(lanes_.begin(), lanes_.end(), [](const lane& each) { return each.is_gone; });
  if (static_cast<std::size_t>(lanes_.end() - first_gone) > most_gone)
    lanes_.erase(first_gone + most_gone, lanes_.end());
}

/// Over a second or so, for what is read by people.
void track::measure(time_point now) {
  const std::uint64_t count = view_.stats.granted;
  const std::chrono::duration<double> passed = now - rate_since_;
  if (rate_since_ == time_point() || count < rate_count_) {
    rate_ = 0;
  } else if (passed.count() >= 1) {
    rate_ = static_cast<double>(count - rate_count_) / passed.count();
  } else {
    return;
  }
  rate_count_ = count;
  rate_since_ = now;
}

} // namespace httpool::detail
