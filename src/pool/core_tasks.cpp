// What a pool does by itself: dials, probes, and the watches of idle connections.

#include "pool/core.hpp"
#include "pool/core_run.hpp"
#include "pool/socket_calls.hpp"
#include "tls/secure_stream.hpp"

#include <httpool/error.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>

#include <exception>
#include <new>

namespace httpool::detail {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;
using boost::system::system_error;

/// The end of a dial, by its coroutine's end or, when the context is destroyed, by that coroutine's
/// destruction.
class dial_end {
public:
  dial_end(std::shared_ptr<pool_core> core, connection& c) noexcept
      : core_(std::move(core)), connection_(&c) {}
  dial_end(dial_end&& other) noexcept
      : core_(std::move(other.core_)), connection_(std::exchange(other.connection_, nullptr)) {}

  ~dial_end() {
    if (connection_)
      core_->dial_dropped(*connection_);
  }

  void operator()(error_code ec) noexcept {
    core_->dial_ended(*std::exchange(connection_, nullptr), ec);
  }

private:
  std::shared_ptr<pool_core> core_;
  connection* connection_;
};

error_code code_of(const std::exception_ptr& failure) noexcept {
  if (!failure)
    return {};
  try {
    std::rethrow_exception(failure);
  } catch (const system_error& e) {
    return e.code() ? e.code() : error_code(error::prepare_failed);
  } catch (const std::bad_alloc&) {
    return asio::error::no_memory;
  } catch (...) {
    return error::prepare_failed;
  }
}

struct probe_run {
  std::shared_ptr<abortable> task;
  lease asked;
  time_point began;
};

asio::awaitable<bool> ask(const pool_probe& probe, std::shared_ptr<probe_run> run) {
  co_return co_await probe.ask(run->asked);
}

} // namespace

// Dials -------------------------------------------------------------------------------------------

/// The coroutine starts on its strand: to wire its signal here, while another thread aborts it,
/// would be a race.
///
/// What memory does not suffice for is destroyed, and reports the dial's end by that.
void pool_core::start_dial(connection& c) noexcept try {
  auto start = [this, &c, task = c.task, end = dial_end(shared_from_this(), c)]() mutable {
    if (task->is_aborted)
      return end(asio::error::operation_aborted);
    try {
      asio::co_spawn(
          task->strand, dialer_.dial(c.stream, task->deadline, c.dialed),
          asio::bind_cancellation_slot(task->signal.slot(),
                                       [&c, task, end = std::move(end)](std::exception_ptr failure,
                                                                        tcp::endpoint met) mutable {
                                         c.endpoint = met;
                                         end(code_of(failure));
                                       }));
    } catch (const std::bad_alloc&) {
    }
  };
  abortable::enter(c.task, std::move(start), [] {});
} catch (const std::bad_alloc&) {
}

/// For want of memory, or because the context is being destroyed.
void pool_core::dial_dropped(connection& c) noexcept {
  bool is_abandoned = false;
  {
    const std::lock_guard lock(mutex_);
    is_abandoned = !timer_;
  }
  dial_ended(c, is_abandoned ? asio::error::operation_aborted : asio::error::no_memory);
}

void pool_core::dial_ended(connection& c, error_code ec) noexcept {
  if (!ec) {
    error_code why = error::connection_closed; // or an alert, such as of our certificate
    const liveness seen = look_at(c.stream, &why);
    if (seen == liveness::closed)
      ec = why;
    else if (seen == liveness::spoke)
      ec = error::protocol_error;
    if (ec)
      avoid_endpoint(c);
  } else if (c.late) {
    ec = error::dial_timeout;
  }
  if (!ec) {
    if (observer_)
      tell_made(c);
    run([&](todo& work) {
      c.task.reset();
      ledger_.dialed(work.now, c);
    });
    return;
  }
  error_code ignored;
  c.socket.close(ignored);
  const duration took = std::chrono::steady_clock::now() - c.dialed_at;
  tell([&](pool_observer& o) { o.dial_failed(ec, took); });
  run([&](todo& work) {
    const duration pause = ec == asio::error::no_memory ? without_memory : duration::zero();
    ledger_.dial_failed(work.now, c, ec, saturating_add(work.now, pause));
  });
  delete &c;
}

