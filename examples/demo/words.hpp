// What both reports and their readers have in common: figures in words.
#pragma once

#include "figures.hpp"

#include <cstddef>
#include <string>
#include <string_view>

namespace demo {

// With digits enough to compare; whole milliseconds are settings, and need none.
std::string in_ms(milliseconds time);

std::string counted(std::size_t count, std::string_view thing);

// What the figures of a section mean, in a sentence that is true if its claims hold.
std::string meaning_of(const figures& seen);

} // namespace demo
