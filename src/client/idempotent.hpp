// Which methods may be repeated without another effect.
#pragma once

#include <string_view>

namespace httpool::detail {

/// RFC 9110 §9.2.2. Methods that are not known here are taken for not idempotent.
inline bool is_idempotent(std::string_view method) noexcept {
  return method == "GET" || method == "HEAD" || method == "PUT" || method == "DELETE" ||
         method == "OPTIONS" || method == "TRACE";
}

} // namespace httpool::detail
