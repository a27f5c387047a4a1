// Heads: fed in pieces they are what they are as a whole, and what is sent of what was parsed
// parses to the same.

#include "fuzz/fuzz.hpp"
#include "http1/framing.hpp"
#include "http1/head_parser.hpp"
#include "http1/serialize.hpp"

#include <algorithm>
#include <string>
#include <vector>

namespace httpool_fuzz {
namespace {

using namespace httpool;
using http1::problem;
using http1::progress;

constexpr http1::head_limits limits{4096, 32};
constexpr http1::head_limits tight_limits{96, 3};
constexpr std::uint64_t longest_body = 64 * 1024;

std::string start_of(const request& head) {
  std::string text(head.method());
  return text.append(" ")
      .append(head.target())
      .append(head.version() == http_version::http_1_1 ? " 1.1" : " 1.0");
}

std::string start_of(const response& head) {
  return std::to_string(head.status()).append(" ").append(head.reason());
}

std::vector<std::string> lines_of(const fields& lines) {
  std::vector<std::string> all;
  for (const field line : lines)
    all.push_back(std::string(line.name).append(":").append(line.value));
  return all;
}

/// What came of a text.
template <class Parser, class Message>
struct parsed {
  explicit parsed(http1::head_limits bounds) : parser(bounds) {}

  Parser parser;
  Message message;
  progress step = progress::need_more;

  void feed(std::string_view text, std::uint8_t pieces) {
    std::size_t seen = 0;
    in_pieces(text, pieces, [&](std::string_view piece) {
      // In memory of its own size, so that a byte looked at beyond its end is found out.
      const std::vector<char> arrived(text.data(), text.data() + (seen += piece.size()));
      step = parser.parse({arrived.data(), arrived.size()}, message);
      return step == progress::need_more;
    });
  }
};

template <class Parsed>
void check_equal(const Parsed& whole, const Parsed& pieces) {
  require(whole.step == pieces.step, "a head in pieces ends as a whole one does");
  if (whole.step == progress::failed)
    require(whole.parser.trouble() == pieces.parser.trouble(), "pieces have the same trouble");
  if (whole.step != progress::done)
    return;
  require(whole.parser.size() == pieces.parser.size(), "pieces have the same size");
  require(start_of(whole.message) == start_of(pieces.message), "pieces have the same start line");
  require(lines_of(whole.message.fields()) == lines_of(pieces.message.fields()),
          "pieces have the same fields");
}

/// Whether `part` is in `whole`, in its order.
bool is_within(const std::vector<std::string>& part, const std::vector<std::string>& whole) {
  auto at = whole.begin();
  return std::all_of(part.begin(), part.end(), [&](const std::string& line) {
    at = std::find(at, whole.end(), line);
    return at != whole.end() && ++at != whole.end() + 1;
  });
}

void check_values(const fields& lines) {
  for (const field line : lines) {
    require(!line.name.empty(), "a field has a name");
    require(line.value.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos,
            "no value has a line break or NUL");
    require(line.value.empty() || (line.value.front() != ' ' && line.value.back() != ' ' &&
                                   line.value.front() != '\t' && line.value.back() != '\t'),
            "values are trimmed");
  }
}

template <class Parser, class Message>
parsed<Parser, Message> parse_again(const std::string& text) {
  parsed<Parser, Message> again({2 * limits.bytes, limits.fields + 8});
  again.feed(text, 0);
  require(again.step == progress::done && again.parser.size() == text.size(),
          "what is sent is one head, and no more");
  return again;
}

void check_sent(request& message) {
  http1::request_framing how;
  const problem trouble = http1::frame(message, how);
  if (trouble != problem::none || how.body.length > longest_body)
    return;
  message.body(std::string(how.body.length, 'b'));
  std::string text;
  http1::body_form form{};
  const bool is_fit = !http1::append_head(text, message, "other.test", form);
  if (!is_fit) {
    require(text.empty(), "what is refused leaves nothing to send");
    const auto length = message.fields().value("Content-Length");
    require(message.fields().count("Content-Length") > 1 || length.find(',') != length.npos,
            "what was taken can be sent, but for a length said twice");
    return;
  }
  const auto again = parse_again<http1::request_parser, request>(text);
  require(start_of(again.message) == start_of(message), "what is sent has the same start line");
  require(is_within(lines_of(message.fields()), lines_of(again.message.fields())),
          "what is sent has all fields");
  http1::request_framing sent;
  require(http1::frame(again.message, sent) == problem::none, "what is sent is framed");
  require(sent.body.kind == how.body.kind && sent.body.length == how.body.length &&
              sent.keep_alive == how.keep_alive,
          "what is sent is framed as what was taken");
}

void check_sent(response& message) {
  http1::response_framing how;
  const problem trouble = http1::frame(message, "GET", how);
  if (trouble != problem::none || message.status() < 200 || how.body.length > longest_body)
    return;
  const std::uint64_t length = how.body.kind == http1::body_kind::length ? how.body.length : 0;
  message.body(std::string(length, 'b'));
  std::string text;
  http1::response_context context;
  context.keep_alive = how.keep_alive;
  const http1::body_form form = http1::append_head(text, message, context);
  const auto again = parse_again<http1::response_parser, response>(text);
  require(start_of(again.message) == start_of(message), "what is sent has the same start line");
  http1::response_framing sent;
  require(http1::frame(again.message, "GET", sent) == problem::none, "what is sent is framed");
  require(sent.keep_alive == how.keep_alive, "the connection's end is said");
  switch (form) {
  case http1::body_form::none:
    require(sent.body.kind == http1::body_kind::none, "no body is announced where none follows");
    break;
  case http1::body_form::plain:
    require(sent.body.kind == http1::body_kind::length && sent.body.length == length,
            "the body's length is announced");
    break;
  case http1::body_form::chunked:
    require(sent.body.kind == http1::body_kind::chunked, "chunks are announced");
    break;
  }
}

template <class Parser, class Message>
void check(std::string_view text, http1::head_limits bounds, std::uint8_t pieces) {
  parsed<Parser, Message> whole(bounds);
  whole.feed(text, 0);
  parsed<Parser, Message> cut(bounds);
  cut.feed(text, pieces);
  check_equal(whole, cut);
  if (whole.step != progress::done)
    return;
  require(whole.parser.size() <= std::min(text.size(), bounds.bytes), "a head is within its limit");
  require(whole.message.fields().size() <= bounds.fields, "fields are within their limit");
  check_values(whole.message.fields());
  check_sent(whole.message);
}

void run(std::string_view input) {
  reader from(input);
  const std::uint8_t flags = from.next();
  const std::uint8_t pieces = from.next();
  const http1::head_limits bounds = (flags & 2U) != 0 ? tight_limits : limits;
  if ((flags & 1U) != 0)
    check<http1::response_parser, response>(from.rest(), bounds, pieces);
  else
    check<http1::request_parser, request>(from.rest(), bounds, pieces);
}

const target here("head", run);

} // namespace
} // namespace httpool_fuzz
