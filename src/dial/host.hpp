// What the host of an origin may be, and the one form of it.
#pragma once

#include <string>
#include <string_view>

namespace httpool::detail {

/// A host, a name or an IP address, IPv6 with or without brackets, in the form that `origin` says.
///
/// \throws std::invalid_argument with the value, if it is neither.
std::string normal_host(std::string_view given);

/// The value in quotes, for the message of a refusal, without NUL, and not all of a long one.
std::string quoted(std::string_view value);

} // namespace httpool::detail
