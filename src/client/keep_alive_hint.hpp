// What a peer lets slip about how much longer it keeps a connection.
#pragma once

#include "http1/chars.hpp"

#include <httpool/fields.hpp>

#include <charconv>
#include <cstdint>
#include <string_view>

namespace httpool::detail {

/// Whether a `Keep-Alive` field says that the peer closes within a second, or serves no request
/// more: whoever sent another would race its end. The field is nobody's standard any more, so what
/// cannot be understood means nothing.
inline bool announces_end(const fields& head) noexcept {
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
      if (std::from_chars(digits.data(), digits.data() + digits.size(), value).ec != std::errc())
        continue;
      if ((value <= 1 && http1::same_name(name, "timeout")) ||
          (value == 0 && http1::same_name(name, "max")))
        return true;
    }
  }
  return false;
}

} // namespace httpool::detail
