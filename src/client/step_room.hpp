// Memory for one pending operation, in the object that its handler shares.
#pragma once

#include <boost/asio/recycling_allocator.hpp>

#include <atomic>
#include <cstddef>

namespace httpool::detail {

/// What is too large for it, or comes while it is taken, has other memory.
class step_room { // NOLINT(cppcoreguidelines-pro-type-member-init): the bytes are raw
public:
  step_room() = default; // NOLINT(cppcoreguidelines-pro-type-member-init)
  step_room(const step_room&) = delete;
  step_room& operator=(const step_room&) = delete;

  template <class T>
  class allocator {
  public:
    using value_type = T;

    explicit allocator(step_room& room) noexcept : room_(&room) {}
    template <class U>
    allocator(const allocator<U>& other) noexcept : room_(other.room_) {}

    T* allocate(std::size_t count) {
      if (count <= size / sizeof(T) && alignof(T) <= alignof(std::max_align_t) &&
          !room_->is_taken_.exchange(true, std::memory_order_acquire))
        return reinterpret_cast<T*>(room_->bytes_);
      return boost::asio::recycling_allocator<T>().allocate(count);
    }

    void deallocate(T* memory, std::size_t count) noexcept {
      if (static_cast<void*>(memory) == room_->bytes_)
        room_->is_taken_.store(false, std::memory_order_release);
      else
        boost::asio::recycling_allocator<T>().deallocate(memory, count);
    }

    template <class U>
    bool operator==(const allocator<U>& other) const noexcept {
      return room_ == other.room_;
    }

  private:
    template <class U>
    friend class allocator;

    step_room* room_;
  };

private:
  static constexpr std::size_t size = 512;

  alignas(std::max_align_t) std::byte bytes_[size];
  std::atomic<bool> is_taken_ = false;
};

} // namespace httpool::detail
