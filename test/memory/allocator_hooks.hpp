// Replaces what C++ and Asio take their memory from, so that tests can count and refuse it: every
// form of `operator new`, and `aligned_alloc`, which Asio calls.
#pragma once

#include <cstddef>
#include <cstdint>

namespace httpool_test {

enum class memory_source : std::uint8_t { operator_new, aligned_alloc };

/// Asked before each allocation, on the thread that wants it; true refuses it. Must not allocate.
using memory_refusal = bool (*)(std::size_t size, memory_source from) noexcept;

/// From now on `refuses` is asked; null, as at the beginning, refuses nothing.
void refuse_memory(memory_refusal refuses) noexcept;

/// Calls of `operator new` that have succeeded.
std::uint64_t allocations() noexcept;

/// Blocks that have not been freed: those of `operator new` and, unless a sanitizer has its own
/// `free`, of `aligned_alloc`.
std::int64_t blocks_in_use() noexcept;

/// Bytes of those of `operator new`, as the allocator rounds them up.
std::size_t bytes_in_use() noexcept;

} // namespace httpool_test
