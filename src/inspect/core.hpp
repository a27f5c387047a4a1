// What all of an inspector's handlers share: whom it looks at, and what it has seen.
#pragma once

#include "inspect/recorder.hpp"
#include "inspect/track.hpp"

#include <httpool/inspector.hpp>
#include <httpool/metrics.hpp>
#include <httpool/pool_view.hpp>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace httpool::detail {

/// What is watched under one name: a pool, or all pools of a client.
struct watched {
  struct named_view {
    std::string name; ///< The origin; empty if the pool alone is watched.
    pool_view view;
  };

  /// Looks at all pools; nothing once they are gone for good.
  using look_function = std::function<std::optional<std::vector<named_view>>()>;

  std::string name;
  look_function look;
  std::shared_ptr<recorder> observer; ///< None if there is no observer.
  std::vector<track> tracks;
};

struct watched_server {
  server_stats stats() const { return figures(); }

  std::string name;
  std::function<server_stats()> figures;
  server_stats seen = {}; ///< At the latest look.
};

/// All that was seen, at the latest look.
struct sight {
  std::uint64_t column = 0;
  std::chrono::steady_clock::time_point at = {};
  std::chrono::nanoseconds sample_every = {};
  std::vector<watched> pools;
  std::vector<std::unique_ptr<watched_server>> servers;
  std::size_t left_out = 0; ///< Pools beyond `inspector_options::max_pools`.
};

class inspector_core {
public:
  explicit inspector_core(inspector_options options);
  ~inspector_core();

  const inspector_options& options() const noexcept { return options_; }

  void watch(std::string name, watched::look_function look);

  /// Adds a pool or a client to the metrics. One whose name another has is left out of them.
  template <class Watched>
  void count(const std::string& name, const Watched& what) {
    add_metrics([&](metrics_registry& to) { to.add(what, labels_of(name)); });
  }

  void watch_server(std::string name, std::function<server_stats()> figures);
  std::shared_ptr<recorder> observer(std::string name, std::shared_ptr<pool_observer> next);

  void sample();
  void close() noexcept;
  bool is_closed() const noexcept { return is_closed_; }

  /// Of the latest sample; it counts up.
  std::uint64_t column() const noexcept { return column_; }

  /// What `function` makes of all that was seen.
  template <class Function>
  auto with_sight(Function function) {
    const std::lock_guard lock(mutex_);
    return function(std::as_const(sight_));
  }

  /// The latest sample as one event of a stream, the history before it included if `is_whole`. It
  /// is made once for all streams.
  std::shared_ptr<const std::string> event(bool is_whole);

  std::string metrics(metrics_format format) const { return metrics_.render(format); }

  /// Takes one of the places that streams have; false if there is none.
  bool take_stream() noexcept;
  void leave_stream() noexcept { --streams_; }

private:
  static std::vector<metric_label> labels_of(const std::string& name);
  void add_metrics(const std::function<void(metrics_registry&)>& add);
  watched& named(std::string name);
  void look_at(watched& pools, std::size_t& room);
  void run();

  const inspector_options options_;
  const std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
  std::atomic<bool> is_closed_ = false;
  std::atomic<std::uint64_t> column_ = columns;
  std::atomic<std::size_t> streams_ = 0;
  metrics_registry metrics_;

  std::mutex mutex_; ///< Guards what follows, up to the thread.
  std::condition_variable ended_;
  sight sight_;
  std::chrono::steady_clock::time_point turned_ = began_;
  std::shared_ptr<const std::string> event_; ///< Of the latest sample, once it was asked for.

  std::mutex ending_; ///< Guards the end of the thread.
  std::thread thread_;
};

} // namespace httpool::detail
