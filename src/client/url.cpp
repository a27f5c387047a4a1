#include "http1/authority.hpp"
#include "http1/chars.hpp"

#include <httpool/error.hpp>
#include <httpool/url.hpp>

#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>

#include <algorithm>
#include <charconv>
#include <optional>
#include <stdexcept>

namespace httpool {
namespace {

namespace urls = boost::urls;

/// A URL as Boost.URL 1.81 can read it. That knows no zones of IPv6 addresses, which are cut out;
/// and it takes a name that begins like an IPv4 address, such as 1.2.3.4.example, for that address
/// and a path, so that hosts that begin with a digit are told by another name.
struct readable_url {
  explicit readable_url(std::string_view given) : text(given) {
    cut_zone(given);
    mark_digit();
  }

  /// The host as it was written.
  std::string host_of(const urls::url_view& parsed) const {
    const auto written = parsed.encoded_host();
    return std::string(written.data(), written.size()).substr(has_mark ? 1 : 0);
  }

  std::string text;
  std::string zone;      ///< From its percent sign on, as it was written.
  bool has_mark = false; ///< Before the host.

private:
  void cut_zone(std::string_view given) {
    const std::size_t begin = std::min(text.find(':'), text.size());
    if (!given.substr(begin).starts_with("://["))
      return;
    const std::size_t end = std::min(text.find_first_of("]/?#", begin + 3), text.size());
    if (end == text.size() || text[end] != ']')
      return;
    const std::size_t percent = text.find('%', begin);
    if (percent > end)
      return;
    zone = text.substr(percent, end - percent);
    text.erase(percent, end - percent);
  }

  void mark_digit() {
    const std::size_t slashes = text.find("://");
    if (slashes == std::string::npos)
      return;
    const std::size_t end = std::min(text.find_first_of("/?#", slashes + 3), text.size());
    const std::size_t at = text.find_last_of("/@", end - 1);
    if (at + 1 == end || text[at + 1] < '0' || text[at + 1] > '9')
      return;
    text.insert(at + 1, 1, 'x');
    has_mark = true;
  }
};

/// The `%25` of RFC 6874, and then what may follow it without being encoded again.
bool is_zone(std::string_view zone) noexcept {
  constexpr std::string_view begin = "%25";
  return zone.starts_with(begin) && zone.size() > begin.size() &&
         http1::all(zone.substr(begin.size()), http1::host_char) &&
         zone.find('%', begin.size()) == std::string_view::npos;
}

/// Boost.URL 1.81 takes what follows a port, such as `x` in `http://host:8x`, for a path, although
/// one that follows an authority begins with a slash (RFC 3986 §3.3).
std::optional<urls::url_view> parse(const std::string& text) {
  const auto parsed = urls::parse_uri(text);
  if (!parsed)
    return {};
  const auto path = parsed->encoded_path();
  if (parsed->has_authority() && !path.empty() && path.front() != '/')
    return {};
  return *parsed;
}

/// Why a text is no URL: its port alone, or something else.
error syntax_error(const std::string& text) {
  const std::size_t slashes = text.find("://");
  if (slashes == std::string::npos)
    return error::invalid_url;
  const std::size_t begin = slashes + 3;
  const std::size_t end = std::min(text.find_first_of("/?#", begin), text.size());
  const std::string_view authority = std::string_view(text).substr(begin, end - begin);
  const std::size_t host = std::min(authority.find_last_of("@]"), authority.size());
  const std::size_t colon = authority.find(':', host == authority.size() ? 0 : host);
  if (colon == std::string_view::npos || colon == 0 ||
      authority.find(':', colon + 1) != std::string_view::npos)
    return error::invalid_url;
  std::string portless = text;
  portless.erase(begin + colon, authority.size() - colon);
  return parse(portless) ? error::invalid_port : error::invalid_url;
}

/// An empty port is the default one.
std::optional<std::uint16_t> port_of(std::string_view digits, scheme of) {
  std::uint16_t port = of == scheme::https ? 443 : 80;
  if (digits.empty())
    return port;
  const auto [end, problem] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (problem != std::errc() || end != digits.data() + digits.size() || port == 0)
    return {};
  return port;
}

boost::system::result<origin> tcp_origin(scheme how, const urls::url_view& parsed,
                                         const readable_url& given) {
  const auto digits = parsed.port();
  const auto port = port_of({digits.data(), digits.size()}, how);
  if (!port)
    return error::invalid_port;
  std::string host = given.host_of(parsed);
  if (!given.zone.empty()) {
    if (parsed.host_type() != urls::host_type::ipv6 || !is_zone(given.zone))
      return error::invalid_url;
    host.insert(host.size() - 1, '%' + given.zone.substr(3));
  }
  return origin(how, host, *port);
}

boost::system::result<origin> socket_origin(const urls::url_view& parsed) {
  if (parsed.has_port())
    return error::invalid_port;
  if (parsed.host_type() != urls::host_type::name)
    return error::invalid_url;
  return origin::unix_socket(parsed.host_name());
}

std::optional<scheme> scheme_of(std::string_view name) {
  if (http1::same_name(name, "http"))
    return scheme::http;
  if (http1::same_name(name, "https"))
    return scheme::https;
  if (http1::same_name(name, "http+unix"))
    return scheme::http_unix;
  return {};
}

boost::system::result<origin> origin_of(const urls::url_view& parsed, const readable_url& given) {
  const auto name = parsed.scheme();
  const auto how = scheme_of({name.data(), name.size()});
  if (!how)
    return error::unsupported_scheme;
  if (parsed.has_userinfo())
    return error::url_with_credentials;
  if (parsed.encoded_host().empty())
    return error::url_without_host;
  try {
    return *how == scheme::http_unix ? socket_origin(parsed) : tcp_origin(*how, parsed, given);
  } catch (const std::invalid_argument&) {
    return error::invalid_url;
  }
}

} // namespace

boost::system::result<url> parse_url(std::string_view text) {
  const readable_url given(text);
  const auto parsed = parse(given.text);
  if (!parsed)
    return syntax_error(given.text);
  const auto origin = origin_of(*parsed, given);
  if (!origin)
    return origin.error();

  url made;
  made.origin_ = *origin;
  const auto path = parsed->encoded_path();
  if (!path.empty())
    made.target_.assign(path.data(), path.size());
  if (parsed->has_query()) {
    const auto query = parsed->encoded_query();
    made.target_.append("?").append(query.data(), query.size());
  }
  if (!http1::is_target("GET", made.target_)) // the request line is no place to trust another in
    return error::invalid_url;
  return made;
}

} // namespace httpool
