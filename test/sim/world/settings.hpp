// What kind of world a seed stands for.
#pragma once

#include "sim/world/kernel.hpp"

#include <httpool/client.hpp>
#include <httpool/server_options.hpp>

#include <cstddef>
#include <cstdint>

namespace httpool_sim {

struct world_settings {
  std::size_t client_contexts = 1;
  std::size_t server_contexts = 1; ///< 0: servers share the clients'.
  std::size_t origins = 1;
  std::size_t encrypted_origins = 0; ///< The first of them.
  std::size_t clients = 1;
  std::size_t tasks = 1;   ///< Callers that make one call after another.
  std::size_t calls = 1;   ///< Of each task.
  moment max_pause = 0;    ///< Of a task between two calls.
  moment max_thinking = 0; ///< Of a handler.
  std::size_t max_body = 0;
  std::uint64_t posts = 0;         ///< Calls that must not be made twice, in a million.
  std::uint64_t streams = 0;       ///< Calls whose response is read bit by bit, or in part.
  std::uint64_t cancels = 0;       ///< Calls that are cancelled at some time.
  moment weather_changes = second; ///< At most this long apart, while the storm lasts.
  bool is_stormy = true;

  httpool::client_options client;
  httpool::server_options server;

  static world_settings of(std::uint64_t seed);
};

/// Some weather of a storm.
conditions draw_weather(random_source& random);

} // namespace httpool_sim
