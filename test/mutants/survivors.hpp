// The mutants that need not be killed, and why: a table that people read and write.
#pragma once

#include "mutants/rewrite.hpp"

#include <map>
#include <string>
#include <tuple>

namespace mutants {

/// The mutants that mutants_generate listed. Throws std::runtime_error if there is no such list.
std::vector<mutant> read_list(const std::string& file);

/// The rows of the table that begins with "| file | line of code | change | nth | why |".
class survivors {
public:
  explicit survivors(const std::string& file);

  /// Why this mutant may live; empty if it may not.
  std::string reason_for(const mutant& m) const;

  std::size_t size() const noexcept { return reasons_.size(); }

private:
  using key = std::tuple<std::string, std::string, std::string, std::string>;
  std::map<key, std::string> reasons_;
};

/// The row that this mutant would have.
std::string row_of(const mutant& m, const std::string& why);

} // namespace mutants
