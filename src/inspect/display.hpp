// What is to be read of a pool: the same texts for the page as it is served and for its script.
#pragma once

#include "inspect/core.hpp"
#include "inspect/text.hpp"

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace httpool::detail {

/// Everything that changes in a section of the page that shows a pool.
struct pool_display {
  texts fields;
  std::array<std::uint64_t, 4> parts = {}; ///< Dialing, idle, leased, closing.
  std::uint64_t limit = 0;                 ///< What the parts are parts of.
  std::vector<std::array<std::string, 2>> closes;
};

pool_display display_of(const watched& group, const track& pool, const sight& all);

/// Everything that changes in a lane.
texts display_of(const lane& connection, const sight& all);

/// Columns of a lane or of waiters: those of the last minute, the latest last.
std::string history_of(const lane& connection, const sight& all);
std::vector<std::uint32_t> waiters_of(const track& pool, const sight& all);

/// When, where and what, the latest first; and how a server does.
std::vector<std::array<std::string, 3>> occurrences_of(const sight& all);
std::vector<std::array<std::string, 7>> servers_of(const sight& all);

/// That pools were left out; empty if none were.
std::string left_out_text(const sight& all);

/// By which the script finds a pool again.
std::string key_of(const watched& group, const track& pool);

} // namespace httpool::detail
