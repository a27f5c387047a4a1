// What the programs of the mutation test read.
#pragma once

#include <string>

namespace mutants {

/// Throws std::runtime_error if the file cannot be read.
std::string contents_of(const std::string& file);

} // namespace mutants
