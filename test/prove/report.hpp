// What the programs of the proof have in common: their options, and their last line.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace httpool_test {

/// How much a proof is asked to do, and where it begins.
struct prove_options {
  std::uint64_t seeds = 0; ///< How many; the program says what of.
  std::uint64_t first = 1; ///< The first seed.
  double minutes = 0;      ///< No new work is begun after these; 0 is no bound.
  bool is_verbose = false; ///< Says more of each seed.
};

/// An option of one program alone, whose value is a text.
struct text_option {
  const char* name = "";
  const char* about = "";
  std::string* to = nullptr; ///< Holds what it is if it is not given.
};

/// Reads the options of a program that does `usual` seeds unless it is told how many, and is
/// `about` something. Nothing if it was asked for help, which has been given then. A mistake ends
/// the program: a line and the usage on stderr, exit status 2.
std::optional<prove_options> read_options(int argc, char** argv, const char* about,
                                          std::uint64_t usual,
                                          const std::vector<text_option>& own = {});

/// The last line, which says how it went, and the exit status.
int conclude(std::uint64_t passed, std::uint64_t failed);

} // namespace httpool_test
