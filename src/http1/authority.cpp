#include "http1/authority.hpp"

#include "http1/chars.hpp"

#include <algorithm>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

namespace httpool::http1 {
namespace {

bool is_hex(char c) noexcept {
  return is_digit(c) || (lower(c) >= 'a' && lower(c) <= 'f');
}

bool is_letter(char c) noexcept {
  return lower(c) >= 'a' && lower(c) <= 'z';
}

bool is_port(std::string_view text) noexcept {
  return std::all_of(text.begin(), text.end(), is_digit);
}

// reg-name or IPv4address, RFC 3986 §3.2.2
bool is_name(std::string_view text) noexcept {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (!is(text[i], host_char))
      return false;
    if (text[i] == '%' && (text.size() - i < 3 || !is_hex(text[i + 1]) || !is_hex(text[i + 2])))
      return false;
  }
  return true;
}

// IPvFuture, RFC 3986 §3.2.2
bool is_future_address(std::string_view text) noexcept {
  const std::size_t dot = text.find('.');
  if (dot == std::string_view::npos || dot < 2 || dot + 1 == text.size() || lower(text[0]) != 'v')
    return false;
  const std::string_view version = text.substr(1, dot - 1);
  const std::string_view address = text.substr(dot + 1);
  return std::all_of(version.begin(), version.end(), is_hex) &&
         std::all_of(address.begin(), address.end(),
                     [](char c) { return c == ':' || (c != '%' && is(c, host_char)); });
}

bool is_ipv6_address(std::string_view text) noexcept {
  char terminated[INET6_ADDRSTRLEN] = {};
  if (text.size() >= sizeof terminated)
    return false;
  text.copy(terminated, text.size());
  in6_addr address;
  return ::inet_pton(AF_INET6, terminated, &address) == 1;
}

// What stands between the brackets of an IP-literal.
bool is_literal(std::string_view text) noexcept {
  return is_ipv6_address(text) || is_future_address(text);
}

bool split(std::string_view text, std::string_view& host, std::string_view& port) noexcept {
  std::size_t end = 0;
  if (text.starts_with('[')) {
    end = text.find(']');
    if (end == std::string_view::npos || !is_literal(text.substr(1, end - 1)))
      return false;
    ++end;
  } else {
    end = std::min(text.find(':'), text.size());
    if (!is_name(text.substr(0, end)))
      return false;
  }
  host = text.substr(0, end);
  port = text.substr(end);
  return port.empty() || (port.front() == ':' && is_port(port.substr(1)));
}

// What follows the scheme of an http or https URI: an authority whose host is not empty, and which
// names no user (RFC 9110 §4.2).
bool has_authority(std::string_view rest) noexcept {
  if (!rest.starts_with("//"))
    return false;
  rest.remove_prefix(2);
  std::string_view host;
  std::string_view port;
  return split(rest.substr(0, rest.find_first_of("/?")), host, port) && !host.empty();
}

// scheme ":" and something behind it, RFC 3986 §3.1
bool is_absolute(std::string_view target) noexcept {
  const std::size_t colon = target.find(':');
  if (colon == std::string_view::npos || colon == 0 || colon + 1 == target.size())
    return false;
  const std::string_view scheme = target.substr(0, colon);
  if (same_name(scheme, "http") || same_name(scheme, "https"))
    return has_authority(target.substr(colon + 1));
  return is_letter(scheme.front()) && std::all_of(scheme.begin(), scheme.end(), [](char c) {
           return is_letter(c) || is_digit(c) || c == '+' || c == '-' || c == '.';
         });
}

} // namespace

bool is_host(std::string_view text) noexcept {
  std::string_view host;
  std::string_view port;
  return split(text, host, port);
}

bool is_target(std::string_view method, std::string_view target) noexcept {
  for (const char c : target)
    if (!is(c, target_char) || c == '#')
      return false;
  if (is_exactly(method, "CONNECT")) {
    std::string_view host;
    std::string_view port;
    return split(target, host, port) && !host.empty() && port.size() > 1;
  }
  if (target == "*")
    return is_exactly(method, "OPTIONS");
  return target.starts_with('/') || is_absolute(target);
}

} // namespace httpool::http1
