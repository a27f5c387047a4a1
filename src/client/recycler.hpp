// Memory for objects of one size, used again and again.
#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <new>

namespace httpool::detail {

/// Keeps blocks of memory for the next who wants one of their size. Thread-safe.
class block_store {
public:
  block_store() = default;
  block_store(const block_store&) = delete;
  block_store& operator=(const block_store&) = delete;

  ~block_store() {
    while (first_) {
      block* const each = first_;
      first_ = each->next;
      ::operator delete(each);
    }
  }

  void* take(std::size_t size) {
    {
      const std::lock_guard lock(mutex_);
      if (first_ && size == size_) {
        block* const taken = first_;
        first_ = taken->next;
        --count_;
        return taken;
      }
    }
    return ::operator new(size);
  }

  void give_back(void* memory, std::size_t size) noexcept {
    {
      const std::lock_guard lock(mutex_);
      if (count_ == 0)
        size_ = size;
      if (size == size_ && count_ != most) {
        first_ = ::new (memory) block{first_};
        ++count_;
        return;
      }
    }
    ::operator delete(memory);
  }

private:
  /// What is kept after a storm; nothing where it would hide what is used after its end.
#ifdef __SANITIZE_ADDRESS__
  static constexpr std::size_t most = 0;
#else
  static constexpr std::size_t most = 64;
#endif

  struct block {
    block* next;
  };

  std::mutex mutex_;
  block* first_ = nullptr;
  std::size_t count_ = 0;
  std::size_t size_ = 0; ///< Of each.
};

/// Allocates single objects from a store, which it keeps alive.
template <class T>
class recycler {
  static_assert(alignof(T) <= alignof(std::max_align_t));

public:
  using value_type = T;

  explicit recycler(std::shared_ptr<block_store> from) noexcept : from_(std::move(from)) {}
  template <class U>
  recycler(const recycler<U>& other) noexcept : from_(other.from_) {}

  T* allocate(std::size_t count) { return static_cast<T*>(from_->take(count * sizeof(T))); }
  void deallocate(T* memory, std::size_t count) noexcept {
    from_->give_back(memory, count * sizeof(T));
  }

  template <class U>
  bool operator==(const recycler<U>& other) const noexcept {
    return from_ == other.from_;
  }

private:
  template <class U>
  friend class recycler;

  std::shared_ptr<block_store> from_;
};

} // namespace httpool::detail
