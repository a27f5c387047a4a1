// What a response says of its connection's future: the least of what can be understood, as a naive
// reading of the same fields finds it, and never more with another field than without.

#include "client/keep_alive_hint.hpp"
#include "fuzz/fuzz.hpp"
#include "http1/head_parser.hpp"

#include <httpool/response.hpp>

#include <boost/algorithm/string.hpp>

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

namespace httpool_fuzz {
namespace {

using namespace httpool;
using detail::hint_of;
using detail::keep_alive_hint;

constexpr std::uint64_t longest = 366 * 24 * 3600;

/// A number of up to 64 bits, or none.
std::optional<std::uint64_t> number(const std::string& text) {
  if (text.empty() ||
      !std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; }))
    return {};
  std::string digits = boost::trim_left_copy_if(text, boost::is_any_of("0"));
  const std::string largest = std::to_string(UINT64_MAX);
  if (digits.size() > largest.size() || (digits.size() == largest.size() && digits > largest))
    return {};
  return digits.empty() ? 0 : std::stoull(digits);
}

keep_alive_hint naive(const fields& head) {
  keep_alive_hint found;
  for (const field line : head) {
    if (!boost::iequals(line.name, "Keep-Alive"))
      continue;
    std::vector<std::string> hints;
    boost::split(hints, line.value, boost::is_any_of(","));
    for (const std::string& hint : hints) {
      const std::size_t sign = hint.find('=');
      if (sign == std::string::npos)
        continue;
      const auto spaces = boost::is_any_of(" \t");
      const std::string name = boost::trim_copy_if(hint.substr(0, sign), spaces);
      const auto value = number(boost::trim_copy_if(hint.substr(sign + 1), spaces));
      if (!value)
        continue;
      if (boost::iequals(name, "timeout")) {
        const std::chrono::seconds time(std::min(*value, longest));
        found.timeout = found.timeout ? std::min(*found.timeout, time) : time;
      } else if (boost::iequals(name, "max")) {
        found.requests = found.requests ? std::min(*found.requests, *value) : *value;
      }
    }
  }
  return found;
}

void run(std::string_view input) {
  const std::string text =
      std::string("HTTP/1.1 200 OK\r\nKeep-Alive: ").append(input).append("\r\n\r\n");
  http1::response_parser parser;
  response head;
  if (parser.parse(text, head) != http1::progress::done)
    return;
  const keep_alive_hint found = hint_of(head.fields());
  const keep_alive_hint expected = naive(head.fields());
  require(found.timeout == expected.timeout, "the least timeout is found");
  require(found.requests == expected.requests, "the least count is found");
  if (!found.announces_end() && found.idle_time())
    require(found.idle_time()->count() > 0 && *found.idle_time() <= std::chrono::seconds(longest),
            "a connection that stays may be idle for a while");

  head.fields().add("keep-alive", "timeout=5, max=3");
  const keep_alive_hint less = hint_of(head.fields());
  require(less.timeout && *less.timeout <= std::chrono::seconds(5) &&
              (!found.timeout || *less.timeout <= *found.timeout),
          "another field does not raise the timeout");
  require(less.requests && *less.requests <= 3 &&
              (!found.requests || *less.requests <= *found.requests),
          "another field does not raise the count");
}

const target here("keep_alive", run);

} // namespace
} // namespace httpool_fuzz
