// What a peer lets slip about how much longer it keeps a connection.
#pragma once

#include "http1/chars.hpp"

#include <httpool/fields.hpp>
#include <httpool/lease.hpp>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

namespace httpool::detail {

struct keep_alive_hint {
  std::optional<std::chrono::seconds> timeout; ///< Closes after being idle for so long.
  std::optional<std::uint64_t> requests;       ///< Serves so many more.

  /// Whoever sent another request would race the connection's end.
  bool announces_end() const noexcept {
    return (timeout && *timeout <= margin) || (requests && *requests == 0);
  }

  /// How long the connection may be idle.
  std::optional<std::chrono::seconds> idle_time() const noexcept {
    return timeout ? std::optional(*timeout - margin) : std::nullopt;
  }

  /// What the way of a request, and the peer's timer, may take.
  static constexpr std::chrono::seconds margin{1};
};

/// Reads the `Keep-Alive` fields of a response. They are nobody's standard any more, so what cannot
/// be understood means nothing; of several values the least holds.
inline keep_alive_hint hint_of(const fields& head) noexcept {
  constexpr std::uint64_t longest = 366 * 24 * 3600; // in seconds: longer means nothing
  keep_alive_hint found;
  const auto lessen = [](auto& held, auto value) { held = held ? std::min(*held, value) : value; };
  for (const field line : head) {
    if (!http1::same_name(line.name, "Keep-Alive"))
      continue;
    for (std::string_view rest = line.value; !rest.empty();) {
      const std::string_view hint = http1::next_element(rest);
      const std::size_t sign = hint.find('=');
      if (sign == std::string_view::npos)
        continue;
      const std::string_view name = http1::trim(hint.substr(0, sign));
      const std::string_view digits = http1::trim(hint.substr(sign + 1));
      std::uint64_t value = 0;
      const auto [end, failure] =
          std::from_chars(digits.data(), digits.data() + digits.size(), value);
      if (failure != std::errc() || end != digits.data() + digits.size())
        continue;
      if (http1::same_name(name, "timeout"))
        lessen(found.timeout, std::chrono::seconds(std::min(value, longest)));
      else if (http1::same_name(name, "max"))
        lessen(found.requests, value);
    }
  }
  return found;
}

/// Says what the connection may still serve after a response with that hint, which `behind` others
/// follow. False if the peer is about to end it.
inline bool heed(const keep_alive_hint& hint, lease& held, std::uint64_t behind = 0) noexcept {
  if (hint.announces_end())
    return false;
  if (const auto time = hint.idle_time())
    held.limit_idle(*time);
  if (hint.requests)
    held.limit_uses(*hint.requests - std::min(*hint.requests, behind));
  return true;
}

} // namespace httpool::detail
