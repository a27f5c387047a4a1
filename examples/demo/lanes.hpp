// A picture of connections over time: a lane for each, in which tasks have their turns.
#pragma once

#include "figures.hpp"
#include "paint.hpp"

#include <cstddef>
#include <string>
#include <vector>

namespace demo {

struct lane {
  std::uint64_t connection = 0;
  std::vector<turn> turns; // in the order of time
};

// The lanes of the connections that the turns were taken on, by their numbers.
std::vector<lane> lanes_of(const std::vector<turn>& turns);

// The letter of a task, A for the first one.
char letter_of(std::size_t task);

// A lane of `width` characters for the time from 0 to `end`: the letter of the task that has the
// connection for most of a character's time, a dot if nobody has it for most of that, and nothing
// before there was a connection.
std::string draw(const lane& shown, milliseconds end, std::size_t width, const paint& colours);

// What stands below the lanes: the time in ms, from 0 to `end`.
std::string draw_scale(milliseconds end, std::size_t width);

} // namespace demo
