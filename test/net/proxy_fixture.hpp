// What the tests of clients behind proxies share: proxies with credentials, and requests that have
// some too.
#pragma once

#include "net/recording_proxy.hpp"
#include "net/tls_loop.hpp"
#include "tls_fixture/server_certificates.hpp"

#include <cstddef>
#include <string>

namespace proxy_test {

using namespace client_test;
using httpool::proxy;
using httpool::proxy_kind;
using httpool_test::tls::options_of;

inline const std::string proxy_user = "proxy-user";
inline const std::string proxy_password = "proxy-password";
inline const std::string origin_token = "Bearer origin-token";

inline request secret(const std::string& target) {
  request message = get(target);
  message.fields().set("Authorization", origin_token);
  return message;
}

struct proxied : tls_loop {
  tls_pointer encrypted() const {
    return httpool::tls_server::create(options_of({root.issue({"a.test", "127.0.0.1"})}));
  }

  proxy at(const recording_proxy& by, const char* scheme = "http") const {
    proxy made(std::string(scheme) + "://127.0.0.1:" + std::to_string(by.port()));
    made.credentials(proxy_user, proxy_password);
    if (made.kind() == proxy_kind::https)
      made.tls(tls_client::create(trust()));
    return made;
  }

  client_options through(const proxy& by) const {
    client_options options = trusting();
    options.proxies.http = by;
    options.proxies.https = by;
    return options;
  }

  /// Three requests to `url`, one after the other.
  void send_three(client& sender, const std::string& url) {
    for (int i = 0; i != 3; ++i) {
      const outcome got = send(sender, secret(url));
      BOOST_TEST(got.error == error_code());
      BOOST_TEST(got.response.body() == "ok");
    }
  }
};

inline std::size_t count(const std::string& text, const std::string& what) {
  std::size_t found = 0;
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1))
    ++found;
  return found;
}

} // namespace proxy_test
