#include "sim/world/settings.hpp"

#include <chrono>
#include <initializer_list>

namespace httpool_sim {
namespace {

/// One of those that are given.
template <class T>
T pick(random_source& random, std::initializer_list<T> from) {
  return from.begin()[random.below(from.size())];
}

std::chrono::nanoseconds pick_time(random_source& random, std::initializer_list<moment> from) {
  return std::chrono::nanoseconds(pick(random, from));
}

} // namespace

world_settings world_settings::of(std::uint64_t seed) {
  random_source random(seed * 0x9e3779b97f4a7c15u + 1);
  world_settings to;
  to.client_contexts = 1 + random.below(3);
  to.server_contexts = random.below(3);
  to.origins = pick<std::size_t>(random, {1, 3, 10, 30});
  to.encrypted_origins = random.chance(400'000) ? 1 + random.below(2) : 0;
  if (to.encrypted_origins > to.origins)
    to.encrypted_origins = to.origins;
  to.clients = 1 + random.below(3);
  to.tasks = pick<std::size_t>(random, {10, 100, 400, 1'500});
  to.calls = 1 + 6'000 / to.tasks;
  to.max_pause = pick(random, {moment(0), millisecond, 100 * millisecond, 5 * second});
  to.max_thinking = pick(random, {moment(0), millisecond, 20 * millisecond, 300 * millisecond});
  to.max_body = pick<std::size_t>(random, {0, 100, 10'000, 200'000});
  if (to.max_body == 200'000)
    to.calls = 1 + to.calls / 8;
  to.posts = pick<std::uint64_t>(random, {0, 300'000, 1'000'000});
  to.streams = pick<std::uint64_t>(random, {0, 200'000, 500'000});
  to.cancels = pick<std::uint64_t>(random, {0, 50'000, 300'000});
  to.weather_changes = pick(random, {100 * millisecond, second, 10 * second});
  to.is_stormy = !random.chance(100'000);

  httpool::pool_options& pool = to.client.pool;
  pool.max_connections = pick<std::size_t>(random, {1, 2, 8, 64});
  pool.max_waiters = pick<std::size_t>(random, {0, 4, 1'024, 100'000});
  pool.max_dials = pick<std::size_t>(random, {1, 2, 8});
  pool.acquire_timeout = pick_time(random, {50 * millisecond, second, 5 * second});
  pool.dial_timeout = pick_time(random, {100 * millisecond, second, 10 * second});
  pool.dial_backoff = pick_time(random, {10 * millisecond, 100 * millisecond});
  pool.max_dial_backoff = pick_time(random, {200 * millisecond, 10 * second});
  pool.idle_timeout = pick_time(random, {100 * millisecond, 3 * second, 30 * second});
  pool.max_lifetime = pick_time(random, {second, 20 * second, 600 * second});
  pool.max_uses = pick<std::uint64_t>(random, {0, 0, 1, 10});
  to.client.exchange_timeout = pick_time(random, {100 * millisecond, second, 10 * second});
  to.client.max_total_connections = pick<std::size_t>(random, {0, 0, 8, 40});
  if (random.chance(300'000))
    to.client.first_byte_timeout = pick_time(random, {50 * millisecond, second});
  if (random.chance(300'000))
    to.client.read_timeout = pick_time(random, {50 * millisecond, second});

  to.server.idle_timeout = pick_time(random, {200 * millisecond, 3 * second, 60 * second});
  to.server.max_requests = pick<std::uint64_t>(random, {0, 0, 1, 7});
  to.server.max_connections = pick<std::size_t>(random, {0, 0, 0, 5});
  to.server.head_timeout = pick_time(random, {second, 10 * second});
  return to;
}

conditions draw_weather(random_source& random) {
  conditions to;
  to.min_latency = pick(random, {20 * microsecond, millisecond, 20 * millisecond});
  to.max_latency = to.min_latency * pick<moment>(random, {1, 3, 10});
  to.max_jitter = pick(random, {moment(0), to.min_latency, 5 * to.min_latency});
  to.split = pick<std::uint64_t>(random, {0, 100'000, 900'000});
  to.partial = pick<std::uint64_t>(random, {0, 50'000, 500'000});
  to.refuse = pick<std::uint64_t>(random, {0, 0, 100'000, 1'000'000});
  to.lose_connect = pick<std::uint64_t>(random, {0, 0, 50'000, 1'000'000});
  to.cut = pick<std::uint64_t>(random, {0, 100'000, 700'000, 1'000'000});
  to.max_bytes_until_cut = pick<std::int64_t>(random, {300, 4'096, 100'000});
  to.max_time_until_cut = pick(random, {100 * millisecond, 10 * second});
  return to;
}

} // namespace httpool_sim
