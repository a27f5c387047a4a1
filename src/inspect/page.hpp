// The page, as it is served.
#pragma once

#include "inspect/core.hpp"

#include <string>
#include <string_view>

namespace httpool::detail {

/// The whole document, which shows all that was seen without any script.
std::string page_text(const sight& all, std::string_view nonce);

/// The bars of a lane: what SVG's `path` is to draw for the columns in which it has that mark, in a
/// picture of `columns` by 16. Each has a shape of its own, for those to whom colours say little.
std::string bars_of(std::string_view history, char mark);

/// The outline of how many waited, in a picture of `columns` by 100, of which the most fill 96.
std::string outline_of(const std::vector<std::uint32_t>& counts);

} // namespace httpool::detail
