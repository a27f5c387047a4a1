// Which methods may be repeated without another effect.
#pragma once

#include "http1/chars.hpp"

#include <string_view>

namespace httpool::detail {

/// RFC 9110 §9.2.2. Methods that are not known here are taken for not idempotent.
inline bool is_idempotent(std::string_view method) noexcept {
  using http1::is_exactly;
  return is_exactly(method, "GET") || is_exactly(method, "HEAD") || is_exactly(method, "PUT") ||
         is_exactly(method, "DELETE") || is_exactly(method, "OPTIONS") ||
         is_exactly(method, "TRACE");
}

} // namespace httpool::detail
