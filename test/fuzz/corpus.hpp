// The inputs and tokens that the fuzzers of this tree begin with.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace httpool_fuzz {

/// The contents of all files in `directory`, in the order of their names.
///
/// \throws std::runtime_error if there is none.
std::vector<std::string> read_corpus(const std::filesystem::path& directory);

/// The tokens of a dictionary in libFuzzer's format: a line "token", with `\xNN`, `\\` and `\"`.
///
/// \throws std::runtime_error if it cannot be read.
std::vector<std::string> read_dictionary(const std::filesystem::path& file);

} // namespace httpool_fuzz
