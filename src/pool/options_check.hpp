// Whether options make sense.
#pragma once

#include <httpool/pool_options.hpp>

#include <string>

namespace httpool::detail {

/// \throws std::invalid_argument naming the first field that is nonsense, and its value.
void check(const pool_options& options);

/// The same, for limits alone.
void check(const pool_limits& limits);

/// The same, for the path of a Unix-domain socket. An abstract one, whose name begins with NUL, is
/// no path.
void check_path(const std::string& path);

} // namespace httpool::detail
