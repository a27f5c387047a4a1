/// \file
/// The versions of HTTP that httpool speaks.
#pragma once

namespace httpool {

/// A version of HTTP/1 (RFC 9112 §2.3). A peer's higher minor version is taken for 1.1, as
/// RFC 9110 §2.5 asks.
enum class http_version : unsigned char {
  http_1_0, ///< HTTP/1.0: no chunks, and a connection is kept alive only if both sides ask for it.
  http_1_1, ///< HTTP/1.1: a connection is kept alive unless a side says `close`.
};

} // namespace httpool
