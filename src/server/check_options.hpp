// Refuses options that make no sense.
#pragma once

#include <httpool/server_options.hpp>

namespace httpool::detail {

// Throws std::invalid_argument that names the field and its value.
void check_options(const server_options& options);

} // namespace httpool::detail
