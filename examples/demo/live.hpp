// The page on which the scenarios appear when the demo is run with --serve.
#pragma once

#include <httpool/client.hpp>
#include <httpool/connection_pool.hpp>
#include <httpool/observer.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace demo {

// Serves the page on a port of this machine, and has `round` run the scenarios over and over, each
// time until it is through or `goes_on()` is false. Ends with SIGINT or SIGTERM.
void serve(std::uint16_t port,
           const std::function<void(const std::function<bool()>& goes_on)>& round);

// What the pools of the next scenario are called on the page.
void call_pools(std::string_view title);

// Has a pool on the page while it is in scope, and for a minute more. Without --serve, nothing.
class shown {
public:
  explicit shown(const httpool::connection_pool& pool);
  explicit shown(const httpool::client& client, const std::string& which = {});
  shown(const shown&) = delete;
  shown& operator=(const shown&) = delete;

  // However short the scenario was, its end is seen.
  ~shown();
};

// The observer that such a pool has to have; null without --serve.
std::shared_ptr<httpool::pool_observer> page_observer(const std::string& which = {});

} // namespace demo
