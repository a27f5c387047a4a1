#include "pool/pool_service.hpp"

namespace httpool::detail {

boost::asio::execution_context::id pool_service::id;

void pool_service::add(pool_core& core) {
  const std::lock_guard lock(mutex_);
  cores_.push_back(core);
}

void pool_service::remove(pool_core& core) noexcept {
  const std::lock_guard lock(mutex_);
  if (core.is_linked())
    cores_.erase(cores_.iterator_to(core));
}

void pool_service::shutdown() {
  for (;;) {
    std::shared_ptr<pool_core> core;
    {
      const std::lock_guard lock(mutex_);
      if (cores_.empty())
        return;
      core = cores_.front().weak_from_this().lock();
      cores_.pop_front();
    }
    if (core)
      core->abandon();
  }
}

} // namespace httpool::detail
