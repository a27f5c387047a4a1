#include <httpool/pool_view.hpp>

namespace httpool {

const char* to_string(connection_state state) noexcept {
  switch (state) {
  case connection_state::dialing:
    return "dialing";
  case connection_state::idle:
    return "idle";
  case connection_state::leased:
    return "leased";
  case connection_state::closing:
    return "closing";
  }
  return "unknown";
}

} // namespace httpool
