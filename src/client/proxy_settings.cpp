#include "http1/chars.hpp"

#include <httpool/proxy_settings.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <iterator>
#include <stdexcept>
#include <utility>

namespace httpool {
namespace {

namespace ip = boost::asio::ip;

[[noreturn]] void refuse(std::string_view rule) {
  throw std::invalid_argument("httpool: a rule of no_proxy is \"" + std::string(rule) +
                              "\", but must be *, a host, an IP address or a range of addresses");
}

/// What stands before an IPv4 address that is mapped into IPv6.
constexpr unsigned mapped_bits = 96;

/// A whole number, and nothing else.
std::optional<unsigned> number(std::string_view text, unsigned most) noexcept {
  unsigned value = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (problem != std::errc() || end != text.data() + text.size() || value > most)
    return {};
  return value;
}

/// The address that a text is, without its zone; IPv4 if it is that, mapped into IPv6.
std::optional<ip::address> address_of(std::string_view text) noexcept {
  boost::system::error_code no_address;
  constexpr std::size_t longest = 45;
  text = text.substr(0, text.find('%'));
  if (text.size() > longest)
    return {};
  std::array<char, longest + 1> terminated = {};
  std::copy(text.begin(), text.end(), terminated.begin());
  ip::address address = ip::make_address(terminated.data(), no_address);
  if (no_address)
    return {};
  if (address.is_v6() && address.to_v6().is_v4_mapped())
    address = ip::make_address_v4(ip::v4_mapped, address.to_v6());
  return address;
}

template <class Bytes>
bool begins_like(const Bytes& a, const Bytes& b, unsigned bits) noexcept {
  const std::size_t whole = bits / 8;
  if (!std::equal(a.begin(), a.begin() + static_cast<std::ptrdiff_t>(whole), b.begin()))
    return false;
  const unsigned rest = bits % 8;
  return rest == 0 || ((a[whole] ^ b[whole]) >> (8 - rest)) == 0;
}

bool is_within(const ip::address& address, const ip::address& network, unsigned bits) noexcept {
  if (address.is_v4() != network.is_v4())
    return false;
  return address.is_v4()
             ? begins_like(address.to_v4().to_bytes(), network.to_v4().to_bytes(), bits)
             : begins_like(address.to_v6().to_bytes(), network.to_v6().to_bytes(), bits);
}

bool is_separator(char c) noexcept {
  return c == ',' || c == ' ' || (c >= '\t' && c <= '\r');
}

/// Takes `:port` off the end of a rule, if it is there.
std::uint16_t take_port(std::string_view& text, std::string_view rule) {
  const bool is_bracketed = text.starts_with('[');
  const std::size_t colon =
      text.find(':', is_bracketed ? std::min(text.find(']'), text.size()) : 0);
  const bool is_bare_ipv6 = !is_bracketed && colon != std::string_view::npos &&
                            text.find(':', colon + 1) != std::string_view::npos;
  if (colon == std::string_view::npos || is_bare_ipv6)
    return 0;
  const auto port = number(text.substr(colon + 1), 65535);
  if (!port || *port == 0)
    refuse(rule);
  text = text.substr(0, colon);
  return static_cast<std::uint16_t>(*port);
}

/// The first variable of `names` that is set and not empty.
struct variable {
  explicit variable(std::initializer_list<const char*> names) {
    for (const char* const each : names) {
      const char* const text = std::getenv(each);
      if (text && *text != '\0') {
        name = each;
        value = text;
        return;
      }
    }
  }

  explicit operator bool() const noexcept { return !value.empty(); }

