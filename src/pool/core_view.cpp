// What the pool shows of itself to whoever looks at it as a whole.

#include "pool/core.hpp"

#include <mutex>
#include <vector>

namespace httpool::detail {

pool_view pool_core::view() {
  pool_view result;
  std::vector<description::copy> uses;
  {
    const std::lock_guard lock(mutex_);
    result = ledger_.view(look_at_clock());
    uses.reserve(result.connections.size());
    ledger_.for_each([&](const ledger::connection& each) {
      const auto& c = static_cast<const connection&>(each);
      if (each.where != ledger::state::dialing) // whose endpoint is its dial's to change
        result.connections[uses.size()].endpoint = c.endpoint;
      uses.push_back(c.used_for.read());
    });
  }
  // Each may need memory, for which nobody has to wait.
  for (std::size_t i = 0; i != uses.size(); ++i)
    result.connections[i].description = uses[i].view();
  return result;
}

} // namespace httpool::detail