/// Before anybody else can have the connection, so that this is the first that is told of it.
void pool_core::tell_made(connection& c) noexcept {
  {
    const std::lock_guard lock(mutex_);
    ledger_.name(c);
  }
  const duration took = std::chrono::steady_clock::now() - c.dialed_at;
  tell([&](pool_observer& o) { o.connection_made(c.id, took); });
}

// Probes ------------------------------------------------------------------------------------------

/// What memory does not suffice for is destroyed, and the lease in it, which costs the connection.
void pool_core::start_probe(connection& c) noexcept try {
  lease asked(c, true);
  const auto task = std::make_shared<abortable>(executor_);
  {
    const std::lock_guard lock(mutex_);
    c.task = task;
  }
  auto probing = std::make_shared<probe_run>(
      probe_run{task, std::move(asked), std::chrono::steady_clock::now()});
  auto start = [self = shared_from_this(), &c, probing = std::move(probing)] {
    const auto& strand = probing->task->strand;
    // Bytes that are there already would be taken for the answer.
    if (probing->task->is_aborted || c.late || look_at(c.stream) != liveness::good)
      return self->end_probe(std::move(probing->asked), false, probing->began);
    try {
      asio::co_spawn(
          strand, ask(self->probe_, probing),
          asio::bind_cancellation_slot(
              probing->task->signal.slot(), [self, probing](std::exception_ptr failure, bool yes) {
                self->end_probe(std::move(probing->asked), !failure && yes, probing->began);
              }));
    } catch (const std::bad_alloc&) {
    }
  };
  abortable::enter(task, std::move(start), [] {});
} catch (const std::bad_alloc&) {
}

/// A probe that detached the connection or moved its lease away has ended it by that.
void pool_core::end_probe(lease asked, bool said_yes, time_point began) noexcept {
  if (!asked)
    return;
  connection& c = *std::exchange(asked.connection_, nullptr);
  // One that was cut off has been shut down, which the look finds.
  const bool good = said_yes && c.buffer.size() == 0 && look_at(c.stream) == liveness::good;
  if (!good)
    avoid_endpoint(c);
  tell([&](pool_observer& o) { o.probed(c.id, good, std::chrono::steady_clock::now() - began); });
  run([&](todo& work) {
    c.task.reset();
    ledger_.probed(work.now, c, good && !c.late);
  });
}

// Watches -----------------------------------------------------------------------------------------

/// Under the lock: waits for an idle connection to stir, which it should not, now or as soon as
/// there is memory for that.
void pool_core::watch(connection& c, time_point now) noexcept try {
  c.watch_is_armed = true;
  c.buffer.shrink_to_fit();
  c.head = std::string();
  if (secure_stream* const secure = stream_access::secure(c.stream))
    secure->give_back_memory();
  c.socket.async_wait(asio::ip::tcp::socket::wait_read,
                      [weak = weak_from_this(), id = c.id](error_code ec) {
                        if (ec)
                          return;
                        if (const auto self = weak.lock())
                          self->stirred(id);
                      });
} catch (const std::bad_alloc&) {
  c.watch_is_armed = false;
  ledger_.watch_again(c, saturating_add(now, without_memory));
}

/// The connection may have been used, or closed, since its watch fired: only the look counts.
void pool_core::stirred(std::uint64_t id) {
  run([&](todo& work) {
    connection* const c = static_cast<connection*>(ledger_.find_idle(id));
    if (!c)
      return ledger_.tick(work.now);
    const liveness seen = look_at(c->stream);
    if (seen == liveness::closed)
      return ledger_.spoke(work.now, *c, close_reason::peer_closed);
    if (seen == liveness::spoke)
      return ledger_.spoke(work.now, *c, close_reason::peer_spoke);
    if (c->watched)
      watch(*c, work.now);
    ledger_.tick(work.now);
  });
}

} // namespace httpool::detail
