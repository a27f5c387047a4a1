// The body of a message, decoded as its bytes arrive.
#pragma once

#include "http1/chunk_header.hpp"
#include "http1/field_scanner.hpp"
#include "http1/framing.hpp"

#include <httpool/fields.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace httpool::http1 {

// Use: start with the framing of the head, then decode whatever arrives until done() or a trouble.
// What decode() does not consume belongs to the next message.
//
// Most of a large body need not pass through a read buffer: while `direct()` is not zero, so many
// bytes of content come next, and who reads them from the socket straight into the body tells it to
// `took()`.
class body_decoder {
public:
  // A content of more than `max_body` bytes is body_too_large, at once if its length is announced.
  problem start(framing how, std::uint64_t max_body, head_limits trailer_limits = {}) noexcept;

  // Appends the content to `body` and, at the end of the message, fills `trailers`. Returns how
  // many bytes of `in` it consumed: all of them unless the message ends there or something is
  // wrong.
  std::size_t decode(std::string_view in, std::string& body, fields& trailers);

  // The peer will send no more.
  problem end_of_stream() noexcept;

  bool done() const noexcept { return stage_ == stage::done; }
  problem trouble() const noexcept { return trouble_; }

  // How many bytes of content are sure to come next, or may come if the connection's end is the
  // body's; zero between chunks.
  std::uint64_t direct() const noexcept;

  // So many bytes were read into the body without decode(); at most direct(). May end the body, and
  // may, if its end is the connection's, find it too large.
  problem took(std::uint64_t bytes) noexcept;

private:
  enum class stage : std::uint8_t { content, chunk_header, chunk_cr, chunk_lf, trailers, done };

  std::size_t decode_trailers(std::string_view in, fields& trailers);
  void end_chunk_header() noexcept;

  framing how_;
  stage stage_ = stage::done;
  problem trouble_ = problem::none;
  std::uint64_t left_ = 0;      // of the content or of the chunk
  std::uint64_t allowance_ = 0; // what the limit still allows beyond `left_`
  chunk_header header_;
  head_limits trailer_limits_;
  field_scanner scanner_;
  std::string section_;
  std::vector<message_access::entry> lines_; // of section_
};

} // namespace httpool::http1
