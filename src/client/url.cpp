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

/// The zone of an IPv6 address, cut out of the URL: Boost.URL 1.81 knows no zones.
struct without_zone {
  explicit without_zone(std::string_view given) : text(given) {
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

  std::string text;
  std::string zone; ///< From its percent sign on, as it was written.
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
                                         const std::string& zone) {
  const auto digits = parsed.port();
  const auto port = port_of({digits.data(), digits.size()}, how);
  if (!port)
    return error::invalid_port;
  const auto written = parsed.encoded_host();
  std::string host(written.data(), written.size());
  if (!zone.empty()) {
    if (parsed.host_type() != urls::host_type::ipv6 || !is_zone(zone))
      return error::invalid_url;
    host.insert(host.size() - 1, '%' + zone.substr(3));
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

boost::system::result<origin> origin_of(const urls::url_view& parsed, const std::string& zone) {
  const auto name = parsed.scheme();
  const auto how = scheme_of({name.data(), name.size()});
  if (!how)
    return error::unsupported_scheme;
  if (parsed.has_userinfo())
    return error::url_with_credentials;
  if (parsed.encoded_host().empty())
    return error::url_without_host;
  try {
    return *how == scheme::http_unix ? socket_origin(parsed) : tcp_origin(*how, parsed, zone);
  } catch (const std::invalid_argument&) {
    return error::invalid_url;
  }
}

} // namespace

boost::system::result<url> parse_url(std::string_view text) {
  const without_zone cut(text);
  const auto parsed = parse(cut.text);
  if (!parsed)
    return syntax_error(cut.text);
  const auto origin = origin_of(*parsed, cut.zone);
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
