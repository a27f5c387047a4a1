#include "mutants/files.hpp"

#include <fstream>
#include <iterator>
#include <stdexcept>

namespace mutants {

std::string contents_of(const std::string& file) {
  std::ifstream in(file);
  if (!in)
    throw std::runtime_error("cannot read " + file);
  return {std::istreambuf_iterator<char>(in), {}};
}

} // namespace mutants
