// A way to a strand for which memory was put aside.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/execution/allocator.hpp>
#include <boost/asio/execution/blocking.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/prefer.hpp>
#include <boost/asio/require.hpp>
#include <boost/asio/strand.hpp>

#include <array>
#include <atomic>
#include <cstddef>
#include <exception>
#include <memory>
#include <new>
#include <utility>

namespace httpool::detail {

/// What a strand, and the context that it asks for its turn, need for a few small functions.
class reserved_blocks {
public:
  static constexpr std::size_t size = 128;

  /// None if all are taken.
  void* take() noexcept {
    for (block& each : blocks_)
      if (!each.is_taken.exchange(true, std::memory_order_acquire))
        return each.bytes;
    return nullptr;
  }

  /// False if it is none of these.
  bool give_back(const void* bytes) noexcept {
    for (block& each : blocks_)
      if (each.bytes == bytes) {
        each.is_taken.store(false, std::memory_order_release);
        return true;
      }
    return false;
  }

private:
  struct block {
    alignas(std::max_align_t) std::byte bytes[size];
    std::atomic<bool> is_taken = false;
  };
  std::array<block, 6> blocks_;
};

/// Allocates from reserved blocks, or elsewhere if they do not suffice.
template <class T>
class reserved_allocator {
public:
  using value_type = T;

  explicit reserved_allocator(std::shared_ptr<reserved_blocks> from) noexcept
      : from_(std::move(from)) {}
  template <class U>
  reserved_allocator(const reserved_allocator<U>& other) noexcept : from_(other.from_) {}

  T* allocate(std::size_t count) {
    if (count <= reserved_blocks::size / sizeof(T) && alignof(T) <= alignof(std::max_align_t))
      if (void* const taken = from_->take())
        return static_cast<T*>(taken);
    return std::allocator<T>().allocate(count);
  }

  void deallocate(T* memory, std::size_t count) noexcept {
    if (!from_->give_back(memory))
      std::allocator<T>().deallocate(memory, count);
  }

  template <class U>
  bool operator==(const reserved_allocator<U>& other) const noexcept {
    return from_ == other.from_;
  }

private:
  template <class U>
  friend class reserved_allocator;

  std::shared_ptr<reserved_blocks> from_;
};

/// Posts a function to a strand of an `io_context`, by the reserved memory. It is dropped if the
/// context is being destroyed. To any other executor it is posted in the ordinary way, if an
/// exception has led here, and else dropped: what such an executor does while it is destroyed is
/// not known.
template <class Function>
void post_reserved(const boost::asio::any_io_executor& to,
                   const std::shared_ptr<reserved_blocks>& memory, Function function) {
  namespace asio = boost::asio;
  namespace execution = asio::execution;
  if (const auto* const strand = to.target<asio::strand<asio::io_context::executor_type>>())
    asio::prefer(asio::require(*strand, execution::blocking.never),
                 execution::allocator(reserved_allocator<void>(memory)))
        .execute(std::move(function));
  else if (std::uncaught_exceptions() != 0)
    asio::require(to, execution::blocking.never).execute(std::move(function));
}

} // namespace httpool::detail
