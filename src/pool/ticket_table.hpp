// Waiting operations by ticket, so that a cancellation that comes late finds nothing.
#pragma once

#include <httpool/detail/cancellable.hpp>

#include <vector>

namespace httpool::detail {

template <class Operation>
class ticket_table {
public:
  /// Gives an operation its ticket.
  void add(Operation& operation) {
    if (free_.empty()) {
      if (free_.capacity() <= entries_.size())
        free_.reserve(2 * entries_.size() + 8);
      entries_.push_back(entry());
      free_.push_back(static_cast<std::uint32_t>(entries_.size() - 1));
    }
    const std::uint32_t index = free_.back();
    free_.pop_back();
    entries_[index] = entry{&operation, ++last_serial_};
    operation.own_ticket = ticket{index, last_serial_};
  }

  /// The operation with this ticket, or null when it has ended.
  Operation* find(ticket wanted) const noexcept {
    if (wanted.index >= entries_.size() || entries_[wanted.index].serial != wanted.serial)
      return nullptr;
    return entries_[wanted.index].operation;
  }

  /// The operation ends; one without a ticket is left alone.
  void remove(Operation& operation) noexcept {
    if (!operation.own_ticket)
      return;
    entries_[operation.own_ticket.index] = entry();
    free_.push_back(operation.own_ticket.index); // room was reserved by add()
    operation.own_ticket = ticket();
    if (free_.size() == entries_.size() && entries_.size() > keep_at_most) {
      entries_ = std::vector<entry>(); // which gives memory back, as {} would not
      free_ = std::vector<std::uint32_t>();
    }
  }

private:
  static constexpr std::size_t keep_at_most = 256; ///< Entries kept when none is in use.

  struct entry {
    Operation* operation = nullptr;
    std::uint64_t serial = 0;
  };

  std::vector<entry> entries_;
  std::vector<std::uint32_t> free_;
  std::uint64_t last_serial_ = 0;
};

} // namespace httpool::detail
