#include "sim/model/arena.hpp"

#include <array>
#include <bit>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>

namespace httpool::test::arena {
namespace {

constexpr std::size_t unit = 16;
constexpr std::size_t size_classes = 20;

/// A freed block is linked into the list of its size, a power of two of units.
struct block {
  std::uint64_t size_class;
  block* next;
};

struct memory {
  std::size_t used = 0; ///< Of `room`.
  std::array<block*, size_classes> free = {};
  alignas(unit) std::array<std::byte, std::size_t{1} << 20> room;
};

memory all;
bool is_open = false;

constexpr std::size_t kept_bytes() {
  return offsetof(memory, room);
}

void* take(std::size_t size) {
  const std::size_t units = (size + unit - 1) / unit;
  const auto size_class = static_cast<std::size_t>(std::bit_width(units == 0 ? 0 : units - 1));
  if (size_class >= size_classes)
    throw std::bad_alloc();
  block* taken = all.free[size_class];
  if (taken) {
    all.free[size_class] = taken->next;
  } else {
    const std::size_t bytes = unit + (unit << size_class);
    if (all.room.size() - all.used < bytes)
      throw std::bad_alloc();
    taken = ::new (all.room.data() + all.used) block{size_class, nullptr};
    all.used += bytes;
  }
  return reinterpret_cast<std::byte*>(taken) + unit;
}

bool is_ours(const void* p) noexcept {
  return p >= all.room.data() && p < all.room.data() + all.room.size();
}

void give_back(void* p) noexcept {
  block* const freed = reinterpret_cast<block*>(static_cast<std::byte*>(p) - unit);
  freed->next = all.free[freed->size_class];
  all.free[freed->size_class] = freed;
}

} // namespace

scope::scope() noexcept {
  is_open = true;
}
scope::~scope() {
  is_open = false;
}

void keep(snapshot& to) {
  to.resize(kept_bytes() + all.used);
  std::memcpy(to.data(), static_cast<const void*>(&all), to.size());
}

void put_back(const snapshot& from) noexcept {
  std::memcpy(static_cast<void*>(&all), from.data(), from.size());
}

void reset() noexcept {
  all.used = 0;
  all.free = {};
}

void* allocate(std::size_t size) {
  if (is_open)
    return take(size);
  if (void* const p = std::malloc(size == 0 ? 1 : size))
    return p;
  throw std::bad_alloc();
}

void release(void* p) noexcept {
  if (is_ours(p))
    give_back(p);
  else
    std::free(p);
}

} // namespace httpool::test::arena

void* operator new(std::size_t size) {
  return httpool::test::arena::allocate(size);
}
void operator delete(void* p) noexcept {
  httpool::test::arena::release(p);
}
void operator delete(void* p, std::size_t) noexcept {
  httpool::test::arena::release(p);
}
