#include "http1/head_facts.hpp"

#include "http1/authority.hpp"
#include "http1/chars.hpp"

#include <limits>

namespace httpool::http1 {
namespace {

// 1*DIGIT; a number too large for its type is the largest there is.
bool parse_length(std::string_view text, std::uint64_t& length) noexcept {
  constexpr std::uint64_t largest = std::numeric_limits<std::uint64_t>::max();
  if (text.empty())
    return false;
  length = 0;
  for (const char c : text) {
    if (!is_digit(c))
      return false;
    const auto digit = static_cast<std::uint64_t>(c - '0');
    length = length > (largest - digit) / 10 ? largest : length * 10 + digit;
  }
  return true;
}

// RFC 9112 §6.3: a list is fine as long as all its members are valid and the same.
problem note_length(std::string_view list, head_facts& facts) noexcept {
  for (bool more = true; more;) {
    std::uint64_t length = 0;
    more = !parse_length(list, length); // which nearly always is one number
    if (more) {
      more = list.find(',') != std::string_view::npos;
      if (!parse_length(next_element(list), length))
        return problem::bad_length;
    }
    if (facts.has_length && facts.length != length)
      return problem::lengths_differ;
    facts.repeats_length = facts.has_length;
    facts.length = length;
    facts.has_length = true;
  }
  return problem::none;
}

// RFC 9112 §6.1 and §7: transfer-coding = token *( OWS ";" OWS parameter ), chunked has none.
problem note_transfer(std::string_view list, head_facts& facts) noexcept {
  facts.has_transfer = true;
  bool is_empty = true;
  while (!list.empty()) {
    const std::string_view element = next_element(list);
    if (element.empty())
      continue;
    is_empty = false;
    const std::string_view name = trim(element.substr(0, element.find(';')));
    if (!is_token(name))
      return problem::bad_coding;
    const bool is_chunked = same_name(name, "chunked");
    if (facts.transfer == coding::chunked || facts.transfer == coding::others_before_chunked)
      return is_chunked ? problem::bad_coding : problem::chunked_not_last;
    if (is_chunked && name.size() != element.size())
      return problem::bad_coding;
    if (!is_chunked)
      facts.transfer = coding::not_chunked;
    else if (facts.transfer == coding::none)
      facts.transfer = coding::chunked;
    else
      facts.transfer = coding::others_before_chunked;
  }
  // Beside another line it could be ignored, but whoever sends that wants it to be misread.
  if (is_empty)
    facts.transfer = coding::not_chunked;
  return problem::none;
}

void note_connection(std::string_view list, head_facts& facts) noexcept {
  while (!list.empty()) {
    const std::string_view option = next_element(list);
    facts.says_close = facts.says_close || same_name(option, "close");
    facts.says_keep_alive = facts.says_keep_alive || same_name(option, "keep-alive");
  }
}

void note_expectation(std::string_view list, head_facts& facts) noexcept {
  while (!list.empty()) {
    const std::string_view expectation = next_element(list);
    if (same_name(expectation, "100-continue"))
      facts.expects_continue = true;
    else if (!expectation.empty())
      facts.expects_something = true;
  }
}

void note_host(std::string_view value, head_facts& facts) noexcept {
  if (++facts.hosts > 1)
    facts.host_trouble = problem::host_repeated;
  else if (!is_host(value))
    facts.host_trouble = problem::bad_host;
}

problem note(const field& line, head_facts& facts) noexcept {
  // The lengths of the names that matter all differ, which spares most lines the comparison.
  switch (line.name.size()) {
  case 4:
    if (same_name(line.name, "Host"))
      note_host(line.value, facts);
    return problem::none;
  case 6:
    if (same_name(line.name, "Expect"))
      note_expectation(line.value, facts);
    return problem::none;
  case 10:
    if (same_name(line.name, "Connection"))
      note_connection(line.value, facts);
    else if (same_name(line.name, "Keep-Alive"))
      facts.has_hints = true;
    return problem::none;
  case 14:
    return same_name(line.name, "Content-Length") ? note_length(line.value, facts) : problem::none;
  case 17:
    return same_name(line.name, "Transfer-Encoding") ? note_transfer(line.value, facts)
                                                     : problem::none;
  default:
    return problem::none;
  }
}

} // namespace

head_facts gather(const fields& head) noexcept {
  head_facts facts;
  for (const field line : head) {
    const problem what = note(line, facts);
    if (facts.trouble == problem::none)
      facts.trouble = what;
  }
  if (facts.trouble == problem::none && facts.has_length && facts.has_transfer)
    facts.trouble = problem::length_and_coding;
  return facts;
}

} // namespace httpool::http1
