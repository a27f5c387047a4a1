#include "pool/pool_service.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/query.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>

namespace httpool::detail {

boost::asio::execution_context::id pool_service::id;

/// A context shuts its services down newest first. Pools have to end before anything else, or a
/// lease that ends with its socket's operation would start a dial for whoever still waits: so the
/// services of sockets, timers, resolvers and strands have to be there already.
pool_service& pool_service::of(const boost::asio::any_io_executor& executor) {
  namespace asio = boost::asio;
  const asio::ip::tcp::socket socket(executor);
  const asio::steady_timer timer(executor);
  const asio::ip::tcp::resolver resolver(executor);
  const auto strand = asio::make_strand(executor);
  return asio::use_service<pool_service>(asio::query(executor, asio::execution::context));
}

void pool_service::add(pool_core& core) {
  const std::lock_guard lock(mutex_);
  cores_.push_back(core);
}

void pool_service::remove(pool_core& core) noexcept {
  const std::lock_guard lock(mutex_);
  if (core.is_linked())
    cores_.erase(cores_.iterator_to(core));
  if (cores_.empty())
    is_empty_.notify_all();
}

/// Whoever collects figures on another thread may be the last to hold a pool: what that is just
/// destroying still needs the context.
void pool_service::shutdown() {
  while (const auto core = take_next())
    core->abandon();
  std::unique_lock lock(mutex_);
  is_empty_.wait(lock, [this] { return cores_.empty(); });
}

/// None of those that another thread is just destroying.
std::shared_ptr<pool_core> pool_service::take_next() {
  const std::lock_guard lock(mutex_);
  for (pool_core& each : cores_) {
    if (auto next = each.weak_from_this().lock()) {
      cores_.erase(cores_.iterator_to(each));
      return next;
    }
  }
  return nullptr;
}

} // namespace httpool::detail
