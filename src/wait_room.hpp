// Memory for one pending wait of a timer, reserved beforehand.
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <utility>

namespace httpool::detail {

/// Holds one asynchronous wait at a time. Waits that begin meanwhile, as that of a timer which is
/// armed anew does before its cancelled one has completed, take other memory.
class wait_room {
public:
  /// Keeps the room as long as a wait needs it, which may be longer than the timer.
  template <class T>
  class allocator {
  public:
    using value_type = T;

    explicit allocator(std::shared_ptr<wait_room> room) noexcept : room_(std::move(room)) {}
    template <class U>
    allocator(const allocator<U>& other) noexcept : room_(other.room_) {}

    // To move is to copy: what was moved from is still equal to its copies.
    allocator(const allocator& other) noexcept = default;
    allocator& operator=(const allocator& other) noexcept = default;
    ~allocator() = default;

    T* allocate(std::size_t count) {
      if (count <= size / sizeof(T) && alignof(T) <= alignof(std::max_align_t) &&
          !room_->is_taken_.exchange(true))
        return reinterpret_cast<T*>(room_->bytes_);
      return std::allocator<T>().allocate(count);
    }

    void deallocate(T* memory, std::size_t count) noexcept {
      if (static_cast<void*>(memory) == room_->bytes_)
        room_->is_taken_ = false;
      else
        std::allocator<T>().deallocate(memory, count);
    }

    template <class U>
    bool operator==(const allocator<U>& other) const noexcept {
      return room_ == other.room_;
    }

  private:
    template <class U>
    friend class allocator;

    std::shared_ptr<wait_room> room_;
  };

  /// Whether a wait is pending in it.
  bool is_taken() const noexcept { return is_taken_; }

private:
  static constexpr std::size_t size = 256;

  alignas(std::max_align_t) std::byte bytes_[size];
  std::atomic<bool> is_taken_ = false;
};

} // namespace httpool::detail
