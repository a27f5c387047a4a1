// All that was seen, for programs.
#pragma once

#include "inspect/core.hpp"

#include <string>

namespace httpool::detail {

/// The document of `/pool.json`.
std::string report_text(const sight& all);

} // namespace httpool::detail
