#include "http1/authority.hpp"
#include "http1/chars.hpp"

#include <httpool/origin.hpp>

#include <boost/asio/ip/address_v6.hpp>

#include <algorithm>
#include <array>
#include <stdexcept>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

namespace httpool {
namespace {

namespace ip = boost::asio::ip;

constexpr std::uint16_t default_port(scheme of) noexcept {
  return of == scheme::https ? 443 : 80;
}

/// How much of a value that is refused its message shows.
constexpr std::size_t shown_size = 300;

[[noreturn]] void refuse(const char* what, std::string_view value, const char* rule) {
  std::string text = std::string("httpool: ") + what + " is \"";
  for (const char c : value.substr(0, shown_size))
    text += c == '\0' ? std::string("\\0") : std::string(1, c);
  if (value.size() > shown_size)
    text += "...";
  throw std::invalid_argument(text + "\", but must " + rule);
}

[[noreturn]] void refuse_host(std::string_view host) {
  refuse("host", host, "be a name or an IP address");
}

/// What may stand for a network interface: what RFC 6874 allows there without encoding it, and the
/// rest of what a name may hold.
bool is_zone(std::string_view text) noexcept {
  return !text.empty() && http1::all(text, http1::host_char) &&
         text.find('%') == std::string_view::npos;
}

std::string ipv6(std::string_view host, std::string_view given) {
  const std::size_t percent = std::min(host.find('%'), host.size());
  boost::system::error_code no_address;
  const auto address = ip::make_address_v6(std::string(host.substr(0, percent)), no_address);
  const std::string_view zone = host.substr(percent);
  if (no_address || (!zone.empty() && !is_zone(zone.substr(1))))
    refuse_host(given);
  return address.to_string().append(zone);
}

/// The dotted form of what a resolver takes for an IPv4 address, or nothing.
std::string ipv4(const std::string& name) {
  in_addr address{};
  if (::inet_aton(name.c_str(), &address) == 0)
    return {};
  std::array<char, INET_ADDRSTRLEN> text{};
  ::inet_ntop(AF_INET, &address, text.data(), text.size());
  return text.data();
}

std::string name_or_ipv4(std::string_view host, std::string_view given) {
  if (host.ends_with('.'))
    host.remove_suffix(1);
  const bool has_empty_label = host.empty() || host.starts_with('.') || host.ends_with('.') ||
                               host.find("..") != std::string_view::npos;
  if (has_empty_label || host.find_first_of("%:[") != std::string_view::npos ||
      !http1::is_host(host))
    refuse_host(given);
  std::string name(host);
  std::transform(name.begin(), name.end(), name.begin(), http1::lower);
  std::string dotted = ipv4(name);
  return dotted.empty() ? name : dotted;
}

std::string normal_host(std::string_view given) {
  std::string_view host = given;
  if (host.size() >= 2 && host.front() == '[' && host.back() == ']')
    return ipv6(host.substr(1, host.size() - 2), given);
  if (host.find(':') != std::string_view::npos)
    return ipv6(host, given);
  return name_or_ipv4(host, given);
}

bool is_unreserved(char c) noexcept {
  return http1::is_digit(c) || (http1::lower(c) >= 'a' && http1::lower(c) <= 'z') || c == '-' ||
         c == '.' || c == '_' || c == '~';
}

/// Percent-encoding, RFC 3986 §2.1.
std::string encoded(std::string_view text) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string result;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (is_unreserved(c))
      result += c;
    else
      result.append(1, '%').append(1, digits[byte >> 4]).append(1, digits[byte & 15]);
  }
  return result;
}

} // namespace

origin::origin(std::string_view host, std::uint16_t port) : origin(scheme::http, host, port) {}

origin::origin(httpool::scheme scheme, std::string_view host, std::uint16_t port)
    : place_(normal_host(host)), port_(port), scheme_(scheme) {
  if (scheme == scheme::http_unix)
    throw std::invalid_argument("httpool: scheme is http+unix, which has no host and no port");
  if (port == 0)
    throw std::invalid_argument("httpool: port is 0, but must be from 1 to 65535");
}

origin origin::unix_socket(std::string_view path) {
  if (!path.starts_with('/') || path.find('\0') != std::string_view::npos)
    refuse("the path of a socket", path, "be absolute and without NUL");
  if (path.size() >= sizeof(sockaddr_un::sun_path))
    refuse("the path of a socket", path, "fit into the address of a socket");
  origin made;
  made.place_ = path;
  made.port_ = 0;
  made.scheme_ = scheme::http_unix;
  return made;
}

std::string_view origin::host() const noexcept {
  return scheme_ == scheme::http_unix ? std::string_view() : place_;
}

std::string_view origin::socket_path() const noexcept {
  return scheme_ == scheme::http_unix ? place_ : std::string_view();
}

std::string origin::authority() const {
  if (scheme_ == scheme::http_unix)
    return "localhost";
  std::string value = place_;
  if (value.find(':') != std::string::npos)
    value = '[' + value.substr(0, value.find('%')) + ']';
  if (port_ != default_port(scheme_))
    value.append(":").append(std::to_string(port_));
  return value;
}

std::string origin::to_string() const {
  if (scheme_ == scheme::http_unix)
    return "http+unix://" + encoded(place_);
  std::string value = (scheme_ == scheme::https ? "https://" : "http://") + authority();
  if (const std::size_t percent = place_.find('%'); percent != std::string::npos)
    value.insert(value.find(']'), "%25" + place_.substr(percent + 1));
  return value;
}

} // namespace httpool

std::size_t std::hash<httpool::origin>::operator()(const httpool::origin& value) const noexcept {
  const std::hash<std::string_view> text;
  const std::size_t place = text(value.host()) ^ text(value.socket_path());
  return (place * 31 + value.port()) * 31 + static_cast<std::size_t>(value.scheme());
}
