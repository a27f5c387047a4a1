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
}

void pool_service::shutdown() {
  while (const auto core = take_next())
    core->abandon();
}

/// A pool that another thread is just destroying is passed over.
std::shared_ptr<pool_core> pool_service::take_next() {
  const std::lock_guard lock(mutex_);
  std::shared_ptr<pool_core> next;
  while (!next && !cores_.empty()) {
    next = cores_.front().weak_from_this().lock();
    cores_.pop_front();
  }
  return next;
}

} // namespace httpool::detail
