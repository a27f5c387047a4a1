// The programs that may kill a mutant, and one run of one of them.
#pragma once

#include <chrono>
#include <string>
#include <vector>

namespace mutants {

struct killer {
  std::string name;
  std::vector<std::string> command;
  std::chrono::milliseconds usual{}; ///< How long it takes when nothing is wrong.
  std::vector<char> notes;           ///< Of the mutants' switch, by the mutant's number.
};

/// The programs beside this one, in this folder.
std::vector<killer> all_killers(const std::string& folder);

enum class verdict { passed, failed, too_late };

/// Runs the program with a mutant, 0 for none. It fails if it takes longer than `limit`, and is
/// ended with all its children. `notes_file` is written by the switch; it may be empty.
verdict run(const killer& program, unsigned mutant, std::chrono::milliseconds limit,
            const std::string& notes_file);

/// Runs the program without a mutant, to learn what it takes and which mutants it reaches. Throws
/// std::runtime_error if it fails.
void learn(killer& program, const std::string& notes_file);

} // namespace mutants
