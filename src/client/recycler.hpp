// Memory for objects of one size, used again and again.
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <new>
#include <utility>

namespace httpool::detail {

/// Keeps blocks of memory for the next who wants one of their size. It lives until its owner and
/// the last of its blocks have gone.
///
/// Thread-safe: who finds another thread at it does not wait, but has the heap instead.
class block_store {
  struct leave_it {
    void operator()(block_store* store) const noexcept { store->leave(); }
  };

public:
  using pointer = std::unique_ptr<block_store, leave_it>;

  static pointer create() { return pointer(new block_store); }

  block_store(const block_store&) = delete;
  block_store& operator=(const block_store&) = delete;

  void* take(std::size_t size) {
    void* memory = take_kept(size);
    if (!memory)
      memory = ::operator new(size);
    users_.fetch_add(1, std::memory_order_relaxed);
    return memory;
  }

  void give_back(void* memory, std::size_t size) noexcept {
    if (!keep(memory, size))
      ::operator delete(memory);
    leave();
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

  /// True, while it lives, for one thread at a time.
  class turn {
  public:
    explicit turn(std::atomic_flag& taken) noexcept
        : taken_(taken), is_ours_(!taken.test_and_set(std::memory_order_acquire)) {}
    turn(const turn&) = delete;
    turn& operator=(const turn&) = delete;
    ~turn() {
      if (is_ours_)
        taken_.clear(std::memory_order_release);
    }

    explicit operator bool() const noexcept { return is_ours_; }

  private:
    std::atomic_flag& taken_;
    const bool is_ours_;
  };

  block_store() = default;
  ~block_store() {
    while (block* const each = first_) {
      first_ = each->next;
      ::operator delete(each);
    }
  }

  void leave() noexcept {
    if (users_.fetch_sub(1, std::memory_order_acq_rel) == 1)
      delete this;
  }

  void* take_kept(std::size_t size) noexcept {
    const turn ours(taken_);
    if (!ours || !first_ || size != size_)
      return nullptr;
    --count_;
    return std::exchange(first_, first_->next);
  }

  bool keep(void* memory, std::size_t size) noexcept {
    const turn ours(taken_);
    if (!ours || count_ == most || (count_ != 0 && size != size_))
      return false;
    size_ = size;
    first_ = ::new (memory) block{first_};
    ++count_;
    return true;
  }

  std::atomic<std::size_t> users_ = 1; ///< The owner, and whoever has a block.
  std::atomic_flag taken_;             ///< By the one who may touch what follows.
  block* first_ = nullptr;
  std::size_t count_ = 0;
  std::size_t size_ = 0; ///< Of each.
};

/// Allocates single objects from a store.
template <class T>
class recycler {
  static_assert(alignof(T) <= alignof(std::max_align_t));

public:
  using value_type = T;

  explicit recycler(block_store& from) noexcept : from_(&from) {}
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

  block_store* from_;
};

} // namespace httpool::detail
