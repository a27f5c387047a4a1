/// \file
/// The operations of a pool that wait inside it, and what they need of its core.
#pragma once

#include <httpool/detail/cancellable.hpp>
#include <httpool/detail/export.hpp>
#include <httpool/detail/operation.hpp>
#include <httpool/detail/waiter.hpp>
#include <httpool/lease.hpp>
#include <httpool/pool_options.hpp>
#include <httpool/pool_view.hpp>

#include <boost/asio/cancellation_type.hpp>
#include <boost/intrusive/list_hook.hpp>

#include <cstdint>
#include <memory>
#include <source_location>

namespace httpool {
class connection_pool;
}

namespace httpool::detail {

class pool_core;
struct connection;

/// An `async_acquire` under way.
struct HTTPOOL_EXPORT acquire_operation : waiter, cancellable, operation<lease> {
  acquire_operation* next = nullptr;             ///< In a list of operations that have ended.
  connection* granted = nullptr;                 ///< What it ends with,
  boost::system::error_code error = {};          ///< or why without.
  time_point lease_deadline = time_point::max(); ///< Of the lease that it may give.
  std::source_location where = {};               ///< Who wants it; nobody's place for a client.

protected:
  ~acquire_operation() = default;
};

/// An `async_drain` under way.
struct HTTPOOL_EXPORT drain_operation : boost::intrusive::list_base_hook<>,
                                        cancellable,
                                        operation<> {
  time_point deadline = {};

protected:
  ~drain_operation() = default;
};

/// What the cancellation slot of an `async_acquire` holds. It outlives the operation harmlessly.
class HTTPOOL_EXPORT cancel_acquire {
public:
  cancel_acquire(std::weak_ptr<pool_core> core, ticket operation) noexcept
      : core_(std::move(core)), operation_(operation) {}

  void operator()(boost::asio::cancellation_type type) const;

private:
  std::weak_ptr<pool_core> core_;
  ticket operation_;
};

/// The same for `async_drain`.
class HTTPOOL_EXPORT cancel_drain {
public:
  cancel_drain(std::weak_ptr<pool_core> core, ticket operation) noexcept
      : core_(std::move(core)), operation_(operation) {}

  void operator()(boost::asio::cancellation_type type) const;

private:
  std::weak_ptr<pool_core> core_;
  ticket operation_;
};

HTTPOOL_EXPORT const std::shared_ptr<pool_core>& core_of(const connection_pool& pool) noexcept;
HTTPOOL_EXPORT const boost::asio::any_io_executor& executor_of(const pool_core& core) noexcept;
HTTPOOL_EXPORT pool_view view_of(pool_core& core);
HTTPOOL_EXPORT void give_ticket(pool_core& core, acquire_operation& operation);
HTTPOOL_EXPORT void give_ticket(pool_core& core, drain_operation& operation);

// Each of these takes the operation over: it has ended, or will.
HTTPOOL_EXPORT void start_acquire(pool_core& core, acquire_operation& operation,
                                  acquire_options options);
HTTPOOL_EXPORT void start_redial(pool_core& core, acquire_operation& operation, lease dead,
                                 acquire_options options);
HTTPOOL_EXPORT void start_drain(pool_core& core, drain_operation& operation, duration timeout);

/// Initiates `async_acquire`. A named type, so that tokens find the pool's executor.
///
/// The operation may end, and this with the frame of the coroutine that it is in, while it is still
/// being started: the core is kept alive until that is done.
struct initiate_acquire {
  using executor_type = boost::asio::any_io_executor;

  std::shared_ptr<pool_core> core;
  std::source_location where = {};

  executor_type get_executor() const noexcept { return executor_of(*core); }

  template <class Handler>
  void operator()(Handler&& handler, acquire_options options) const {
    const std::shared_ptr<pool_core> alive = core;
    auto& operation = make_operation<acquire_operation, cancel_acquire, lease>(
        core, std::forward<Handler>(handler));
    operation.where = where;
    start_acquire(*alive, operation, options);
  }
};

/// Initiates `async_redial`.
struct initiate_redial {
  using executor_type = boost::asio::any_io_executor;

  std::shared_ptr<pool_core> core;
  std::source_location where = {};

  executor_type get_executor() const noexcept { return executor_of(*core); }

  template <class Handler>
  void operator()(Handler&& handler, lease dead, acquire_options options) const {
    const std::shared_ptr<pool_core> alive = core;
    auto& operation = make_operation<acquire_operation, cancel_acquire, lease>(
        core, std::forward<Handler>(handler));
    operation.where = where;
    start_redial(*alive, operation, std::move(dead), options);
  }
};

/// Initiates `async_drain`.
struct initiate_drain {
  using executor_type = boost::asio::any_io_executor;

  std::shared_ptr<pool_core> core;

  executor_type get_executor() const noexcept { return executor_of(*core); }

  template <class Handler>
  void operator()(Handler&& handler, duration timeout) const {
    const std::shared_ptr<pool_core> alive = core;
    start_drain(*core,
                make_operation<drain_operation, cancel_drain>(core, std::forward<Handler>(handler)),
                timeout);
  }
};

} // namespace httpool::detail
