// Runs of scenarios in processes of their own, so that a crash or a hang is a failure with its
// number and not the end of the proof.
#pragma once

#include "torture/faults.hpp"
#include "torture/scenario.hpp"

#include <cstdint>
#include <optional>
#include <vector>

namespace torture {

struct tally {
  std::uint64_t passed = 0;
  std::uint64_t failed = 0;
  std::uint64_t escaped = 0; ///< Exceptions that came out of Asio's own steps.
};

/// How many points a scenario has when nothing strikes; nothing if it fails even so.
std::optional<points> count_points(const scenario& of);

/// Strikes a scenario at each of these points, one run each.
tally strike(const scenario& target, fault_kind with, const std::vector<std::uint64_t>& at,
             bool is_verbose);

const char* name_of(fault_kind kind) noexcept;

} // namespace torture
