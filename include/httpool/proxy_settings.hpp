/// \file
/// Which requests go through which proxy.
#pragma once

#include <httpool/detail/export.hpp>
#include <httpool/origin.hpp>
#include <httpool/proxy.hpp>

#include <boost/asio/ip/address.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace httpool {

/// Rules that name the origins for which no proxy is used.
///
/// \par Thread safety
/// Distinct objects: safe. Shared objects: unsafe, but for concurrent const access.
class HTTPOOL_EXPORT no_proxy_rules {
public:
  /// No rules.
  no_proxy_rules() = default;

  /// Rules from a list, as the environment variable `no_proxy` has them: separated by commas or
  /// white space, each one of
  /// - `*`: every origin;
  /// - a host name, with or without a dot or `*.` before it, and maybe a port behind it: that host
  ///   and all hosts below it, so that `a.test` and `.a.test` both are for `a.test` and `b.a.test`,
  ///   but not for `ba.test`;
  /// - an IP address, maybe with a port behind it, before which IPv6 needs brackets;
  /// - a range of IP addresses, such as `10.0.0.0/8` or `fd00::/8`.
  ///
  /// Case does not matter, nor does one dot at the end of a name. A rule with an address is for
  /// origins that are named by an address: names are not looked up. An IPv4 address that is mapped
  /// into IPv6 (RFC 4291 §2.5.5.2) is the IPv4 address, and a range of such, of 96 bits at least, a
  /// range of IPv4 addresses.
  ///
  /// \throws std::invalid_argument with the first rule that is none of these.
  explicit no_proxy_rules(std::string_view list);

  /// The same, but what is none of these is left out, and appended to `skipped`.
  no_proxy_rules(std::string_view list, std::vector<std::string>& skipped);

  /// Whether a rule is for `where`; none is for a Unix-domain socket.
  bool matches(const origin& where) const noexcept;

  /// Whether there are no rules.
  bool empty() const noexcept { return rules_.empty(); }

private:
  struct rule {
    bool matches(std::string_view host, const std::optional<boost::asio::ip::address>& address,
                 std::uint16_t origin_port) const noexcept;

    std::string name;                                ///< Empty if it is for addresses,
    std::optional<boost::asio::ip::address> network; ///< or, if this is missing too, for all.
    unsigned prefix_bits = 0;
    std::uint16_t port = 0; ///< 0 is any.
  };

  static rule parse(std::string_view text);
  template <class Take>
  static void each_in(std::string_view list, Take take);

  std::vector<rule> rules_;
};

/// Which proxy a client's requests go through.
///
/// \code
/// options.proxies.https = httpool::proxy("socks5://127.0.0.1:1080");
/// options.proxies.no_proxy = httpool::no_proxy_rules("localhost, 10.0.0.0/8, .internal");
/// \endcode
struct HTTPOOL_EXPORT proxy_settings {
  /// For origins with `http`. An `http` or `https` proxy is sent their requests, with credentials
  /// of its own, and forwards them; a `socks5` proxy gives a tunnel.
  std::optional<proxy> http = {};

  /// For origins with `https`: the proxy gives a tunnel, within which TLS is spoken with the
  /// origin.
  std::optional<proxy> https = {};

  /// Whether an `http` or `https` proxy is asked for a tunnel to `http` origins, too, instead of
  /// forwarding their requests: for WebSocket and other upgrades, which few proxies forward. Many
  /// proxies allow tunnels to port 443 alone.
  bool tunnel_http = false;

  /// Which origins are called without a proxy all the same.
  no_proxy_rules no_proxy = {};

  /// What `from_environment` has left out of `no_proxy`, since it is no rule: origins that were
  /// meant by it are called through a proxy.
  std::vector<std::string> skipped_rules = {};

  /// The settings that the environment has: `http_proxy`, `https_proxy`, `all_proxy` for what has
  /// no proxy by these, and `no_proxy`. The last three may also be in upper case, which counts less
  /// if both are set; `HTTP_PROXY` does not count, since that is what a CGI program gets from a
  /// request's field `Proxy` (RFC 3875 §4.1.18). An empty variable is the same as none. A proxy
  /// without a scheme is an `http` one. `tls` is for `https` proxies. What is not needed is not
  /// looked at: `all_proxy` if there are both others, `no_proxy` if there is no proxy. What is no
  /// rule in `no_proxy` is left out, as other programs do; `skipped_rules` has it.
  ///
  /// The environment is read by this call alone, which must not run while another thread changes
  /// it.
  ///
  /// \throws std::invalid_argument with the name of the variable, if it names no proxy.
  static proxy_settings from_environment(std::shared_ptr<tls_client> tls = {});

  /// The proxy for `where`; null if there is none, as for every Unix-domain socket.
  const proxy* proxy_for(const origin& where) const noexcept;
};

} // namespace httpool
