// Events from leases.

#include "pool/coarse_clock.hpp"
#include "pool/core.hpp"
#include "pool/core_run.hpp"
#include "pool/socket_calls.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

namespace httpool::detail {

using boost::asio::ip::tcp;

void pool_core::end_lease(connection& c, bool keep) noexcept {
  close_reason reason = close_reason::dropped;
  if (keep) {
    const liveness seen = look_at(c.stream);
    keep = seen == liveness::good && c.buffer.size() == 0;
    reason = seen == liveness::closed ? close_reason::peer_closed : close_reason::unread_bytes;
  }
  c.is_unseen = false;
  // One clock for both ends of a lease, or it would be too short, or too long, every time.
  const bool is_coarse = std::exchange(c.began_coarsely, false);
  give_back(c, keep, reason, is_coarse ? coarse_now() : std::chrono::steady_clock::now());
}

void pool_core::end_exchange(lease&& ended, time_point roughly) noexcept {
  const bool keep = ended.keep_alive();
  connection& c = *std::exchange(ended.connection_, nullptr);
  c.is_unseen = true;
  c.pool->give_back(c, keep && c.buffer.size() == 0,
                    keep ? close_reason::unread_bytes : close_reason::dropped, roughly);
}

void pool_core::end_unused(lease unused) noexcept {
  connection& c = *std::exchange(unused.connection_, nullptr);
  c.pool->undelivered(c);
}

void pool_core::give_back(connection& c, bool keep, close_reason otherwise,
                          time_point roughly) noexcept {
  const auto end = [this, &c, keep, otherwise](todo& work) {
    c.task.reset();
    if (c.late)
      ledger_.dropped(work.now, c, close_reason::cut_off);
    else if (keep)
      ledger_.returned(work.now, c);
    else
      ledger_.dropped(work.now, c, otherwise);
  };
  run(end, roughly);
}

void pool_core::set_lease_deadline(connection& c, time_point deadline) noexcept {
  const std::lock_guard lock(mutex_);
  ledger_.set_lease_deadline(c, c.probing ? std::min(deadline, c.probe_ends_by) : deadline);
  arm_timer(std::chrono::steady_clock::now());
}

void pool_core::cut_off(connection& c) noexcept {
  const std::lock_guard lock(mutex_);
  c.late = true;
  shut_down(c.socket);
}

void pool_core::avoid_endpoint(const connection& c) noexcept {
  dialer_.failed(c.endpoint, std::chrono::steady_clock::now());
}

tcp::socket pool_core::detach(connection& c) {
  tcp::socket socket(executor_);
  tell([&](pool_observer& o) { o.connection_closed(c.id, close_reason::detached, c.uses); });
  run([&](todo& work) {
    ledger_.detached(work.now, c);
    socket = std::move(c.socket);
  });
  delete &c;
  return socket;
}

} // namespace httpool::detail
