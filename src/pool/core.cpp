// Events from callers, and what every event has in common.

#include "pool/core.hpp"

#include "pool/core_run.hpp"
#include "pool/options_check.hpp"
#include "pool/pool_service.hpp"
#include "pool/socket_calls.hpp"

#include <httpool/error.hpp>

#include <boost/asio/error.hpp>

#include <algorithm>
#include <new>

namespace httpool::detail {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;
using action = ledger::decision::action;

/// Differs from pool to pool, and is the same whenever the clock is.
std::uint64_t new_seed() noexcept {
  static std::atomic<std::uint64_t> pools = 0;
  return static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count()) +
         ++pools;
}

close_reason reason_of(liveness seen) noexcept {
  return seen == liveness::spoke ? close_reason::peer_spoke : close_reason::peer_closed;
}

} // namespace

std::shared_ptr<pool_core> pool_core::create(asio::any_io_executor executor, dialer::target target,
                                             pool_options options) {
  check(options);
  std::shared_ptr<pool_core> core(
      new pool_core(std::move(executor), std::move(target), std::move(options)));
  core->service_.add(*core);
  core->run([&](todo& work) { core->ledger_.tick(work.now); });
  return core;
}

pool_core::pool_core(asio::any_io_executor executor, dialer::target target, pool_options options)
    : executor_(std::move(executor)),
      acquire_timeout_(options.acquire_timeout),
      probe_(options.probe),
      observer_(options.observer),
      dialer_(std::move(target), options),
      service_(pool_service::of(executor_)),
      ledger_(options, std::chrono::steady_clock::now(), new_seed()),
      timer_(executor_) {}

pool_core::~pool_core() {
  if (timer_)
    service_.remove(*this);
}

// Callers -----------------------------------------------------------------------------------------

void pool_core::acquire(acquire_operation& operation, acquire_options options) {
  const duration timeout = options.timeout.value_or(acquire_timeout_);
  run([&](todo& work) { ledger_.acquire(work.now, operation, saturating_add(work.now, timeout)); });
}

lease pool_core::try_acquire() {
  for (;;) {
    ledger::connection* found = nullptr;
    run([&](todo& work) {
      found = ledger_.try_acquire(work.now);
      if (found)
        take(static_cast<connection&>(*found));
    });
    if (!found)
      return lease();
    connection& c = static_cast<connection&>(*found);
    const liveness seen = look_at(c.socket);
    if (seen == liveness::good) {
      tell([&](pool_observer& o) { o.acquire_granted(c.id, duration::zero(), c.uses); });
      return lease(shared_from_this(), c, true);
    }
    run([&](todo& work) { ledger_.stale(work.now, c, nullptr, reason_of(seen)); });
  }
}

void pool_core::redial(acquire_operation& operation, lease dead, acquire_options options) {
  const duration timeout = options.timeout.value_or(acquire_timeout_);
  std::shared_ptr<abortable> task;
  try {
    task = std::make_shared<abortable>(executor_);
  } catch (const std::bad_alloc&) {
    {
      const std::lock_guard lock(mutex_);
      acquires_.remove(operation);
    }
    return operation.complete(asio::error::no_memory, lease());
  }
  connection& c = *std::exchange(dead.connection_, nullptr);
  tcp::socket corpse(executor_);
  {
    const std::lock_guard lock(mutex_); // hereafter no deadline touches the descriptor
    ledger_.set_lease_deadline(c, time_point::max());
    corpse = std::move(c.socket);
  }
  error_code ignored;
  corpse.close(ignored);
  tell([&](pool_observer& o) { o.connection_closed(c.id, close_reason::peer_closed, c.uses); });
  run([&](todo& work) {
    c.buffer.clear();
    c.late = false;
    c.task = std::move(task);
    ledger_.redial(work.now, c, close_reason::peer_closed, operation,
                   saturating_add(work.now, timeout));
  });
}

void pool_core::drain(drain_operation& operation, duration timeout) {
  run([&](todo& work) {
    operation.deadline = saturating_add(work.now, timeout);
    drains_.push_back(operation);
    ledger_.close(work.now);
  });
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
  {
    const std::lock_guard lock(mutex_);
    found = drain_tickets_.find(wanted);
    if (!found || !found->is_linked())
      return;
    drain_tickets_.remove(*found);
    drains_.erase(drains_.iterator_to(*found));
  }
  found->complete(asio::error::operation_aborted);
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
  return ledger_.stats(std::chrono::steady_clock::now());
}

