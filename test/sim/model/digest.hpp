// Whether two states are the same as far as anything that can still happen is concerned: which node
// is which, how the clock stands, and the figures that are only told, make no difference.
#pragma once

#include "sim/ledger/checked_ledger.hpp"

#include <cstdint>

namespace httpool::test {

/// The same for the same states and, but for one chance in 2^64, for no others. Holds for options
/// whose lifetime is for ever and whose back-off is below 100 ns: those are not spread at random.
std::uint64_t digest_of(const checked_ledger& pool);

} // namespace httpool::test
