// What the mutated programs tell prove_mutants of the mutants that they met.
#pragma once

#include <cstddef>

namespace mutants {

/// Mutants are numbered from 1, below this.
constexpr std::size_t most_mutants = 1 << 16;

/// What is noted of a mutant, in the file that MUTANTS_REACHED names: a byte for each.
constexpr char was_reached = 1, is_impossible = 2;

} // namespace mutants
