// The tokens of a C++ source, as far as a mutation needs to know them.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace mutants {

struct token {
  enum class kind { word, number, literal, mark };
  kind what = kind::mark;
  std::string before; ///< White space, comments and directives between the last token and this.
  std::string text;
  std::size_t line = 0;
  std::size_t partner = 0; ///< Of a bracket: the index of the other.

  bool is(std::string_view wanted) const noexcept { return text == wanted; }
};

/// The tokens of a source, ended by one without text that holds what follows the last. Throws
/// std::runtime_error if brackets don't match.
std::vector<token> tokens_of(std::string_view source);

} // namespace mutants
