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

server_stats server_entry::stats() const {
  if (const auto seen = figures->ask())
    return *seen;
  throw std::runtime_error("httpool: the figures of a server failed");
}

std::shared_ptr<const std::string> shown_sight::event() const {
  const std::lock_guard lock(mutex_);
  if (!event_)
    event_ = std::make_shared<const std::string>(event_text(all_, false));
  return event_;
}

inspector_core::inspector_core(inspector_options options) : options_(checked(std::move(options))) {
  sight nothing;
  nothing.column = columns;
  nothing.at = began_;
  nothing.sample_every = options_.sample_every;
  seen_ = std::make_shared<const shown_sight>(std::move(nothing));
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
    } catch (...) {
      // Memory lacked: the next look may do better.
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
  if (thread_.joinable())
    thread_.join();
  while (const auto one = server([](const server_entry&) { return true; }))
    end(one);
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
watch_entry& inspector_core::named(std::string name) {
  name = clean_text(name);
  const auto found = std::find_if(pools_.begin(), pools_.end(),
                                  [&](const watch_entry& each) { return each.name == name; });
  if (found != pools_.end())
    return *found;
  pools_.emplace_back();
  pools_.back().name = std::move(name);
  return pools_.back();
}

void inspector_core::watch(std::string name, look_function look) {
  const std::lock_guard lock(mutex_);
  watch_entry& known = named(std::move(name));
  known.look = std::move(look);
  known.number = ++watches_;
}

void inspector_core::watch_server(std::string name, std::function<server_stats()> figures) {
  const auto made = std::make_shared<const server_entry>(
      server_entry{name, clean_text(name), std::make_shared<guarded_figures>(std::move(figures))});
  const std::lock_guard lock(mutex_);
  if (is_closed_)
    return;
  servers_.push_back(made);
  add_metrics([&](metrics_registry& to) { to.add(*made, labels_of(made->name)); });
}

void inspector_core::unwatch_server(std::string_view name) noexcept {
  const auto is_named = [&](const server_entry& each) { return each.given_name == name; };
  while (const auto one = server(is_named))
    end(one);
}

/// It is known until nobody asks it any more, so that all wait who want that.
void inspector_core::end(const std::shared_ptr<const server_entry>& one) noexcept {
  metrics_.remove(*one);
  one->figures->revoke();
  const std::lock_guard lock(mutex_);
  std::erase(servers_, one);
}

std::shared_ptr<pool_observer> inspector_core::observer(std::string name,
                                                        std::shared_ptr<pool_observer> next) {
  auto made = std::make_shared<recorder>(std::move(next));
  // Counted apart from those who look at what it has recorded.
  std::shared_ptr<pool_observer> handed_out(made.get(), [made](pool_observer*) {});
  const std::lock_guard lock(mutex_);
  watch_entry& known = named(std::move(name));
  known.handed_out = handed_out;
  known.observer.swap(made); // the one before is destroyed without the lock
  return handed_out;
}

/// Takes those off the list that are gone for good, and that nobody tells anything of any more.
void inspector_core::forget(const std::vector<watch_entry>& gone, const sight& all) {
  const std::lock_guard lock(mutex_);
  for (const watch_entry& each : gone) {
    const auto known = std::find_if(pools_.begin(), pools_.end(), [&](const watch_entry& other) {
      return other.name == each.name && other.number == each.number;
    });
    if (known == pools_.end())
      continue;
    known->look = nullptr;
    const auto shown = std::find_if(all.pools.begin(), all.pools.end(),
                                    [&](const watched& other) { return other.name == each.name; });
    // `each` keeps the observer until there is no lock.
    if (shown != all.pools.end() && shown->tracks.empty() && known->handed_out.expired() &&
        known->observer == each.observer)
      pools_.erase(known);
  }
}

/// Calls what others have given, and so holds no lock.
look_result inspector_core::look(std::vector<watch_entry>& gone) {
  std::vector<watch_entry> pools;
  std::vector<std::shared_ptr<const server_entry>> servers;
  {
    const std::lock_guard lock(mutex_);
    pools = pools_;
    servers = servers_;
  }
  look_result found;
  for (watch_entry& each : pools) {
    auto views = each.look ? each.look() : std::nullopt;
    found.pools.push_back({each.name, each.number, each.observer, {}});
    found.views.push_back(views ? std::move(*views) : std::vector<named_view>());
    if (!views)
      gone.push_back(std::move(each));
  }
  for (const auto& each : servers)
    found.servers.push_back({each->name, each->figures->ask()});
  return found;
}

void inspector_core::sample() {
  if (is_closed_)
    return;
  const std::uint64_t number = ++looks_;
  std::vector<watch_entry> gone;
  look_result found = look(gone);
  std::shared_ptr<const shown_sight> before; // is destroyed without the locks
  const std::lock_guard lock(taking_in_);
  if (number < taken_in_) // by one that began later
    return;
  taken_in_ = number;
  const clock::time_point now = clock::now();
  const auto passed = static_cast<std::uint64_t>((now - began_) / options_.sample_every);
  if (now - turned_ >= 10s) {
    turned_ = now;
    for (const watched& each : found.pools) {
      if (each.observer)
        each.observer->turn();
    }
  }
  before = seen();
  auto made = std::make_shared<const shown_sight>(
      sight_after(before->all(), std::move(found), columns + passed, now, options_.max_pools,
                  options_.max_lanes));
  forget(gone, made->all());
  const std::lock_guard showing(mutex_);
  seen_ = std::move(made);
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
