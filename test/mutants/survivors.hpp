// The mutants that need not be killed, and why: a table that people read and write.
#pragma once

#include "mutants/rewrite.hpp"

#include <map>
#include <string>
#include <tuple>
#include <vector>

namespace mutants {

/// The mutants that mutants_generate listed. Throws std::runtime_error if there is no such list.
std::vector<mutant> read_list(const std::string& file);

/// The rows of the table that begins with "| file | line of code | change | nth | why |".
class survivors {
public:
  explicit survivors(const std::string& file);

  /// Why this mutant may live; empty if it may not.
  std::string reason_for(const mutant& m) const;

  /// The rows that are of none of these mutants.
  std::vector<std::string> rows_without_mutant(const std::vector<mutant>& all) const;

private:
  /// The first four cells of a row.
  using key = std::tuple<std::string, std::string, std::string, std::string>;
  static key key_of(const mutant& m);

  std::map<key, std::string> reasons_;
};

/// The row that this mutant would have.
std::string row_of(const mutant& m, const std::string& why);

} // namespace mutants
