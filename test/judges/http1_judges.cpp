#include "judges/http1_judges.hpp"

#include "http1/body_decoder.hpp"
#include "http1/framing.hpp"
#include "http1/head_parser.hpp"

#include <boost/beast/core/string.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include <algorithm>
#include <cctype>

namespace http1_test {
namespace {

using namespace httpool;
using http1::body_kind;
using http1::problem;
using http1::progress;
namespace beast_http = boost::beast::http;

void note_fields(verdict& result, const fields& lines) {
  for (const field line : lines)
    result.lines.push_back(std::string(line.name).append("=").append(line.value));
}

// Beast keeps lines of the same name together.
void sort_fields(verdict& result) {
  std::stable_sort(
      result.lines.begin(), result.lines.end(), [](const std::string& a, const std::string& b) {
        return boost::beast::iless()(a.substr(0, a.find('=')), b.substr(0, b.find('=')));
      });
  for (const std::string& line : result.lines)
    result.fields += line + "\n";
}

std::string start_of(const request& head) {
  return std::string(head.method()).append(" ").append(head.target());
}

/// The reason, unless it is what either library puts where there is none.
std::string reason_of(unsigned status, std::string_view reason) {
  const auto known = beast_http::int_to_status(status);
  const bool is_standard =
      reason == standard_reason(status) || reason == beast_http::obsolete_reason(known);
  return is_standard ? std::string() : std::string(reason);
}

std::string start_of(const response& head) {
  return std::to_string(head.status()).append(" ").append(reason_of(head.status(), head.reason()));
}

problem judge(const request& head, std::string_view, http1::framing& body, bool& keep_alive) {
  http1::request_framing how;
  const problem what = http1::frame(head, how);
  body = how.body;
  keep_alive = how.keep_alive;
  return what;
}

problem judge(const response& head, std::string_view method, http1::framing& body,
              bool& keep_alive) {
  http1::response_framing how;
  const problem what = http1::frame(head, method, how);
  body = how.body;
  keep_alive = how.keep_alive;
  return what;
}

template <class Parser, class Message>
verdict ask_us(std::string_view text, std::string_view method) {
  verdict result;
  Parser parser;
  Message message;
  if (parser.parse(text, message) != progress::done) {
    result.trouble = parser.trouble();
    return result;
  }
  http1::framing body;
  result.trouble = judge(message, method, body, result.keep_alive);
  if (result.trouble != problem::none)
    return result;

  http1::body_decoder decoder;
  decoder.start(body, max_body);
  result.used = parser.size();
  result.used += decoder.decode(text.substr(parser.size()), message.body(), message.trailers());
  if (body.kind == body_kind::until_close)
    decoder.end_of_stream();
  result.trouble = decoder.trouble();
  result.complete = decoder.done() && result.trouble == problem::none;
  result.start = start_of(message);
  note_fields(result, message.fields());
  note_fields(result, message.trailers());
  result.has_trailers = !message.trailers().empty();
  result.has_framing_trailers = message.trailers().contains("Content-Length") ||
                                message.trailers().contains("Transfer-Encoding");
  sort_fields(result);
  result.body = message.body();
  return result;
}

std::string start_of(const beast_http::request<beast_http::string_body>& head) {
  return std::string(head.method_string()).append(" ").append(std::string(head.target()));
}

std::string start_of(const beast_http::response<beast_http::string_body>& head) {
  return std::to_string(head.result_int())
      .append(" ")
      .append(reason_of(head.result_int(), head.reason()));
}

template <bool IsRequest>
verdict ask_beast(std::string_view text, std::string_view method) {
  verdict result;
  beast_http::parser<IsRequest, beast_http::string_body> parser;
  parser.eager(true);
  parser.header_limit(32 * 1024);
  parser.body_limit(max_body);
  if (method == "HEAD")
    parser.skip(true);
  // Beast looks at the byte behind what it was given; a terminator keeps that harmless.
  const std::string owned(text);
  while (result.used < owned.size() && !parser.is_done() && !result.error) {
    result.used +=
        parser.put({owned.data() + result.used, owned.size() - result.used}, result.error);
  }
  if (result.error == beast_http::error::need_more)
    result.error = {};
  if (!result.error && !parser.is_done() && parser.got_some())
    parser.put_eof(result.error);
  result.complete = parser.is_done() && !result.error;
  result.keep_alive = parser.is_header_done() && parser.keep_alive();
  result.start = start_of(parser.get());
  for (const auto& line : parser.get())
    result.lines.push_back(
        std::string(line.name_string()).append("=").append(std::string(line.value())));
  sort_fields(result);
  result.body = parser.get().body();
  return result;
}

std::string without_spaces(std::string text) {
  std::erase_if(text, [](char c) { return c == ' ' || c == '\t'; });
  return text;
}

// A run of digits that are too many for 64 bits, zeros in front not counted.
bool has_huge_number(std::string_view text) {
  std::size_t digits = 0;
  for (const char c : text) {
    const bool is_digit = c >= '0' && c <= '9';
    digits = !is_digit ? 0 : digits == 0 && c == '0' ? 0 : digits + 1;
    if (digits >= 20)
      return true;
  }
  return false;
}

// In two lines or in a list.
bool says_length_twice(std::string fields) {
  std::transform(fields.begin(), fields.end(), fields.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  const std::string name = "content-length";
  const std::size_t first = fields.find(name);
  if (first == std::string::npos)
    return false;
  const std::size_t comma = fields.find(',', first);
  return fields.find(name, first + 1) != std::string::npos ||
         (comma != std::string::npos && comma < fields.find('\n', first));
}

} // namespace

bool message_case::we_refuse(problem what) const {
  return theirs.complete && ours.trouble == what;
}

bool message_case::they_refuse(beast_http::error what) const {
  return ours.complete && theirs.error == what;
}

std::string_view message_case::first_line() const {
  std::string_view rest = text;
  while (rest.starts_with("\r\n"))
    rest.remove_prefix(2);
  return rest.substr(0, rest.find("\r\n"));
}

std::vector<known> known_disagreements() {
  using m = const message_case&;
  return {
      // We refuse what Beast takes.
      {"3.2", "a target in none of the four forms, or not ASCII",
       [](m c) { return c.we_refuse(problem::bad_target); }},
      {"3.2", "a request without Host", [](m c) { return c.we_refuse(problem::host_missing); }},
      {"3.2", "more than one Host", [](m c) { return c.we_refuse(problem::host_repeated); }},
      {"3.2", "a Host that is none", [](m c) { return c.we_refuse(problem::bad_host); }},
      {"5.2", "a folded field in a request or a trailer section",
       [](m c) { return c.we_refuse(problem::obs_fold); }},
      {"6.1", "a transfer coding in HTTP/1.0",
       [](m c) { return c.we_refuse(problem::coding_before_http_1_1); }},
      {"6.1", "a transfer coding that nobody asked for, before chunked",
       [](m c) { return c.we_refuse(problem::unknown_coding); }},
      {"6.1", "a Content-Length beside a transfer coding other than chunked",
       [](m c) { return c.we_refuse(problem::length_and_coding); }},
      {"6.3", "chunked is not the last transfer coding",
       [](m c) { return c.we_refuse(problem::chunked_not_last); }},
      {"7", "a malformed list of transfer codings, or parameters of chunked",
       [](m c) { return c.we_refuse(problem::bad_coding); }},
      {"7.1.1", "a control character in the quoted value of a chunk extension",
       [](m c) { return c.we_refuse(problem::bad_chunk_extension); }},
      {"RFC 9110 15", "a status code below 100",
       [](m c) { return c.we_refuse(problem::bad_status); }},

      // Beast refuses what we take.
      {"2.2", "empty lines before a request",
       [](m c) {
         return c.is_request && c.text.starts_with("\r\n") &&
                c.they_refuse(beast_http::error::bad_method);
       }},
      {"RFC 9110 2.5", "a minor version above 1 is served as 1",
       [](m c) {
         const std::string_view line = c.first_line();
         const std::size_t at = line.rfind("HTTP/1.", c.is_request ? line.size() : 0);
         return at != std::string_view::npos && line.size() > at + 7 && line[at + 7] > '1' &&
                c.they_refuse(beast_http::error::bad_version);
       }},
      {"4", "a status line without the space after the code: harmless and common",
       [](m c) {
         return !c.is_request && c.first_line().size() == 12 &&
                c.they_refuse(beast_http::error::bad_status);
       }},
      {"RFC 9110 7.6.1", "a Connection that is no list of tokens: unknown options are ignored",
       [](m c) { return c.they_refuse(beast_http::error::bad_value); }},
      {"RFC 9110 8.6", "a length beyond 64 bits of a body that does not follow",
       [](m c) {
         return c.they_refuse(beast_http::error::bad_content_length) &&
                has_huge_number(c.ours.fields) && c.ours.body.empty();
       }},

      // Both take it, and differ.
      {"5.2", "how many spaces stand for a fold",
       [](m c) {
         return c.both_take() && c.text.find("\r\n ") != c.text.find("\r\n\t") &&
                c.ours.fields != c.theirs.fields &&
                without_spaces(c.ours.fields) == without_spaces(c.theirs.fields) &&
                c.ours.body == c.theirs.body && c.ours.used == c.theirs.used;
       }},
      {"RFC 9110 7.6.1", "Proxy-Connection says nothing",
       [](m c) {
         return c.both_take() && c.ours.keep_alive != c.theirs.keep_alive &&
                c.text.find("Proxy-Connection") != std::string_view::npos;
       }},
      {"9.3", "close wins over keep-alive in HTTP/1.0 too",
       [](m c) {
         return c.both_take() && !c.ours.keep_alive && c.theirs.keep_alive &&
                c.first_line().find("HTTP/1.0") != std::string_view::npos &&
                c.text.find("close") != std::string_view::npos;
       }},
      {"RFC 9110 6.5.1", "a Connection among the trailers is no header field",
       [](m c) {
         return c.both_take() && c.ours.has_trailers && c.ours.keep_alive != c.theirs.keep_alive;
       }},
      {"RFC 9110 6.5.1", "a Content-Length or Transfer-Encoding among the trailers frames nothing",
       [](m c) {
         return c.ours.has_framing_trailers &&
                (c.they_refuse(beast_http::error::bad_content_length) ||
                 c.they_refuse(beast_http::error::bad_transfer_encoding));
       }},
      {"6.3", "a response that says its length twice, though the same, is the last",
       [](m c) {
         return !c.is_request && c.both_take() && !c.ours.keep_alive && c.theirs.keep_alive &&
                c.ours.body == c.theirs.body && says_length_twice(c.ours.fields);
       }},
      {"RFC 9110 15.2.2", "after a 101 the connection is no longer HTTP",
       [](m c) {
         return c.both_take() && c.ours.keep_alive != c.theirs.keep_alive &&
                c.ours.start.starts_with("101");
       }},
  };
}

bool agree(const message_case& c) {
  if (!c.ours.complete && !c.theirs.complete)
    return true;
  return c.both_take() && c.ours.start == c.theirs.start && c.ours.fields == c.theirs.fields &&
         c.ours.body == c.theirs.body && c.ours.used == c.theirs.used &&
         c.ours.keep_alive == c.theirs.keep_alive;
}

message_case judge_request(std::string_view text) {
  message_case c;
  c.text = text;
  c.ours = ask_us<http1::request_parser, request>(text, "");
  c.theirs = ask_beast<true>(text, "");
  return c;
}

message_case judge_response(std::string_view text, std::string_view method) {
  message_case c;
  c.text = text;
  c.is_request = false;
  c.ours = ask_us<http1::response_parser, response>(text, method);
  c.theirs = ask_beast<false>(text, method);
  return c;
}

bool is_right(const message_case& c) {
  static const std::vector<known> rows = known_disagreements();
  const bool is_limit = c.ours.trouble == problem::too_many_fields ||
                        c.ours.trouble == problem::head_too_large ||
                        c.ours.trouble == problem::target_too_long ||
                        c.ours.trouble == problem::chunk_extension_too_long;
  return agree(c) || is_limit ||
         std::any_of(rows.begin(), rows.end(), [&](const known& row) { return row.is_this(c); });
}

std::string describe(const message_case& c) {
  std::string text = "ours: ";
  text += c.ours.complete ? "taken" : http1::text_of(c.ours.trouble);
  text += "; Beast: ";
  text += c.theirs.complete ? "taken" : c.theirs.error.message();
  text += "\n--- message\n";
  text += c.text;
  text += "\n--- our fields\n" + c.ours.fields + "--- Beast's fields\n" + c.theirs.fields;
  text += "--- bodies\n" + c.ours.body + "|" + c.theirs.body + "|";
  text += std::to_string(c.ours.used) + " " + std::to_string(c.theirs.used);
  return text;
}

} // namespace http1_test
