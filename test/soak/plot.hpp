// Samples as a picture.
#pragma once

#include "soak/samples.hpp"

#include <string>
#include <vector>

namespace httpool_test::soak {

/// Writes an SVG, which is dark where the reader's screen is: memory, descriptors, the pools'
/// connections and calls over time; the part that is left out is shaded, the medians of the halves
/// are dashed.
/// \throws std::runtime_error if the file cannot be written.
void plot(const std::vector<sample>& all, const std::string& title, const std::string& file);

} // namespace httpool_test::soak
