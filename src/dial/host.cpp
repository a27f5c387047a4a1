#include "dial/host.hpp"

#include "http1/authority.hpp"
#include "http1/chars.hpp"

#include <boost/asio/ip/address_v6.hpp>

#include <algorithm>
#include <array>
#include <stdexcept>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

namespace httpool::detail {
namespace {

namespace ip = boost::asio::ip;

/// How much of a value that is refused its message shows.
constexpr std::size_t shown_size = 300;

[[noreturn]] void refuse_host(std::string_view host) {
  throw std::invalid_argument("httpool: host is " + quoted(host) +
                              ", but must be a name or an IP address");
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

} // namespace

std::string normal_host(std::string_view given) {
  std::string_view host = given;
  if (host.size() >= 2 && host.front() == '[' && host.back() == ']')
    return ipv6(host.substr(1, host.size() - 2), given);
  if (host.find(':') != std::string_view::npos)
    return ipv6(host, given);
  return name_or_ipv4(host, given);
}

std::string quoted(std::string_view value) {
  std::string text = "\"";
  for (const char c : value.substr(0, shown_size))
    text += c == '\0' ? std::string("\\0") : std::string(1, c);
  if (value.size() > shown_size)
    text += "...";
  return text + '"';
}

} // namespace httpool::detail
