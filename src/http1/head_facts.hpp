// What the fields of a head say about framing and persistence, gathered in one pass over them.
#pragma once

#include "http1/problem.hpp"

#include <httpool/fields.hpp>

#include <cstdint>

namespace httpool::http1 {

enum class coding : std::uint8_t {
  none,                  // the field is not there
  chunked,               // chunked and nothing else
  others_before_chunked, // chunked comes last, after codings that httpool does not speak
  not_chunked,           // chunked does not come last, or a line of the field names no coding
};

struct head_facts {
  std::uint64_t length = 0; // saturated: no real body is that long
  unsigned hosts = 0;
  coding transfer = coding::none;
  bool has_length = false;
  bool repeats_length = false; // in several fields or in a list, though always the same
  bool has_transfer = false;
  bool says_close = false;
  bool says_keep_alive = false;
  bool has_hints = false; // a field Keep-Alive
  bool expects_continue = false;
  bool expects_something = false;
  problem trouble = problem::none; // the first field that is malformed in itself, but for Host,
  problem host_trouble = problem::none; // which means nothing in a response
};

head_facts gather(const fields& head) noexcept;

} // namespace httpool::http1
