// Messages as they go on the wire. Everything is appended to a buffer that its owner uses again;
// bodies stay where they are, so that head and body leave in one gathered write.
#pragma once

#include <httpool/request.hpp>
#include <httpool/response.hpp>

#include <boost/system/error_code.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace httpool::http1 {

// How the body that belongs to a serialized head has to follow it.
enum class body_form : std::uint8_t {
  none,
  plain,   // as it is; until the connection ends if it is streamed
  chunked, // append_chunk_size, the body, append_last_chunk
};

// What there is to know of a request before its head is written.
struct request_head {
  body_form form = body_form::none;
  std::uint64_t length = 0;
  bool lacks_host = false;
  bool lacks_coding = false;
  bool lacks_length = false;
  bool keep_alive = true; // as far as the request says
  bool expects_continue = false;
};

// Finds out how the head of a request goes out that has a body of `length` bytes, or, without it,
// of a length that nobody knows. A request that has trailers, or says `Transfer-Encoding: chunked`,
// or whose length is not known, goes out chunked.
//
// error::invalid_request if its own fields contradict its body or each other, or if a trailer is of
// a kind that must not be one (RFC 9110 §6.5.1).
boost::system::error_code plan_head(const request& message, std::optional<std::uint64_t> length,
                                    request_head& out) noexcept;

// Appends it: its own fields, `Host: host`, which must be one, if it has none, and the framing
// field that its body needs (RFC 9112 §6, RFC 9110 §8.6) if it has none.
void append_head(std::string& out, const request& message, std::string_view host,
                 const request_head& plan);

// Both, for the body that the request holds; `invalid_request`, too, if `host` is none. `out` is
// unchanged after an error.
boost::system::error_code append_head(std::string& out, const request& message,
                                      std::string_view host, body_form& form);

struct response_context {
  bool to_head = false;    // answers HEAD: no body follows
  bool to_connect = false; // answers CONNECT: a 2xx has neither body nor framing field
  http_version peer = http_version::http_1_1; // what the request spoke
  bool keep_alive = true;
  bool is_streamed = false; // the body follows, and nobody knows its length
  std::string_view date;    // for a response that has none; RFC 9110 §6.6.1
};

// Appends the head of a response. `Connection`, `Content-Length`, `Transfer-Encoding` and, if it is
// missing, `Date` are ours: what the response says there counts only as the wish to be sent
// chunked, and as the length that a response to HEAD, or a 304, tells of.
body_form append_head(std::string& out, const response& message, const response_context& context);

// The line before a chunk of `size` bytes, which is not zero.
void append_chunk_size(std::string& out, std::uint64_t size);

// What ends a chunked body whose `last_size` bytes came in one chunk: the end of that chunk, if
// there was one, the last chunk and the trailers, without those that must not be any.
void append_last_chunk(std::string& out, std::uint64_t last_size, const fields& trailers);

} // namespace httpool::http1
