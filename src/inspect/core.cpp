#include "inspect/core.hpp"

#include "inspect/events.hpp"
#include "inspect/text.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace httpool::detail {
namespace {

using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;

void check(const char* field, std::int64_t value, std::int64_t least, std::int64_t most) {
  if (value < least || value > most)
    throw std::invalid_argument("httpool: inspector_options::" + std::string(field) + " is " +
                                std::to_string(value) + ", but must be from " +
                                std::to_string(least) + " to " + std::to_string(most));
}

inspector_options checked(inspector_options options) {
  const std::chrono::nanoseconds least = 50ms, most = 1s;
  check("sample_every", options.sample_every.count(), least.count(), most.count());
  check("max_pools", static_cast<std::int64_t>(options.max_pools), 1, 1000);
  check("max_lanes", static_cast<std::int64_t>(options.max_lanes), 1, 10'000);
  check("max_streams", static_cast<std::int64_t>(options.max_streams), 0, 1000);
  return options;
}

} // namespace

inspector_core::inspector_core(inspector_options options) : options_(checked(std::move(options))) {
  sight_.sample_every = options_.sample_every;
  sight_.column = columns;
  sight_.at = began_;
  thread_ = std::thread([this] { run(); });
}

inspector_core::~inspector_core() {
  close();
}

void inspector_core::run() {
  std::unique_lock lock(mutex_);
  clock::time_point next = clock::now();
  while (!is_closed_) {
    lock.unlock();
    try {
      sample();
    } catch (const std::exception&) {
      // Memory lacked, or somebody's figures did: the next look may do better.
    }
    // A machine that was asleep, or had better things to do, does not catch up.
    next = std::max(next + options_.sample_every, clock::now());
    lock.lock();
    ended_.wait_until(lock, next, [this] { return is_closed_.load(); });
  }
}

void inspector_core::close() noexcept {
  {
    const std::lock_guard lock(mutex_);
    is_closed_ = true;
  }
  ended_.notify_all();
  const std::lock_guard lock(ending_);
  if (!thread_.joinable())
    return;
  thread_.join();
  for (const auto& each : sight_.servers)
    metrics_.remove(*each);
}

std::vector<metric_label> inspector_core::labels_of(const std::string& name) {
  return {{"name", clean_text(name)}};
}

void inspector_core::add_metrics(const std::function<void(metrics_registry&)>& add) {
  try {
    add(metrics_);
  } catch (const std::invalid_argument&) {
    // The page may have two of a name, the metrics may not.
  }
}

/// Under the lock.
watched& inspector_core::named(std::string name) {
  name = clean_text(name);
  const auto found = std::find_if(sight_.pools.begin(), sight_.pools.end(),
                                  [&](const watched& each) { return each.name == name; });
  if (found != sight_.pools.end())
    return *found;
  sight_.pools.emplace_back();
  sight_.pools.back().name = std::move(name);
  return sight_.pools.back();
}

void inspector_core::watch(std::string name, watched::look_function look) {
  const std::lock_guard lock(mutex_);
  watched& known = named(std::move(name));
  known.look = std::move(look);
  // Of another client, whose origins are none of this one's business.
  std::erase_if(known.tracks, [](const track& each) { return !each.name().empty(); });
}

void inspector_core::watch_server(std::string name, std::function<server_stats()> figures) {
  const std::lock_guard lock(mutex_);
  sight_.servers.push_back(std::make_unique<watched_server>());
  watched_server& made = *sight_.servers.back();
  made.name = clean_text(name);
  made.figures = std::move(figures);
  add_metrics([&](metrics_registry& to) { to.add(made, labels_of(made.name)); });
}

std::shared_ptr<recorder> inspector_core::observer(std::string name,
                                                   std::shared_ptr<pool_observer> next) {
  auto made = std::make_shared<recorder>(std::move(next));
  const std::lock_guard lock(mutex_);
  named(std::move(name)).observer = made;
  return made;
}

void inspector_core::sample() {
  const std::lock_guard lock(mutex_);
  if (is_closed_)
    return;
  sight_.at = clock::now();
  const auto passed = static_cast<std::uint64_t>((sight_.at - began_) / options_.sample_every);
  sight_.column = columns + passed;
  event_ = nullptr;
  const bool turns = sight_.at - turned_ >= 10s;
  if (turns)
    turned_ = sight_.at;
  std::size_t room = options_.max_pools;
  sight_.left_out = 0;
  for (watched& each : sight_.pools) {
    look_at(each, room);
    if (turns && each.observer)
      each.observer->turn();
  }
  std::erase_if(sight_.pools, [](const watched& each) {
    return !each.look && each.tracks.empty() && each.observer.use_count() <= 1;
  });
  for (const auto& each : sight_.servers)
    each->seen = each->figures();
  column_ = sight_.column;
}

/// Under the lock.
void inspector_core::look_at(watched& pools, std::size_t& room) {
  std::optional<std::vector<watched::named_view>> seen;
  if (pools.look)
    seen = pools.look();
  if (!seen)
    pools.look = nullptr;
  for (watched::named_view& each : seen ? *seen : std::vector<watched::named_view>()) {
    if (room == 0) {
      ++sight_.left_out;
      continue;
    }
    --room;
    const std::string name = clean_text(each.name);
    auto found = std::find_if(pools.tracks.begin(), pools.tracks.end(),
                              [&](const track& known) { return known.name() == name; });
    if (found == pools.tracks.end())
      found = pools.tracks.insert(found, track(name));
    found->update(std::move(each.view), sight_.column, sight_.at, options_.max_lanes);
  }
  for (track& each : pools.tracks) {
    if (each.seen_at() != sight_.at)
      each.miss(sight_.column);
  }
  std::erase_if(pools.tracks, [&](const track& each) {
    return each.is_gone() && (room == 0 || each.last_column() + columns <= sight_.column);
  });
  room -= std::min<std::size_t>(
      room, static_cast<std::size_t>(std::count_if(pools.tracks.begin(), pools.tracks.end(),
                                                   [](const track& t) { return t.is_gone(); })));
}

std::shared_ptr<const std::string> inspector_core::event(bool is_whole) {
  const std::lock_guard lock(mutex_);
  if (is_whole)
    return std::make_shared<const std::string>(event_text(sight_, true));
  if (!event_)
    event_ = std::make_shared<const std::string>(event_text(sight_, false));
  return event_;
}

bool inspector_core::take_stream() noexcept {
  std::size_t taken = streams_;
  while (taken < options_.max_streams) {
    if (streams_.compare_exchange_weak(taken, taken + 1))
      return true;
  }
  return false;
}

} // namespace httpool::detail
