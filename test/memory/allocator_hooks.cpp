#include "memory/allocator_hooks.hpp"

#include <array>
#include <atomic>
#include <cstdlib>
#include <new>

#include <malloc.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define HTTPOOL_SANITIZER_HAS_FREE 1
#endif

namespace {

using httpool_test::memory_source;

std::atomic<httpool_test::memory_refusal> refusal = nullptr;
std::atomic<std::uint64_t> made = 0;
std::atomic<std::int64_t> blocks = 0;
std::atomic<std::size_t> bytes = 0;

bool is_refused(std::size_t size, memory_source from) noexcept {
  const httpool_test::memory_refusal refuses = refusal;
  return refuses && refuses(size, from);
}

void* allocate(std::size_t size, std::size_t alignment) noexcept {
  if (is_refused(size, memory_source::operator_new))
    return nullptr;
  void* memory = nullptr;
  if (alignment <= alignof(std::max_align_t))
    memory = std::malloc(size);
  else if (posix_memalign(&memory, alignment, size) != 0)
    memory = nullptr;
  if (memory) {
    ++made;
    ++blocks;
    bytes += malloc_usable_size(memory);
  }
  return memory;
}

void* allocate_or_throw(std::size_t size, std::size_t alignment) {
  void* const memory = allocate(size, alignment);
  return memory ? memory : throw std::bad_alloc();
}

void release(void* memory) noexcept {
  if (!memory)
    return;
  --blocks;
  bytes -= malloc_usable_size(memory);
  std::free(memory);
}

#ifndef HTTPOOL_SANITIZER_HAS_FREE

/// The blocks of `aligned_alloc` that are in use, which `free` has to tell from others. Without
/// constructor and destructor, as it serves before and after all others.
class aligned_blocks {
public:
  void add(const void* block) noexcept {
    const lock guard(*this);
    for (const void*& place : places_) {
      if (!place) {
        place = block;
        ++used_;
        ++blocks;
        return;
      }
    }
    std::abort(); // more than any test needs
  }

  void remove(const void* block) noexcept {
    if (!block || used_ == 0)
      return;
    const lock guard(*this);
    for (const void*& place : places_) {
      if (place == block) {
        place = nullptr;
        --used_;
        --blocks;
        return;
      }
    }
  }

private:
  class lock {
  public:
    explicit lock(aligned_blocks& of) noexcept : of_(of) {
      while (of_.is_locked_.test_and_set(std::memory_order_acquire)) {
      }
    }
    ~lock() { of_.is_locked_.clear(std::memory_order_release); }

  private:
    aligned_blocks& of_;
  };

  std::atomic_flag is_locked_ = ATOMIC_FLAG_INIT;
  std::atomic<std::size_t> used_ = 0;
  std::array<const void*, 1024> places_ = {};
};

constinit aligned_blocks aligned;

#endif

} // namespace

namespace httpool_test {

void refuse_memory(memory_refusal refuses) noexcept {
  refusal = refuses;
}

std::uint64_t allocations() noexcept {
  return made;
}

std::int64_t blocks_in_use() noexcept {
  return blocks;
}

std::size_t bytes_in_use() noexcept {
  return bytes;
}

} // namespace httpool_test

extern "C" void* aligned_alloc(std::size_t alignment, std::size_t size) noexcept {
  void* memory = nullptr;
  if (is_refused(size, memory_source::aligned_alloc) ||
      posix_memalign(&memory, alignment, size) != 0)
    return nullptr;
#ifndef HTTPOOL_SANITIZER_HAS_FREE
  aligned.add(memory);
#endif
  return memory;
}

#ifndef HTTPOOL_SANITIZER_HAS_FREE
extern "C" void __libc_free(void* memory); // NOLINT(bugprone-reserved-identifier): glibc's own

extern "C" void free(void* memory) noexcept {
  aligned.remove(memory);
  __libc_free(memory);
}
#endif

// Not inlined: GCC would take an inlined half of them for a mismatch.
#define HTTPOOL_HOOK [[gnu::noinline]]

HTTPOOL_HOOK void* operator new(std::size_t size) {
  return allocate_or_throw(size, 0);
}
HTTPOOL_HOOK void* operator new[](std::size_t size) {
  return allocate_or_throw(size, 0);
}
HTTPOOL_HOOK void* operator new(std::size_t size, std::align_val_t alignment) {
  return allocate_or_throw(size, static_cast<std::size_t>(alignment));
}
HTTPOOL_HOOK void* operator new[](std::size_t size, std::align_val_t alignment) {
  return allocate_or_throw(size, static_cast<std::size_t>(alignment));
}
HTTPOOL_HOOK void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  return allocate(size, 0);
}
HTTPOOL_HOOK void* operator new[](std::size_t size, const std::nothrow_t&) noexcept {
  return allocate(size, 0);
}
HTTPOOL_HOOK void* operator new(std::size_t size, std::align_val_t alignment,
                                const std::nothrow_t&) noexcept {
  return allocate(size, static_cast<std::size_t>(alignment));
}
HTTPOOL_HOOK void* operator new[](std::size_t size, std::align_val_t alignment,
                                  const std::nothrow_t&) noexcept {
  return allocate(size, static_cast<std::size_t>(alignment));
}
HTTPOOL_HOOK void operator delete(void* memory) noexcept {
  release(memory);
}
HTTPOOL_HOOK void operator delete[](void* memory) noexcept {
  release(memory);
}
HTTPOOL_HOOK void operator delete(void* memory, std::size_t) noexcept {
  release(memory);
}
HTTPOOL_HOOK void operator delete[](void* memory, std::size_t) noexcept {
  release(memory);
}
HTTPOOL_HOOK void operator delete(void* memory, std::align_val_t) noexcept {
  release(memory);
}
HTTPOOL_HOOK void operator delete[](void* memory, std::align_val_t) noexcept {
  release(memory);
}
HTTPOOL_HOOK void operator delete(void* memory, std::size_t, std::align_val_t) noexcept {
  release(memory);
}
HTTPOOL_HOOK void operator delete[](void* memory, std::size_t, std::align_val_t) noexcept {
  release(memory);
}
