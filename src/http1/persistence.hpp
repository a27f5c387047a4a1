// Whether a message lets its connection live on (RFC 9112 §9.3).
#pragma once

#include <httpool/fields.hpp>
#include <httpool/http_version.hpp>

namespace httpool::http1 {

constexpr bool keeps_alive(http_version version, bool says_close, bool says_keep_alive) noexcept {
  return !says_close && (version == http_version::http_1_1 || says_keep_alive);
}

inline bool wants_keep_alive(http_version version, const fields& headers) noexcept {
  return keeps_alive(version, headers.has_token("Connection", "close"),
                     headers.has_token("Connection", "keep-alive"));
}

} // namespace httpool::http1
