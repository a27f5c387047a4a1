// What every event has in common: the ledger's decisions are carried out, under the lock and
// outside.

#include "pool/core.hpp"
#include "pool/core_run.hpp"
#include "pool/socket_calls.hpp"
#include "tls/secure_stream.hpp"

#include <boost/asio/bind_allocator.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/execution/outstanding_work.hpp>
#include <boost/asio/prefer.hpp>

#include <algorithm>
#include <new>
#include <utility>

namespace httpool::detail {

namespace asio = boost::asio;
using boost::system::error_code;
using action = ledger::decision::action;

namespace {

/// On this thread: the connection of a lease that is on its way to its caller. Whoever finds the
/// way barred clears it.
thread_local connection* under_way = nullptr;

} // namespace

/// Under the lock: takes in what the ledger has decided.
void pool_core::settle(todo& work) {
  bool has_to_perform = false;
  if (budget_ && needs_other_permits())
    give_back_permits(work);
  while (timer_ && ledger_.wants_dial(work.now) && start_wanted_dial(work))
    has_to_perform = true;
  for (const ledger::decision& d : ledger_.decisions()) {
    carry_out(d, work);
    has_to_perform = true;
  }
  bool has_work = ledger_.has_waiters();
  if (!drains_.empty()) {
    settle_drains(work);
    has_work |= !drains_.empty();
    has_to_perform = true;
  }
  if (budget_) {
    settle_budget(work);
    has_to_perform |= work.has_errands;
  }
  has_work &= timer_.has_value();
  const bool is_tracked = has_work == outstanding_.has_value() || track_work(has_work);
  const time_point wake = is_tracked ? time_point::max() : saturating_add(work.now, without_memory);
  if (!is_armed_by(wake))
    arm_timer(work.now, wake);
  if (has_owner_) {
    work.is_empty = drains_.empty() && ledger_.is_empty(work.now);
    has_to_perform |= work.is_empty;
  }
  if (observer_)
    work.snapshot = ledger_.snapshot();
  if (has_to_perform)
    work.pool = shared_from_this();
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
    c->where = operation->where;
    if (operation->lease_deadline != time_point::max())
      ledger_.set_lease_deadline(*c, operation->lease_deadline);
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
    end_task(*c, work);
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
    c->probe_ends_by = saturating_add(work.now, probe_.timeout);
    ledger_.set_lease_deadline(*c, c->probe_ends_by);
    work.probes.push(*c);
    break;
  case action::watch:
    watch(*c, work.now);
    break;
  case action::overdue:
    note_overdue(*c, work);
    break;
  case action::cut_off:
    c->late = true;
    shut_down(c->socket);
    if (c->task)
      end_task(*c, work);
    break;
  }
}

/// Under the lock, since the lease may end as soon as that is free. What memory lacks for is not
/// told; whoever asks for overdue leases is still shown it.
void pool_core::note_overdue(const connection& c, todo& work) noexcept try {
  if (!work.overdue)
    work.overdue = std::make_unique<std::vector<overdue_lease>>();
  work.overdue->push_back({c.id, work.now - c.leased_at, c.where});
} catch (const std::bad_alloc&) {
}

/// Under the lock: tells a dial or a probe to end, now or as soon as there is memory for that.
void pool_core::end_task(connection& c, const todo& work) noexcept {
  try {
    abortable::abort(c.task, [weak = weak_from_this(), task = c.task] {
      if (const auto self = weak.lock())
        self->end_again(*task);
    });
  } catch (const std::bad_alloc&) {
    ledger_.end_again(c, saturating_add(work.now, without_memory));
  }
}

/// What was to end a dial or a probe was lost on its way. Perhaps it has ended since.
void pool_core::end_again(const abortable& task) noexcept {
  const std::lock_guard lock(mutex_);
  const time_point now = std::chrono::steady_clock::now();
  ledger::connection* const found = ledger_.find_busy([&](const ledger::connection& c) {
    return static_cast<const connection&>(c).task.get() == &task;
  });
  if (found) {
    ledger_.end_again(*found, saturating_add(now, without_memory));
    arm_timer(now);
  }
}