void pool_core::abandon() noexcept {
  todo work;
  boost::intrusive::list<drain_operation> drains;
  {
    const std::lock_guard lock(mutex_);
    work.now = std::chrono::steady_clock::now();
    timer_.reset();
    ledger_.close(work.now);
    for (const ledger::decision& d : ledger_.decisions())
      carry_out(d, work);
    for (drain_operation& operation : drains_)
      drain_tickets_.remove(operation);
    drains.swap(drains_);
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

// What every event has in common ------------------------------------------------------------------

/// Under the lock: takes in what the ledger has decided.
void pool_core::settle(todo& work) {
  for (const ledger::decision& d : ledger_.decisions())
    carry_out(d, work);
  start_wanted_dials(work);
  settle_drains(work);
  arm_timer(work.now);
  if (observer_)
    work.snapshot = ledger_.snapshot();
#ifndef NDEBUG
  ledger_.check_invariants(work.now);
#endif
}

void pool_core::carry_out(const ledger::decision& decision, todo& work) {
  connection* const c = static_cast<connection*>(decision.connection);
  acquire_operation* const operation = static_cast<acquire_operation*>(decision.waiter);
  switch (decision.what) {
  case action::grant:
    take(*c);
    operation->granted = c;
    work.acquires.push(*operation);
    break;
  case action::fail:
    acquires_.remove(*operation);
    operation->granted = nullptr;
    operation->error = decision.error;
    work.acquires.push(*operation);
    break;
  case action::dial:
    c->task->deadline = c->deadline;
    work.dials.push(*c);
    break;
  case action::abort_dial:
    c->late = !ledger_.is_closed();
    abortable::abort(c->task);
    break;
  case action::close:
    c->watch_is_armed = false;
    work.closes.push(*c);
    break;
  case action::forget:
    work.forgotten.push(*c);
    break;
  case action::probe:
    take(*c);
    c->task = std::make_shared<abortable>(executor_);
    ledger_.set_lease_deadline(*c, saturating_add(work.now, probe_.timeout));
    work.probes.push(*c);
    break;
  case action::watch:
    watch(*c);
    break;
  case action::cut_off:
    c->late = true;
    shut_down(c->socket);
    if (c->task)
      abortable::abort(c->task);
    break;
  }
}

/// Under the lock: an idle or new connection becomes leased.
void pool_core::take(connection& c) noexcept {
  c.late = false;
  if (c.watch_is_armed) {
    c.watch_is_armed = false;
    error_code ignored;
    c.socket.cancel(ignored);
  }
}

void pool_core::start_wanted_dials(todo& work) {
  while (timer_ && ledger_.wants_dial(work.now)) {
    auto c = std::make_unique<connection>(executor_);
    c->task = std::make_shared<abortable>(executor_);
    ledger_.dial(work.now, *c);
    c->task->deadline = c->deadline;
    work.dials.push(*c.release());
  }
}

void pool_core::settle_drains(todo& work) {
  const bool all_gone = ledger_.total() == 0;
  bool is_late = false;
  for (auto i = drains_.begin(); i != drains_.end();) {
    drain_operation& operation = *i++;
    const bool ends_late = !all_gone && operation.deadline <= work.now;
    if (!all_gone && !ends_late)
      continue;
    is_late |= ends_late;
    drain_tickets_.remove(operation);
    drains_.erase(drains_.iterator_to(operation));
    (all_gone ? work.drained : work.not_drained).push_back(operation);
  }
  if (is_late) {
    ledger_.cut_off_all(work.now);
    for (const ledger::decision& d : ledger_.decisions())
      carry_out(d, work);
  }
}

/// Under the lock: sees to it that the timer fires no later than the next deadline. It is left
/// armed when that deadline goes away, which costs less than to follow every change, but not by a
/// closed pool that has none: that must not keep `run()` from returning.
void pool_core::arm_timer(time_point now) {
  if (!timer_)
    return;
  time_point wake = ledger_.next_wake(now);
  for (const drain_operation& operation : drains_)
    wake = std::min(wake, operation.deadline);
  if (wake < armed_for_) {
    armed_for_ = wake;
    timer_->expires_at(wake);
    timer_->async_wait([weak = weak_from_this()](error_code ec) {
      if (ec)
        return;
      if (const auto self = weak.lock())
        self->expire();
    });
  } else if (ledger_.is_closed() && wake == time_point::max() && armed_for_ != wake) {
    armed_for_ = time_point::max();
    timer_->cancel();
  }
}

void pool_core::expire() {
  run([&](todo& work) {
    armed_for_ = time_point::max();
    ledger_.tick(work.now);
  });
}

/// Outside the lock: does what was decided, and what is decided meanwhile.
void pool_core::perform(todo& work) {
  do {
    while (connection* c = work.closes.pop()) {
      error_code ignored;
      c->socket.close(ignored);
      tell([&](pool_observer& o) { o.connection_closed(c->id, c->reason, c->uses); });
      run([&](todo& then) { ledger_.closed(then.now, *c); });
      delete c;
    }
    while (connection* c = work.forgotten.pop())
      delete c;
    while (connection* c = work.dials.pop())
      start_dial(*c);
    while (connection* c = work.probes.pop())
      start_probe(*c);
    while (acquire_operation* operation = work.acquires.pop())
      finish(*operation, work);
  } while (!work.closes.empty());
  while (!work.drained.empty()) {
    drain_operation& operation = work.drained.front();
    work.drained.pop_front();
    operation.complete(error_code());
  }
  while (!work.not_drained.empty()) {
    drain_operation& operation = work.not_drained.front();
    work.not_drained.pop_front();
    operation.complete(asio::error::timed_out);
  }
}

/// Looks at what was granted, and completes the operation or lets it wait again. What that decides
/// goes to the same list of work: any number of dead connections needs no stack.
void pool_core::finish(acquire_operation& operation, todo& work) {
  const duration wait = work.now - operation.since;
  if (!operation.granted) {
    tell([&](pool_observer& o) { o.acquire_failed(operation.error, wait, work.snapshot); });
    operation.complete(operation.error, lease());
    return;
  }
  connection& c = *operation.granted;
  const liveness seen = c.waited ? look_at(c.socket) : liveness::good;
  if (seen != liveness::good) {
    decide(work, [&](todo&) { ledger_.stale(work.now, c, &operation, reason_of(seen)); });
    return;
  }
  if (operation.own_ticket) {
    const std::lock_guard lock(mutex_);
    acquires_.remove(operation);
  }
  tell([&](pool_observer& o) { o.acquire_granted(c.id, wait, c.uses); });
  operation.complete(error_code(), lease(shared_from_this(), c, false));
}

} // namespace httpool::detail
