// Events from callers and from the pool's own user.

#include "pool/core.hpp"

#include "checked_executor.hpp"
#include "pool/core_run.hpp"
#include "pool/options_check.hpp"
#include "pool/pool_service.hpp"
#include "pool/socket_calls.hpp"
#include "tls/secure_stream.hpp"

#include <httpool/connection_budget.hpp>

#include <boost/asio/error.hpp>

#include <atomic>
#include <new>

namespace httpool::detail {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

/// Differs from pool to pool, and is the same whenever the clock is.
std::uint64_t new_seed() noexcept {
  static std::atomic<std::uint64_t> pools = 0;
  return static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count()) +
         ++pools;
}

} // namespace

std::shared_ptr<pool_core> pool_core::create(asio::any_io_executor executor, dialer::target target,
                                             pool_options options,
                                             std::weak_ptr<pool_owner> owner) {
  check(options);
  std::shared_ptr<pool_core> core(new pool_core(checked_executor(std::move(executor)),
                                                std::move(target), std::move(options),
                                                std::move(owner)));
  core->service_.add(*core);
  if (core->budget_)
    core->budget_->join(core->seat_, core);
  todo work;
  core->decide(work, [&](todo&) { core->ledger_.tick(work.now); });
  work.is_empty = false; // It has not begun yet.
  core->perform(work);
  return core;
}

pool_core::pool_core(asio::any_io_executor executor, dialer::target target, pool_options options,
                     std::weak_ptr<pool_owner> owner)
    : executor_(std::move(executor)),
      acquire_timeout_(options.acquire_timeout),
      probe_(options.probe),
      observer_(options.observer),
      shared_budget_(options.budget),
      budget_(shared_budget_ ? &budget_of(*shared_budget_) : nullptr),
      owner_(std::move(owner)),
      has_owner_(!owner_.expired()),
      dialer_(std::move(target), options),
      service_(pool_service::of(executor_)),
      ledger_(options, std::chrono::steady_clock::now(), new_seed()),
      timer_(executor_) {}

pool_core::~pool_core() {
  if (timer_) {
    release_context();
    service_.remove(*this); // after which the context may be gone
  }
  if (budget_) {
    budget_->leave(seat_);
    run_errands();
  }
}

// Callers -----------------------------------------------------------------------------------------

void pool_core::acquire(acquire_operation& operation, acquire_options options) {
  const duration timeout = options.timeout.value_or(acquire_timeout_);
  const duration max_idle = options.max_idle.value_or(duration::max());
  const duration dial_timeout = options.dial_timeout.value_or(duration::max());
  bool is_known = true;
  run([&](todo& work) {
    try {
      const time_point deadline = saturating_add(work.now, timeout);
      if (!ledger_.is_closed() && !reserve_timer(work.now, deadline))
        throw std::bad_alloc();
      ledger_.acquire(work.now, operation, deadline, max_idle,
                      saturating_add(work.now, dial_timeout));
    } catch (const std::bad_alloc&) { // before anything else happened
      acquires_.remove(operation);
      ledger_.tick(work.now);
      is_known = false;
    }
  });
  if (!is_known)
    complete(operation, asio::error::no_memory, lease());
}

lease pool_core::try_acquire(time_point roughly, duration max_idle, time_point deadline,
                             std::source_location where) {
  std::shared_ptr<pool_core>
      alive; // whatever an observer does when it is told of a dead connection
  for (;;) {
    ledger::connection* found = nullptr;
    const auto take_idle = [&](todo& work) {
      found = ledger_.try_acquire(work.now, max_idle);
      if (!found)
        return;
      take(static_cast<connection&>(*found));
      static_cast<connection&>(*found).where = where;
      if (deadline != time_point::max())
        ledger_.set_lease_deadline(*found, deadline);
    };
    run(take_idle, roughly);
    if (!found)
      return lease();
    connection& c = static_cast<connection&>(*found);
    const liveness seen = look_at(c.stream);
    if (seen == liveness::good) {
      tell([&](pool_observer& o) { o.acquire_granted(c.id, duration::zero(), c.uses); });
      return lease(c, true);
    }
    alive = c.pool;
    run([&](todo& work) { ledger_.stale(work.now, c, nullptr, reason_of(seen)); });
  }
}