/// Under the lock.
void pool_core::end_watch(connection& c) noexcept {
  c.watch_is_armed = false;
  error_code ignored;
  c.socket.cancel(ignored);
}

/// False if it cannot be.
bool pool_core::start_wanted_dial(todo& work) {
  if (budget_) {
    if (!budget_->take(seat_)) {
      ledger_.hold_dials(work.now);
      return false;
    }
    asked_ = need::none;
    ++permits_;
  }
  try {
    auto c = std::make_unique<connection>(shared_from_this(), executor_);
    c->task = std::make_shared<abortable>(executor_);
    ledger_.dial(work.now, *c);
    c->task->deadline = c->deadline;
    work.dials.push(*c.release());
    return true;
  } catch (const std::bad_alloc&) {
    ledger_.dial_not_made(work.now, asio::error::no_memory,
                          saturating_add(work.now, without_memory));
    return false;
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
    if (!work.ended)
      work.ended.emplace();
    (all_gone ? work.ended->drained : work.ended->not_drained).push_back(operation);
  }
  if (is_late) {
    ledger_.cut_off_all(work.now);
    for (const ledger::decision& d : ledger_.decisions())
      carry_out(d, work);
  }
}

/// Under the lock: sees to it that the timer fires no later than the next deadline, and by `wake`
/// at the latest. It is left armed when that deadline goes away, which costs less than to follow
/// every change, but not by a closed pool that has none: that must not keep `run()` from returning.
void pool_core::arm_timer(time_point now, time_point wake) {
  if (!timer_)
    return;
  wake = std::min(wake, ledger_.find_next_wake(now));
  for (const drain_operation& operation : drains_)
    wake = std::min(wake, operation.deadline);
  if (has_owner_)
    wake = std::min(wake, ledger_.empty_at(now));
  if (wake < armed_for_) {
    arm_timer_for(wake); // or the next event tries again, such as the end of the cancelled wait
  } else if (ledger_.is_closed() && wake == time_point::max() && armed_for_ != wake) {
    armed_for_ = time_point::max();
    timer_->cancel();
  }
}

/// The handler of the timer. One that is cancelled, or lost because its executor had no memory for
/// it, sees to it that the timer is armed again.
class pool_core::timer_wait {
public:
  explicit timer_wait(std::weak_ptr<pool_core> core) noexcept : core_(std::move(core)) {}
  timer_wait(timer_wait&&) noexcept = default;
  timer_wait& operator=(timer_wait&&) = delete;

  ~timer_wait() {
    if (const auto core = is_beginning ? nullptr : core_.lock())
      lost(*core);
  }

  void operator()(error_code ec) {
    const auto core = std::exchange(core_, {}).lock();
    if (core)
      ec ? core->timer_ended() : core->expire();
  }

  /// On this thread, within the lock: what goes has not begun.
  static thread_local bool is_beginning;

private:
  /// There is a pause then, or it would be lost over and over.
  static void lost(pool_core& core) noexcept {
    const std::lock_guard lock(core.mutex_);
    const time_point now = std::chrono::steady_clock::now();
    if (core.armed_for_ <= now)
      core.armed_for_ = time_point::max();
    if (core.armed_for_ == time_point::max())
      core.arm_timer(saturating_add(now, without_memory));
  }

  std::weak_ptr<pool_core> core_;
};

thread_local bool pool_core::timer_wait::is_beginning = false;

bool pool_core::arm_timer_for(time_point wake) {
  armed_for_ = time_point::max();
  timer_->expires_at(wake);
  timer_wait::is_beginning = true;
  try {
    timer_->async_wait(asio::bind_allocator(wait_room::allocator<void>(timer_room_),
                                            timer_wait(weak_from_this())));
    armed_for_ = wake;
  } catch (const std::bad_alloc&) {
  }
  timer_wait::is_beginning = false;
  return armed_for_ == wake;
}

