// What a client's options may be.
#pragma once

#include <httpool/client.hpp>

namespace httpool::detail {

/// The same options, with what follows from others filled in.
///
/// \throws std::invalid_argument naming the first field that is nonsense, and its value.
client_options checked(client_options options);

} // namespace httpool::detail
