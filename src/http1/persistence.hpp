// Whether a message lets its connection live on (RFC 9112 §9.3).
#pragma once

#include <httpool/fields.hpp>
#include <httpool/http_version.hpp>

namespace httpool::http1 {

inline bool wants_keep_alive(http_version version, const fields& headers) noexcept {
  if (headers.has_token("Connection", "close"))
    return false;
  return version == http_version::http_1_1 || headers.has_token("Connection", "keep-alive");
}

} // namespace httpool::http1
