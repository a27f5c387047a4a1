// What all of an inspector's handlers share: whom it looks at, and what it has seen.
#pragma once

#include "inspect/recorder.hpp"
#include "inspect/sight.hpp"
#include "observe/guarded_figures.hpp"

#include <httpool/inspector.hpp>
#include <httpool/metrics.hpp>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace httpool::detail {

/// Looks at all pools that are watched under one name; nothing once they are gone for good.
using look_function = std::function<std::optional<std::vector<named_view>>()>;

/// What is watched under one name.
struct watch_entry {
  std::string name;
  std::uint64_t number = 0; ///< Another one for each `watch`.
  look_function look;       ///< None before a `watch`, and once it has found all gone.
  std::shared_ptr<recorder> observer;
  std::weak_ptr<pool_observer> handed_out; ///< The same, as those have it who tell it things.
};

struct server_entry {
  std::string given_name;
  std::string name;
  std::shared_ptr<guarded_figures> figures;

  /// For the metrics, which leave out what throws.
  server_stats stats() const;
};

/// A sight, and the event that tells of it once somebody has asked.
class shown_sight {
public:
  explicit shown_sight(sight all) : all_(std::move(all)) {}

  const sight& all() const noexcept { return all_; }

  /// What is new in it, as an event of a stream. It is made once for all streams.
  std::shared_ptr<const std::string> event() const;

private:
  const sight all_;
  mutable std::mutex mutex_; ///< Guards what follows.
  mutable std::shared_ptr<const std::string> event_;
};

class inspector_core {
public:
  explicit inspector_core(inspector_options options);
  ~inspector_core();

  const inspector_options& options() const noexcept { return options_; }

  void watch(std::string name, look_function look);

  /// Adds a pool or a client to the metrics. One whose name another has is left out of them.
  template <class Watched>
  void count(const std::string& name, const Watched& what) {
    add_metrics([&](metrics_registry& to) { to.add(what, labels_of(name)); });
  }

  void watch_server(std::string name, std::function<server_stats()> figures);
  void unwatch_server(std::string_view name) noexcept;
  std::shared_ptr<pool_observer> observer(std::string name, std::shared_ptr<pool_observer> next);

  /// No lock is held while functions and observers of others run.
  void sample();
  void close() noexcept;
  bool is_closed() const noexcept { return is_closed_; }

  /// What the latest sample saw; its column counts up.
  std::shared_ptr<const shown_sight> seen() const {
    const std::lock_guard lock(mutex_);
    return seen_;
  }

  std::string metrics(metrics_format format) const { return metrics_.render(format); }

  /// Takes one of the places that streams have; false if there is none.
  bool take_stream() noexcept;
  void leave_stream() noexcept { --streams_; }

private:
  static std::vector<metric_label> labels_of(const std::string& name);
  void add_metrics(const std::function<void(metrics_registry&)>& add);
  watch_entry& named(std::string name);

  /// One that is known, and for which that holds; none if there is none.
  template <class Predicate>
  std::shared_ptr<const server_entry> server(Predicate holds) const noexcept {
    const std::lock_guard lock(mutex_);
    for (const auto& each : servers_) {
      if (holds(*each))
        return each;
    }
    return nullptr;
  }

  void end(const std::shared_ptr<const server_entry>& one) noexcept;
  look_result look(std::vector<watch_entry>& gone);
  void forget(const std::vector<watch_entry>& gone, const sight& all);
  void run();

  const inspector_options options_;
  const std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
  std::atomic<bool> is_closed_ = false;
  std::atomic<std::size_t> streams_ = 0;
  std::atomic<std::uint64_t> looks_ = 0; ///< That have begun.
  metrics_registry metrics_;

  std::mutex taking_in_;       ///< Guards what follows, up to the next.
  std::uint64_t taken_in_ = 0; ///< The latest look that was taken in.
  std::chrono::steady_clock::time_point turned_ = began_;

  mutable std::mutex mutex_; ///< Guards what follows, up to the thread; taken after the other.
  std::condition_variable ended_;
  std::uint64_t watches_ = 0;
  std::vector<watch_entry> pools_;
  std::vector<std::shared_ptr<const server_entry>> servers_;
  std::shared_ptr<const shown_sight> seen_;

  std::mutex ending_; ///< Guards the end of the thread.
  std::thread thread_;
};

} // namespace httpool::detail
