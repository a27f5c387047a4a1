// What the demo says of its figures, and whether it is so.
#pragma once

#include "figures.hpp"

#include <string>
#include <vector>

namespace demo {

struct claim {
  std::string text;
  bool holds = false;
};

std::vector<claim> check(const figures& seen);

} // namespace demo
