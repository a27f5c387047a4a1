#include "inspect/guard.hpp"

#include <httpool/url.hpp>

#include <boost/asio/ip/address.hpp>

#include <algorithm>
#include <random>

namespace httpool::detail {
namespace {

std::string lower(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return result;
}

/// Without its port, and an IPv6 address without its brackets.
std::string_view host_of(std::string_view authority) noexcept {
  if (authority.starts_with('[')) {
    const std::size_t end = authority.find(']');
    return end == std::string_view::npos ? std::string_view() : authority.substr(1, end - 1);
  }
  return authority.substr(0, authority.rfind(':'));
}

/// A page of somebody else's can have its own name lead here, but not an address.
bool is_known(std::string_view authority, const std::vector<std::string>& hosts) {
  const std::string host = lower(host_of(authority));
  boost::system::error_code ec;
  boost::asio::ip::make_address(host, ec);
  return !ec || host == "localhost" || std::find(hosts.begin(), hosts.end(), host) != hosts.end();
}

/// Whether a browser says that it asks for a page of another origin, be it of the same site.
bool is_of_others(const request& message, std::string_view authority) {
  const fields& own = message.fields();
  if (own.contains("Sec-Fetch-Site")) {
    const std::string_view site = own.value("Sec-Fetch-Site");
    if (site != "same-origin" && site != "none")
      return true;
  }
  if (!own.contains("Origin"))
    return false;
  const std::string origin = lower(own.value("Origin"));
  const std::string host = lower(authority);
  return origin != "http://" + host && origin != "https://" + host;
}

} // namespace

asked_place place_of(const request& message) {
  const std::string_view target = message.target();
  const auto path_of = [](std::string_view text) { return text.substr(0, text.find('?')); };
  if (!target.starts_with('/')) {
    if (const auto absolute = parse_url(target))
      return {absolute->origin().authority(), std::string(path_of(absolute->target()))};
  }
  return {std::string(message.fields().value("Host")), std::string(path_of(target))};
}

unsigned refusal_of(const request& message, const asked_place& place,
                    const std::vector<std::string>& hosts) {
  if (!is_known(place.authority, hosts))
    return 421;
  if (is_of_others(message, place.authority))
    return 403;
  return message.method() == "GET" || message.method() == "HEAD" ? 0 : 405;
}

void protect(response& message, std::string_view nonce) {
  std::string policy = "default-src 'none'; base-uri 'none'; form-action 'none'; "
                       "frame-ancestors 'none'";
  if (!nonce.empty()) {
    const std::string source = "'nonce-" + std::string(nonce) + "'";
    policy += "; img-src data:; connect-src 'self'; script-src " + source + "; style-src " +
              source + "; require-trusted-types-for 'script'";
  }
  fields& own = message.fields();
  own.set("Content-Security-Policy", policy);
  own.set("X-Frame-Options", "DENY");
  own.set("X-Content-Type-Options", "nosniff");
  own.set("Cross-Origin-Resource-Policy", "same-origin");
  own.set("Cross-Origin-Opener-Policy", "same-origin");
  own.set("Referrer-Policy", "no-referrer");
  own.set("Cache-Control", "no-store");
}

std::string make_nonce() {
  constexpr std::string_view digits = "0123456789abcdef";
  std::random_device random;
  std::string nonce;
  for (int i = 0; i != 4; ++i) {
    for (unsigned bits = random(), left = 8; left != 0; --left, bits >>= 4)
      nonce += digits[bits & 15];
  }
  return nonce;
}

} // namespace httpool::detail
