#include "http1/chars.hpp"

#include <httpool/error.hpp>
#include <httpool/proxy.hpp>
#include <httpool/url.hpp>

#include <algorithm>
#include <optional>
#include <stdexcept>
#include <utility>

namespace httpool {
namespace {

/// A proxy's text may hold a password, even where none should be, so it is not quoted.
[[noreturn]] void refuse(const std::string& why) {
  throw std::invalid_argument("httpool: a proxy (whose URL is not shown) " + why);
}

struct known_scheme {
  std::string_view name;
  proxy_kind kind;
  std::uint16_t port;
};

constexpr known_scheme schemes[] = {
    {"http", proxy_kind::http, 80},
    {"https", proxy_kind::https, 443},
    {"socks5", proxy_kind::socks5, 1080},
    {"socks5h", proxy_kind::socks5, 1080},
};

const known_scheme& scheme_of(std::string_view name) {
  const auto* const found =
      std::find_if(std::begin(schemes), std::end(schemes),
                   [&](const known_scheme& each) { return http1::same_name(each.name, name); });
  if (found == std::end(schemes))
    refuse("must begin with http://, https://, socks5:// or socks5h://");
  return *found;
}

unsigned hex(char c) noexcept {
  return static_cast<unsigned>(http1::is_digit(c) ? c - '0' : http1::lower(c) - 'a' + 10);
}

bool is_hex(char c) noexcept {
  return http1::is_digit(c) || (http1::lower(c) >= 'a' && http1::lower(c) <= 'f');
}

std::string decoded(std::string_view text) {
  std::string result;
  for (std::size_t i = 0; i != text.size(); ++i) {
    if (text[i] != '%' && text[i] != ':' && !http1::is(text[i], http1::host_char))
      refuse("has a user name or password with a character that must be percent-encoded");
    if (text[i] != '%') {
      result += text[i];
      continue;
    }
    if (text.size() - i < 3 || !is_hex(text[i + 1]) || !is_hex(text[i + 2]))
      refuse("has a user name or password with a percent sign that encodes nothing");
    result += static_cast<char>(hex(text[i + 1]) * 16 + hex(text[i + 2]));
    i += 2;
  }
  return result;
}

bool has_control(std::string_view text) noexcept {
  return std::any_of(text.begin(), text.end(),
                     [](unsigned char c) { return c < 0x20 || c == 0x7f; });
}

constexpr std::size_t longest_in_socks = 255; // one byte says how long it is

void check_for_socks(const char* what, const std::string& value) {
  if (value.empty() || value.size() > longest_in_socks)
    refuse(std::string("has a ") + what + " of " + std::to_string(value.size()) +
           " bytes, but must have one of 1 to 255 (RFC 1929)");
}

/// Whether a port stands behind the host, and is not empty.
bool has_port(std::string_view authority) noexcept {
  const std::size_t bracket = authority.rfind(']');
  const std::size_t colon = authority.find(':', bracket == std::string_view::npos ? 0 : bracket);
  return colon != std::string_view::npos && colon + 1 != authority.size();
}

} // namespace

proxy::proxy(std::string_view url, std::shared_ptr<tls_client> tls) : tls_(std::move(tls)) {
  const std::size_t slashes = url.find("://");
  const known_scheme& how = scheme_of(url.substr(0, std::min(slashes, url.size())));
  if (slashes == std::string_view::npos)
    refuse("must begin with http://, https://, socks5:// or socks5h://");
  kind_ = how.kind;
  url.remove_prefix(slashes + 3);

  const std::size_t end = std::min(url.find_first_of("/?#"), url.size());
  if (url.substr(end) != "" && url.substr(end) != "/")
    refuse("must end behind its host and port");
  std::string_view authority = url.substr(0, end);
  std::optional<std::string_view> who;
  if (const std::size_t at = authority.rfind('@'); at != std::string_view::npos) {
    who = authority.substr(0, at);
    authority.remove_prefix(at + 1);
  }

  const auto parsed = parse_url("http://" + std::string(authority));
  if (!parsed && parsed.error() == error::invalid_port)
    refuse("must have a port from 1 to 65535");
  if (!parsed)
    refuse("must have a host that is a name or an IP address");
  host_ = parsed->origin().host();
  port_ = has_port(authority) ? parsed->origin().port() : how.port;

  if (who) {
    const std::size_t colon = std::min(who->find(':'), who->size());
    credentials(decoded(who->substr(0, colon)),
                decoded(colon == who->size() ? std::string_view() : who->substr(colon + 1)));
  }
}

void proxy::credentials(std::string user, std::string password) {
  if (kind_ == proxy_kind::socks5) {
    check_for_socks("user name", user);
    check_for_socks("password", password);
  } else if (has_control(user) || has_control(password)) {
    refuse("must have a user name and a password without control characters (RFC 7617)");
  } else if (user.find(':') != std::string::npos) {
    refuse("must have a user name without a colon (RFC 7617)");
  }
  user_ = std::move(user);
  password_ = std::move(password);
  has_credentials_ = true;
}

std::string proxy::to_string() const {
  const auto* const how =
      std::find_if(std::begin(schemes), std::end(schemes),
                   [&](const known_scheme& each) { return each.kind == kind_; });
  std::string host = host_;
  if (host.find(':') != std::string::npos) {
    if (const std::size_t percent = host.find('%'); percent != std::string::npos)
      host.insert(percent + 1, "25"); // RFC 6874
    host = '[' + host + ']';
  }
  return std::string(how->name) + "://" + host + ':' + std::to_string(port_);
}

} // namespace httpool
