#include <httpool/pool_stats.hpp>

namespace httpool {

const char* to_string(close_reason reason) noexcept {
  switch (reason) {
  case close_reason::dropped:
    return "dropped";
  case close_reason::unread_bytes:
    return "unread_bytes";
  case close_reason::peer_closed:
    return "peer_closed";
  case close_reason::peer_spoke:
    return "peer_spoke";
  case close_reason::idle_timeout:
    return "idle_timeout";
  case close_reason::max_lifetime:
    return "max_lifetime";
  case close_reason::max_uses:
    return "max_uses";
  case close_reason::cut_off:
    return "cut_off";
  case close_reason::probe_failed:
    return "probe_failed";
  case close_reason::surplus:
    return "surplus";
  case close_reason::pool_closed:
    return "pool_closed";
  case close_reason::detached:
    return "detached";
  case close_reason::evicted:
    return "evicted";
  }
  return "unknown";
}

} // namespace httpool