/// Under the lock: what will be armed anew needs no memory, for either the room for a wait is free
/// or a cancelled one is about to leave it, and tells. So the timer is armed before anybody waits.
bool pool_core::reserve_timer(time_point now, time_point deadline) {
  constexpr duration any = std::chrono::hours(1);
  const bool is_needed = timer_ && armed_for_ == time_point::max() && deadline > now;
  return !is_needed || arm_timer_for(std::min(deadline, saturating_add(now, any)));
}

/// A cancelled wait has ended. If the timer could not be armed anew then, it can be now.
void pool_core::timer_ended() noexcept {
  const std::lock_guard lock(mutex_);
  if (armed_for_ == time_point::max())
    arm_timer(std::chrono::steady_clock::now());
}

/// Under the lock: as long as somebody waits here the executor has work, though the handler may run
/// on another. Executors that hold others need memory for that: false if it lacks, when the timer
/// is work until there is some.
bool pool_core::track_work(bool has_work) try {
  if (has_work)
    outstanding_.emplace(asio::prefer(executor_, asio::execution::outstanding_work.tracked));
  else
    outstanding_.reset();
  return true;
} catch (const std::bad_alloc&) {
  return false;
}

void pool_core::expire() {
  run([&](todo& work) {
    armed_for_ = time_point::max();
    ledger_.tick(work.now);
  });
}

/// Outside the lock: completes operations, which are gone then.
void pool_core::end_all(boost::intrusive::list<drain_operation>& ended, error_code ec) noexcept {
  while (!ended.empty()) {
    drain_operation& operation = ended.front();
    ended.pop_front();
    complete(operation, ec);
  }
}

/// Outside the lock: does what was decided, and what is decided meanwhile.
void pool_core::perform(todo& work) {
  if (const auto overdue = std::move(work.overdue)) {
    for (const overdue_lease& each : *overdue)
      tell([&](pool_observer& o) { o.lease_overdue(each); });
  }
  do {
    while (connection* c = work.closes.pop()) {
      if (secure_stream* const secure = stream_access::secure(c->stream))
        secure->say_end();
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
  } while (work.is_unfinished());
  if (work.ended) {
    end_all(work.ended->drained, error_code());
    end_all(work.ended->not_drained, asio::error::timed_out);
  }
  if (work.has_errands)
    run_errands();
  if (work.is_empty) {
    if (const auto owner = owner_.lock())
      owner->emptied(*this);
  }
}

/// Looks at what was granted, and completes the operation or lets it wait again. What that decides,
/// or a lease that is lost on its way, goes to the same list of work: any number of dead
/// connections or lost leases needs no stack.
void pool_core::finish(acquire_operation& operation, todo& work) {
  const duration wait = work.now - operation.since;
  if (!operation.granted) {
    tell([&](pool_observer& o) { o.acquire_failed(operation.error, wait, *work.snapshot); });
    complete(operation, operation.error, lease());
    return;
  }
  connection& c = *operation.granted;
  const liveness seen = c.waited || c.is_unseen ? look_at(c.stream) : liveness::good;
  if (seen != liveness::good) {
    decide(work, [&](todo&) { ledger_.stale(work.now, c, &operation, reason_of(seen)); });
    return;
  }
  if (operation.own_ticket) {
    const std::lock_guard lock(mutex_);
    acquires_.remove(operation);
  }
  tell([&](pool_observer& o) { o.acquire_granted(c.id, wait, c.uses); });
  connection* const outer = std::exchange(under_way, &c);
  complete(operation, error_code(), lease(c, false));
  const bool is_lost = !std::exchange(under_way, outer);
  if (is_lost)
    decide(work, [&](todo&) { take_back(c, work.now); });
}

/// A lease ends of which its caller never knew.
void pool_core::undelivered(connection& c) noexcept {
  if (under_way == &c) {
    under_way = nullptr;
    return;
  }
  run([&](todo& work) { take_back(c, work.now); });
}

/// Under the lock.
void pool_core::take_back(connection& c, time_point now) noexcept {
  if (c.late)
    ledger_.dropped(now, c, close_reason::cut_off);
  else
    ledger_.undelivered(now, c);
}

} // namespace httpool::detail
