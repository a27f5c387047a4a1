// What the pool shows of itself to whoever looks at it as a whole.

#include "pool/core.hpp"

namespace httpool::detail {

pool_view pool_core::view() {
  const std::lock_guard lock(mutex_);
  pool_view result = ledger_.view(look_at_clock());
  auto row = result.connections.begin();
  ledger_.for_each([&](const ledger::connection& c) {
    if (c.where != ledger::state::dialing) // whose endpoint is its dial's to change
      row->endpoint = static_cast<const connection&>(c).endpoint;
    ++row;
  });
  return result;
}

} // namespace httpool::detail
