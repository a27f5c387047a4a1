// What an inspector has seen of all that it watches, at one moment.
#pragma once

#include "inspect/recorder.hpp"
#include "inspect/track.hpp"

#include <httpool/server_options.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace httpool::detail {

/// What was seen of what is watched under one name: a pool, or all pools of a client.
struct watched {
  std::string name;
  std::uint64_t number = 0;           ///< Which of those that were watched by that name it is.
  std::shared_ptr<recorder> observer; ///< None if there is no observer.
  std::vector<track> tracks;
};

struct watched_server {
  std::string name;
  std::optional<server_stats> seen; ///< None if its figures failed.
};

/// All that was seen. It is not changed once it is shown, so that it is read without a lock.
struct sight {
  std::uint64_t column = 0;
  std::chrono::steady_clock::time_point at = {};
  std::chrono::nanoseconds sample_every = {};
  std::vector<watched> pools;
  std::vector<watched_server> servers;
  std::size_t left_out = 0; ///< Pools beyond `inspector_options::max_pools`.
};

/// A pool as a look found it.
struct named_view {
  std::string name; ///< The origin; empty if the pool alone is watched.
  pool_view view;
};

/// What one look at everything found: `pools` without their tracks, and `views` of each.
struct look_result {
  std::vector<watched> pools;
  std::vector<std::vector<named_view>> views;
  std::vector<watched_server> servers;
};

/// Adds a look to `before`: at the time `at`, which is in the column `column`.
sight sight_after(const sight& before, look_result found, std::uint64_t column,
                  std::chrono::steady_clock::time_point at, std::size_t max_pools,
                  std::size_t max_lanes);

} // namespace httpool::detail
