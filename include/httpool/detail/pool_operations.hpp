/// \file
/// The operations of a pool that wait inside it, and what they need of its core.
#pragma once

#include <httpool/detail/operation.hpp>
#include <httpool/detail/waiter.hpp>
#include <httpool/lease.hpp>
#include <httpool/pool_options.hpp>

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/cancellation_type.hpp>
#include <boost/intrusive/list_hook.hpp>

#include <cstdint>
#include <memory>

namespace httpool::detail {

class pool_core;
struct connection;

/// Finds a waiting operation again, or finds that it has ended.
struct ticket {
  std::uint32_t index = no_index;
  std::uint64_t serial = 0;

  static constexpr std::uint32_t no_index = 0xffffffff;
};

/// An operation that can be cancelled while it waits.
struct cancellable {
  ticket own_ticket;
};

/// An `async_acquire` under way.
struct acquire_operation : waiter, cancellable, operation<lease> {
  acquire_operation* next = nullptr;    ///< In a list of operations that have ended.
  connection* granted = nullptr;        ///< What it ends with,
  boost::system::error_code error = {}; ///< or why without.

protected:
  ~acquire_operation() = default;
};

/// An `async_drain` under way.
struct drain_operation : boost::intrusive::list_base_hook<>, cancellable, operation<> {
  time_point deadline = {};

protected:
  ~drain_operation() = default;
};

/// What a cancellation slot holds. It outlives its operation harmlessly.
class cancel_by_ticket {
public:
  cancel_by_ticket(std::weak_ptr<pool_core> core, ticket operation, bool drain) noexcept
      : core_(std::move(core)), operation_(operation), drain_(drain) {}

  void operator()(boost::asio::cancellation_type type) const;

private:
  std::weak_ptr<pool_core> core_;
  ticket operation_;
  bool drain_;
};

const boost::asio::any_io_executor& executor_of(const pool_core& core) noexcept;
void give_ticket(pool_core& core, acquire_operation& operation);
void give_ticket(pool_core& core, drain_operation& operation);

// Each of these takes the operation over: it has ended, or will.
void start_acquire(pool_core& core, acquire_operation& operation, acquire_options options);
void start_redial(pool_core& core, acquire_operation& operation, lease dead,
                  acquire_options options);
void start_drain(pool_core& core, drain_operation& operation, duration timeout);

/// Makes the operation that holds `handler`, and wires the handler's cancellation slot to it.
template <class Operation, class... Results, class Handler>
Operation& make_operation(const std::shared_ptr<pool_core>& core, Handler handler) {
  const auto slot = boost::asio::get_associated_cancellation_slot(handler);
  Operation* const made = handler_operation<Operation, Handler, Results...>::create(
      std::move(handler), executor_of(*core));
  if (slot.is_connected()) {
    try {
      give_ticket(*core, *made);
      auto target = slot;
      target.template emplace<cancel_by_ticket>(core, made->own_ticket,
                                                std::is_same_v<Operation, drain_operation>);
    } catch (...) {
      made->abandon();
      throw;
    }
  }
  return *made;
}

/// Initiates `async_acquire`. A named type, so that tokens find the pool's executor.
struct initiate_acquire {
  using executor_type = boost::asio::any_io_executor;

  std::shared_ptr<pool_core> core;

  executor_type get_executor() const noexcept { return executor_of(*core); }

  template <class Handler>
  void operator()(Handler&& handler, acquire_options options) const {
    start_acquire(*core,
                  make_operation<acquire_operation, lease>(core, std::forward<Handler>(handler)),
                  options);
  }
};

/// Initiates `async_redial`.
struct initiate_redial {
  using executor_type = boost::asio::any_io_executor;

  std::shared_ptr<pool_core> core;

  executor_type get_executor() const noexcept { return executor_of(*core); }

  template <class Handler>
  void operator()(Handler&& handler, lease dead, acquire_options options) const {
    start_redial(*core,
                 make_operation<acquire_operation, lease>(core, std::forward<Handler>(handler)),
                 std::move(dead), options);
  }
};

/// Initiates `async_drain`.
struct initiate_drain {
  using executor_type = boost::asio::any_io_executor;

  std::shared_ptr<pool_core> core;

  executor_type get_executor() const noexcept { return executor_of(*core); }

  template <class Handler>
  void operator()(Handler&& handler, duration timeout) const {
    start_drain(*core, make_operation<drain_operation>(core, std::forward<Handler>(handler)),
                timeout);
  }
};

} // namespace httpool::detail
