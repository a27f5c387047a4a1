// Bodies: decoded in pieces, or read past the decoder where that is allowed, they are what they are
// as a whole; never more than was framed, nor than the limit; and sent again they are the same.

#include "fuzz/fuzz.hpp"
#include "http1/body_decoder.hpp"
#include "http1/serialize.hpp"

#include <algorithm>
#include <string>
#include <vector>

namespace httpool_fuzz {
namespace {

using namespace httpool;
using http1::body_kind;
using http1::problem;

constexpr http1::head_limits trailer_limits{128, 4};

struct decoded {
  std::string body;
  fields trailers;
  std::size_t used = 0;
  bool is_done = false;
  problem trouble = problem::none;

  std::vector<std::string> lines() const {
    std::vector<std::string> all;
    for (const field line : trailers)
      all.push_back(std::string(line.name).append(":").append(line.value));
    return all;
  }
};

/// `is_direct`: content that is sure to come goes past the decoder, as a read into the body does.
decoded decode(std::string_view text, http1::framing how, std::uint64_t limit, std::uint8_t pieces,
               bool is_direct) {
  decoded result;
  http1::body_decoder decoder;
  decoder.start(how, limit, trailer_limits);
  in_pieces(text, pieces, [&](std::string_view piece) {
    while (!piece.empty() && !decoder.done() && decoder.trouble() == problem::none) {
      std::size_t used = 0;
      if (is_direct && decoder.direct() > 0) {
        used = static_cast<std::size_t>(std::min<std::uint64_t>(decoder.direct(), piece.size()));
        if (decoder.took(used) == problem::none)
          result.body.append(piece.substr(0, used));
      } else {
        // In memory of its own size, so that a byte looked at beyond its end is found out.
        const std::vector<char> arrived(piece.begin(), piece.end());
        used = decoder.decode({arrived.data(), arrived.size()}, result.body, result.trailers);
        require(used <= piece.size(), "no more is used than there is");
        require(used == piece.size() || decoder.done() || decoder.trouble() != problem::none,
                "all is used unless the body ends");
      }
      require(decoder.done() || result.trailers.empty(), "no trailer is there before the end");
      result.used += used;
      piece.remove_prefix(used);
      require(result.body.size() <= limit, "a body is within its limit");
      if (how.kind == body_kind::length)
        require(result.body.size() <= how.length, "a body is not longer than was said");
    }
    return !decoder.done() && decoder.trouble() == problem::none;
  });
  decoder.end_of_stream();
  result.is_done = decoder.done();
  result.trouble = decoder.trouble();
  require(result.is_done || result.trouble != problem::none, "a body ends with its connection");
  return result;
}

void check_equal(const decoded& whole, const decoded& other, const std::string& what) {
  require(whole.trouble == other.trouble, what + " has the same trouble");
  if (whole.trouble != problem::none)
    return;
  require(whole.used == other.used, what + " ends at the same byte");
  require(whole.body == other.body, what + " has the same content");
  require(whole.lines() == other.lines(), what + " has the same trailers");
}

void check_sent_again(const decoded& whole) {
  std::string text;
  if (!whole.body.empty()) {
    http1::append_chunk_size(text, whole.body.size());
    text += whole.body;
  }
  http1::append_last_chunk(text, whole.body.size(), whole.trailers);
  const decoded again = decode(text, {body_kind::chunked, 0}, whole.body.size(), 0, false);
  require(again.trouble == problem::none && again.used == text.size(), "what is sent is a body");
  require(again.body == whole.body, "what is sent has the same content");
  require(again.trailers.size() <= whole.trailers.size(), "no trailer is added");
}

void run(std::string_view input) {
  reader from(input);
  const std::uint8_t flags = from.next();
  const std::uint8_t pieces = from.next();
  const std::uint8_t number = from.next();
  const std::string_view text = from.rest();
  http1::framing how{body_kind::chunked, 0};
  if ((flags & 3U) == 1)
    how = {body_kind::length, number};
  else if ((flags & 3U) == 2)
    how = {body_kind::until_close, 0};
  const std::uint64_t limit = (flags & 4U) != 0 ? number : 1U << 20U;

  const decoded whole = decode(text, how, limit, 0, false);
  check_equal(whole, decode(text, how, limit, pieces, false), "a body in pieces");
  check_equal(whole, decode(text, how, limit, 0, true), "a body read in place");
  check_equal(whole, decode(text, how, limit, pieces, true), "a body read in place in pieces");
  if (whole.trouble != problem::none)
    return;
  if (how.kind == body_kind::length)
    require(whole.body == text.substr(0, how.length), "a body of a known length is as sent");
  if (how.kind == body_kind::until_close)
    require(whole.body == text, "a body that the end ends is all there is");
  check_sent_again(whole);
}

const target here("body", run);

} // namespace
} // namespace httpool_fuzz