  std::string name;
  std::string value;
};

} // namespace

template <class Take>
void no_proxy_rules::each_in(std::string_view list, Take take) {
  for (auto at = list.begin(); at != list.end();) {
    const auto begin = std::find_if_not(at, list.end(), is_separator);
    at = std::find_if(begin, list.end(), is_separator);
    if (begin != at)
      take(std::string_view(begin, at));
  }
}

no_proxy_rules::no_proxy_rules(std::string_view list) {
  each_in(list, [this](std::string_view text) { rules_.push_back(parse(text)); });
}

no_proxy_rules::no_proxy_rules(std::string_view list, std::vector<std::string>& skipped) {
  each_in(list, [&](std::string_view text) {
    try {
      rules_.push_back(parse(text));
    } catch (const std::invalid_argument&) {
      skipped.emplace_back(text);
    }
  });
}

no_proxy_rules::rule no_proxy_rules::parse(std::string_view text) {
  const std::string_view given = text;
  rule made;
  if (text == "*")
    return made;
  if (const std::size_t slash = text.find('/'); slash != std::string_view::npos) {
    const std::string_view address = text.substr(0, slash);
    boost::system::error_code no_address;
    made.network = ip::make_address(std::string(address), no_address);
    const auto bits = number(text.substr(slash + 1), made.network->is_v4() ? 32 : 128);
    if (no_address || !bits || address.find('%') != std::string_view::npos)
      refuse(given);
    made.prefix_bits = *bits;
    if (made.network->is_v6() && made.network->to_v6().is_v4_mapped()) {
      if (*bits < mapped_bits)
        refuse(given);
      made.network = ip::make_address_v4(ip::v4_mapped, made.network->to_v6());
      made.prefix_bits = *bits - mapped_bits;
    }
    return made;
  }
  made.port = take_port(text, given);
  if (text.starts_with("*."))
    text.remove_prefix(1);
  if (text.starts_with('.'))
    text.remove_prefix(1);
  if (text.find('*') != std::string_view::npos)
    refuse(given);
  try {
    const origin named(text);
    made.name = named.host();
  } catch (const std::invalid_argument&) {
    refuse(given);
  }
  made.network = address_of(made.name);
  if (made.network) {
    made.name.clear();
    made.prefix_bits = made.network->is_v4() ? 32 : 128;
  }
  return made;
}

bool no_proxy_rules::rule::matches(std::string_view host, const std::optional<ip::address>& address,
                                   std::uint16_t origin_port) const noexcept {
  if (port != 0 && port != origin_port)
    return false;
  if (network)
    return address && is_within(*address, *network, prefix_bits);
  if (name.empty())
    return true;
  return host.ends_with(name) &&
         (host.size() == name.size() || host[host.size() - name.size() - 1] == '.');
}

bool no_proxy_rules::matches(const origin& where) const noexcept {
  if (rules_.empty() || where.scheme() == scheme::http_unix)
    return false;
  const auto address = address_of(where.host());
  return std::any_of(rules_.begin(), rules_.end(), [&](const rule& each) {
    return each.matches(where.host(), address, where.port());
  });
}

proxy_settings proxy_settings::from_environment(std::shared_ptr<tls_client> tls) {
  const auto proxy_of = [&](const variable& from) -> std::optional<proxy> {
    if (!from)
      return {};
    const bool has_scheme = from.value.find("://") != std::string::npos;
    try {
      return proxy(has_scheme ? from.value : "http://" + from.value, tls);
    } catch (const std::invalid_argument& e) {
      throw std::invalid_argument(std::string(e.what()) + "; it is in the environment variable " +
                                  from.name);
    }
  };
  proxy_settings found;
  found.http = proxy_of(variable({"http_proxy"}));
  found.https = proxy_of(variable({"https_proxy", "HTTPS_PROXY"}));
  if (!found.http || !found.https) {
    const std::optional<proxy> all = proxy_of(variable({"all_proxy", "ALL_PROXY"}));
    if (!found.http)
      found.http = all;
    if (!found.https)
      found.https = all;
  }
  if (found.http || found.https)
    found.no_proxy = no_proxy_rules(variable({"no_proxy", "NO_PROXY"}).value, found.skipped_rules);
  return found;
}

const proxy* proxy_settings::proxy_for(const origin& where) const noexcept {
  if (where.scheme() == scheme::http_unix || no_proxy.matches(where))
    return nullptr;
  const std::optional<proxy>& chosen = where.scheme() == scheme::https ? https : http;
  return chosen ? &*chosen : nullptr;
}

} // namespace httpool
