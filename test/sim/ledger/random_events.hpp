// Events at random: a seed gives the options, the events, their times and what comes of dials,
// looks, probes and leases.
#pragma once

#include "sim/ledger/checked_ledger.hpp"
#include "unit/dice.hpp"

namespace httpool::test {

/// How large a pool may be.
enum class scale { small, large };

class random_events {
public:
  explicit random_events(std::uint64_t seed, scale size = scale::small);

  const pool_options& options() const noexcept { return options_; }

  /// What happens next to this pool.
  event next(const checked_ledger& pool);

private:
  /// What differs between runs beside the options.
  struct pace {
    std::size_t acquires;  ///< Per cent of events.
    std::size_t wakes;     ///< Per cent of steps in time that go to the next wake or next to it.
    duration longest_step; ///< Of the other steps.
    unsigned good_dials;   ///< Per cent.
    unsigned good_looks;   ///< Per cent.
  };

  pool_options random_options();
  pace random_pace();
  duration timeout();
  duration max_idle();
  duration step(const checked_ledger& pool);
  event::kind kind_of(const checked_ledger& pool);
  event::kind lease_ends(const checked_ledger& pool);
  event::kind dial_ends(const checked_ledger& pool);
  event::kind rare(std::size_t roll);

  dice random_;
  scale size_;
  pool_options options_;
  pace pace_;
  unsigned storm_ = 0; ///< So many more waiters leave.
};

} // namespace httpool::test
