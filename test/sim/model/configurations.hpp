// The small pools of which every run is tried.
#pragma once

#include "sim/model/search.hpp"

namespace httpool::test {

std::vector<configuration> configurations();

} // namespace httpool::test