void pool_core::redial(acquire_operation& operation, lease dead, acquire_options options) {
  const duration timeout = options.timeout.value_or(acquire_timeout_);
  const duration dial_timeout = options.dial_timeout.value_or(duration::max());
  std::shared_ptr<abortable> task;
  try {
    task = std::make_shared<abortable>(executor_);
  } catch (const std::bad_alloc&) {
    {
      const std::lock_guard lock(mutex_);
      acquires_.remove(operation);
    }
    return complete(operation, asio::error::no_memory, lease());
  }
  connection& c = *std::exchange(dead.connection_, nullptr);
  tcp::socket corpse(executor_);
  secure_stream_pointer shroud = stream_access::release(c.stream);
  {
    const std::lock_guard lock(mutex_); // hereafter no deadline touches the descriptor
    ledger_.set_lease_deadline(c, time_point::max());
    corpse = std::move(c.socket);
  }
  shroud.reset();
  error_code ignored;
  corpse.close(ignored);
  tell([&](pool_observer& o) { o.connection_closed(c.id, close_reason::peer_closed, c.uses); });
  bool is_known = true;
  run([&](todo& work) {
    c.buffer.clear();
    c.late = false;
    try {
      const time_point deadline = saturating_add(work.now, timeout);
      if (!ledger_.is_closed() && !reserve_timer(work.now, deadline))
        throw std::bad_alloc();
      ledger_.redial(work.now, c, close_reason::peer_closed, operation, deadline,
                     saturating_add(work.now, dial_timeout));
      c.task = std::move(task);
    } catch (const std::bad_alloc&) { // before anything else happened
      acquires_.remove(operation);
      ledger_.detached(work.now, c, close_reason::peer_closed);
      is_known = false;
    }
  });
  if (is_known)
    return;
  delete &c;
  complete(operation, asio::error::no_memory, lease());
}

void pool_core::drain(drain_operation& operation, duration timeout) {
  bool is_known = true;
  run([&](todo& work) {
    operation.deadline = saturating_add(work.now, timeout);
    is_known =
        operation.deadline == time_point::max() || reserve_timer(work.now, operation.deadline);
    if (!is_known) {
      drain_tickets_.remove(operation);
      return ledger_.tick(work.now);
    }
    drains_.push_back(operation);
    ledger_.close(work.now);
  });
  if (!is_known)
    complete(operation, asio::error::no_memory);
}

void pool_core::give_ticket(acquire_operation& operation) {
  const std::lock_guard lock(mutex_);
  acquires_.add(operation);
}

void pool_core::give_ticket(drain_operation& operation) {
  const std::lock_guard lock(mutex_);
  drain_tickets_.add(operation);
}

void pool_core::cancel_acquire(ticket wanted) {
  run([&](todo& work) {
    if (acquire_operation* operation = acquires_.find(wanted))
      ledger_.cancel(work.now, *operation, asio::error::operation_aborted);
    else
      ledger_.tick(work.now);
  });
}

void pool_core::cancel_drain(ticket wanted) {
  drain_operation* found = nullptr;
  run([&](todo& work) {
    found = drain_tickets_.find(wanted);
    if (found && found->is_linked()) {
      drain_tickets_.remove(*found);
      drains_.erase(drains_.iterator_to(*found));
    } else {
      found = nullptr;
    }
    ledger_.tick(work.now);
  });
  if (found)
    complete(*found, asio::error::operation_aborted);
}

// The pool ----------------------------------------------------------------------------------------

void pool_core::close() {
  run([&](todo& work) { ledger_.close(work.now); });
}

void pool_core::prewarm(std::size_t count) {
  run([&](todo& work) { ledger_.prewarm(work.now, count); });
}

void pool_core::set_limits(const pool_limits& limits) {
  check(limits);
  run([&](todo& work) { ledger_.set_limits(work.now, limits); });
}

pool_stats pool_core::stats() {
  const std::lock_guard lock(mutex_);
  return ledger_.stats(look_at_clock());
}

pool_histograms pool_core::histograms() {
  const std::lock_guard lock(mutex_);
  return ledger_.histograms();
}

std::pair<pool_stats, pool_histograms> pool_core::figures() {
  const std::lock_guard lock(mutex_);
  return {ledger_.stats(look_at_clock()), ledger_.histograms()};
}

std::vector<overdue_lease> pool_core::overdue_leases() {
  std::vector<overdue_lease> all;
  const std::lock_guard lock(mutex_);
  const time_point now = look_at_clock();
  ledger_.each_overdue(now, [&](const ledger::connection& c) {
    all.push_back({c.id, now - c.leased_at, static_cast<const connection&>(c).where});
  });
  return all;
}

bool pool_core::is_empty() {
  const std::lock_guard lock(mutex_);
  return drains_.empty() && ledger_.is_empty(std::chrono::steady_clock::now());
}

bool pool_core::is_calm() {
  const std::lock_guard lock(mutex_);
  return ledger_.is_calm() && !(budget_ && budget_->wants_idle());
}

/// Whoever collects figures may hold a pool for longer than its context lives.
void pool_core::release_context() noexcept {
  timer_.reset();
  outstanding_.reset();
  executor_ = {};
}

void pool_core::abandon() noexcept {
  todo work;
  boost::intrusive::list<drain_operation> drains;
  {
    const std::lock_guard lock(mutex_);
    work.now = std::chrono::steady_clock::now();
    release_context();
    ledger_.close(work.now);
    for (const ledger::decision& d : ledger_.decisions())
      carry_out(d, work);
    for (drain_operation& operation : drains_)
      drain_tickets_.remove(operation);
    drains.swap(drains_);
    if (budget_)
      settle_budget(work);
  }
  while (acquire_operation* operation = work.acquires.pop())
    operation->abandon();
  while (!drains.empty()) {
    drain_operation& operation = drains.front();
    drains.pop_front();
    operation.abandon();
  }
  perform(work);
}

} // namespace httpool::detail
