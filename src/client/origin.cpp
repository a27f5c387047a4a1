#include "dial/host.hpp"
#include "http1/chars.hpp"

#include <httpool/origin.hpp>

#include <stdexcept>

#include <sys/un.h>

namespace httpool {
namespace {

constexpr std::uint16_t default_port(scheme of) noexcept {
  return of == scheme::https ? 443 : 80;
}

[[noreturn]] void refuse_path(std::string_view path, const char* rule) {
  throw std::invalid_argument("httpool: the path of a socket is " + detail::quoted(path) +
                              ", but must " + rule);
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
    : place_(detail::normal_host(host)), port_(port), scheme_(scheme) {
  if (scheme == scheme::http_unix)
    throw std::invalid_argument("httpool: scheme is http+unix, which has no host and no port");
  if (scheme != scheme::http && scheme != scheme::https)
    throw std::invalid_argument("httpool: scheme is " + std::to_string(static_cast<int>(scheme)) +
                                ", but must be scheme::http or scheme::https");
  if (port == 0)
    throw std::invalid_argument("httpool: port is 0, but must be from 1 to 65535");
}

origin origin::unix_socket(std::string_view path) {
  if (!path.starts_with('/') || path.find('\0') != std::string_view::npos)
    refuse_path(path, "be absolute and without NUL");
  if (path.size() >= sizeof(sockaddr_un::sun_path))
    refuse_path(path, "fit into the address of a socket");
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
