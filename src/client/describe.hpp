// What a connection is used for by an exchange.
#pragma once

#include "client/client_core.hpp"
#include "http1/message_access.hpp"
#include "pool/connection.hpp"

#include <httpool/request.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <string_view>

namespace httpool::detail {

using description_room = std::array<char, description::most>;

/// The method and what is behind the origin, which a proxy is told and which is known.
inline std::string_view without_origin(const request& message, std::size_t origin_size,
                                       description_room& room) noexcept {
  const std::string_view target = message.target();
  std::size_t size = 0;
  for (const std::string_view part : {message.method(), std::string_view(" "),
                                      target.substr(std::min(target.size(), origin_size))})
    size += part.copy(room.data() + size, room.size() - size);
  return {room.data(), size};
}

/// Says of a connection what is asked on it, such as `GET /items/7`: the method and the path, but
/// not the query, which may hold what nobody else may see.
inline void describe(connection& c, const request& message, const addressing& how) noexcept {
  description_room room;
  std::string_view line = http1::message_access::line(message);
  if (!how.forwarded_to.empty())
    line = without_origin(message, how.forwarded_to.size(), room);
  line = line.substr(0, description::most);
  c.used_for.say(line.substr(0, line.find('?')));
}

} // namespace httpool::detail
