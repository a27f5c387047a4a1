/// \file
/// How long what a pool does takes.
#pragma once

#include <httpool/histogram.hpp>

namespace httpool {

/// What a pool has measured since it was made. With the `pool_stats` of the same moment
/// - `acquire_wait.count() == granted`,
/// - `dial.count() == made`, and `failed_dial.count() <= dials_failed`, since dials that were given
///   up before they began, and such as could not be, took no time,
/// - `lease.count() == granted - leased`, probed connections apart, which are leased to nobody,
/// - `lifetime.count() == closed()`.
struct pool_histograms {
  histogram acquire_wait; ///< How long those waited who got a connection.
  histogram dial;         ///< How long dials took that gave a connection,
  histogram failed_dial;  ///< and those that did not.
  histogram lease;    ///< How long connections were leased. A lease of `try_acquire` is measured
                      ///< by a clock that ticks once in 1 to 10 ms: its length is right on average.
  histogram lifetime; ///< How old connections were when they ended.
};

} // namespace httpool
