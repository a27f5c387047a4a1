#include "inspect/recorder.hpp"

namespace httpool::detail {

using kind = occurrence::kind;

void recorder::connection_made(std::uint64_t id, std::chrono::nanoseconds took) {
  dials_.add(took);
  remember({.what = kind::made, .when = {}, .id = id, .took = took});
  if (next_)
    next_->connection_made(id, took);
}

void recorder::dial_failed(boost::system::error_code error, std::chrono::nanoseconds took) {
  remember({.what = kind::dial_failed, .when = {}, .error = error, .took = took});
  if (next_)
    next_->dial_failed(error, took);
}

void recorder::connection_closed(std::uint64_t id, close_reason reason, std::uint64_t uses) {
  remember({.what = kind::closed, .when = {}, .id = id, .uses = uses, .reason = reason});
  if (next_)
    next_->connection_closed(id, reason, uses);
}

void recorder::acquire_granted(std::uint64_t id, std::chrono::nanoseconds wait,
                               std::uint64_t uses) {
  waits_.add(wait);
  if (next_)
    next_->acquire_granted(id, wait, uses);
}

void recorder::acquire_failed(boost::system::error_code error, std::chrono::nanoseconds wait,
                              const pool_snapshot& snapshot) {
  remember({.what = kind::acquire_failed, .when = {}, .error = error, .took = wait});
  if (next_)
    next_->acquire_failed(error, wait, snapshot);
}

void recorder::lease_overdue(const overdue_lease& lease) {
  remember({.what = kind::overdue,
            .when = {},
            .id = lease.id,
            .took = lease.held,
            .where = lease.where});
  if (next_)
    next_->lease_overdue(lease);
}

void recorder::probed(std::uint64_t id, bool good, std::chrono::nanoseconds took) {
  if (!good)
    remember({.what = kind::probe_failed, .when = {}, .id = id, .took = took});
  if (next_)
    next_->probed(id, good, took);
}

void recorder::turn() noexcept {
  waits_.turn();
  dials_.turn();
}

std::vector<occurrence> recorder::latest() const {
  const std::lock_guard lock(mutex_);
  return {latest_.rbegin(), latest_.rend()};
}

void recorder::remember(occurrence what) {
  what.when = std::chrono::steady_clock::now();
  const std::lock_guard lock(mutex_);
  if (latest_.size() == most)
    latest_.pop_front();
  latest_.push_back(what);
}

} // namespace httpool::detail
