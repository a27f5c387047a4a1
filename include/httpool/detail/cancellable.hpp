/// \file
/// Operations that can be cancelled while they wait, from any thread.
#pragma once

#include <httpool/detail/operation.hpp>

#include <boost/asio/associated_cancellation_slot.hpp>

#include <cstdint>
#include <memory>
#include <utility>

namespace httpool::detail {

/// Finds a waiting operation again, or finds that it has ended.
struct ticket {
  std::uint32_t index = no_index;
  std::uint64_t serial = 0;

  static constexpr std::uint32_t no_index = 0xffffffff;

  /// Whether there is an operation to be found.
  explicit operator bool() const noexcept { return index != no_index; }
};

/// An operation that can be cancelled while it waits.
struct cancellable {
  ticket own_ticket;
};

/// Makes the `Operation` that holds `handler`. If the handler has a cancellation slot, the
/// operation gets a ticket from `core` and the slot a `Cancel` made of both. The slot comes first,
/// which may lack the memory: a ticket would have to be given back.
template <class Operation, class Cancel, class... Results, class Core, class Handler>
Operation& make_operation(const std::shared_ptr<Core>& core, Handler handler) {
  auto slot = boost::asio::get_associated_cancellation_slot(handler);
  Operation* const made = handler_operation<Operation, Handler, Results...>::create(
      std::move(handler), executor_of(*core));
  if (slot.is_connected()) {
    try {
      Cancel& cancel = slot.template emplace<Cancel>(core, ticket());
      give_ticket(*core, *made);
      cancel = Cancel(core, made->own_ticket);
    } catch (...) {
      made->abandon();
      throw;
    }
  }
  return *made;
}

} // namespace httpool::detail
