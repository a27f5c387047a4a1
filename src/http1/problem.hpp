// What can be wrong with a message on the wire, and what has to be said about it.
#pragma once

#include <boost/system/error_code.hpp>

#include <cstdint>

namespace httpool::http1 {

enum class problem : std::uint8_t {
  none,
  bad_line_break,      // a bare CR, a bare LF: RFC 9112 §2.2
  bad_start_line,      // §3, §4
  bad_target,          // in none of the four forms of §3.2
  bad_version,         // not an HTTP-version at all: §2.3
  unsupported_version, // HTTP, but not HTTP/1: RFC 9110 §15.6.6
  bad_status,          // RFC 9110 §15
  target_too_long,     // §3
  head_too_large,      // RFC 6585 §5
  too_many_fields,     // RFC 6585 §5
  space_before_field,  // white space before the first field line: §2.2
  space_before_colon,  // §5.1
  bad_field_name,      // §5
  bad_field_value,     // RFC 9110 §5.5
  obs_fold,            // §5.2
  host_missing,        // §3.2
  host_repeated,       // §3.2
  bad_host,            // §3.2
  bad_length,          // Content-Length is not a number: §6.3
  lengths_differ,      // §6.3
  length_and_coding,   // Content-Length and Transfer-Encoding: §6.1
  bad_coding,          // Transfer-Encoding is not a list of codings, or chunked twice: §6.1, §7
  chunked_not_last,    // §6.3
  unknown_coding,      // §6.1
  coding_before_http_1_1,   // §6.1
  bad_chunk_size,           // §7.1
  bad_chunk_extension,      // §7.1.1
  chunk_extension_too_long, // §7.1.1
  bad_chunk_end,            // §7.1
  body_too_large,           // RFC 9110 §15.5.14
  truncated,                // the connection ended before the message did: §8
};

// The status with which a server answers a request that has this problem.
unsigned status_of(problem trouble) noexcept;

// What a client or server reports to its caller.
boost::system::error_code error_of(problem trouble) noexcept;

// One line for people, without a line break.
const char* text_of(problem trouble) noexcept;

} // namespace httpool::http1
