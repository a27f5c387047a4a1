// Where the body of a message ends (RFC 9112 §6.3), and whether the connection lives on (§9.3).
#pragma once

#include "http1/problem.hpp"

#include <httpool/request.hpp>
#include <httpool/response.hpp>

#include <cstdint>
#include <string_view>

namespace httpool::http1 {

enum class body_kind : std::uint8_t {
  none,
  length,
  chunked,
  until_close, // responses only
  tunnel,      // what follows is not HTTP: a 101, or a 2xx to CONNECT
};

struct framing {
  body_kind kind = body_kind::none;
  std::uint64_t length = 0; // for body_kind::length
};

struct request_framing {
  framing body;
  bool keep_alive = false;        // as far as the client says
  bool expects_continue = false;  // Expect: 100-continue, RFC 9110 §10.1.1
  bool expects_something = false; // an expectation that nobody knows
};

struct response_framing {
  bool has_hints = false; // Keep-Alive says how long the peer keeps the connection
  framing body;
  bool keep_alive = false; // as far as the server says, and the framing allows
};

// Whether responses of this status have content, unless they answer HEAD or CONNECT
// (RFC 9112 §6.3).
constexpr bool may_have_body(unsigned status) noexcept {
  return status / 100 != 1 && status != 204 && status != 304;
}

// Both judge a complete head. Differing from RFC 9112 only where it leaves a choice:
// Content-Length together with Transfer-Encoding is an error always; equal lengths, repeated or in
// a list, are one; a response with a transfer coding other than chunked alone is an error, as
// httpool never says that it accepts one.
problem frame(const request& head, request_framing& out) noexcept;

// `method` is the request's that this answers.
problem frame(const response& head, std::string_view method, response_framing& out) noexcept;

} // namespace httpool::http1
