// A source in which every mutant is present and none is chosen.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace mutants {

struct mutant {
  std::string file;
  std::size_t line = 0;
  std::string rule; ///< What was changed into what.
  std::string text; ///< The line of the source, without the space around it.
  unsigned nth = 1; ///< Among the mutants of this file with the same rule and text.
};

/// Rewrites a source, and appends its mutants to `all`: the number of the first is `all.size() +
/// 1`. Understands code as clang-format leaves it: a binary operator stands between spaces, a
/// bracket of a template does not.
std::string rewrite(std::string_view source, const std::string& file, std::vector<mutant>& all);

} // namespace mutants
