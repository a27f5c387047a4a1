// What is forwarded says one host, and what is not to be forwarded has a tunnel.

#include "net/recording_proxy.hpp"
#include "net/tls_loop.hpp"

using namespace client_test;
using httpool::proxy;
using proxy_test::recording_origin;
using proxy_test::recording_proxy;

namespace {

struct forwarding : tls_loop {
  recording_origin origin{context};
  recording_proxy by{context, origin.port()};

  client_options through() const {
    client_options options;
    options.proxies.http.emplace("http://127.0.0.1:" + std::to_string(by.port()));
    return options;
  }
};

} // namespace

BOOST_FIXTURE_TEST_CASE(a_forwarded_request_has_the_host_of_its_target, forwarding) {
  client sender(context, through());
  request message = get("http://good.test/x");
  message.fields().set("Host", "evil.test");
  BOOST_TEST(send(sender, message).error == error_code());
  BOOST_TEST(by.told.starts_with("GET http://good.test/x HTTP/1.1\r\n"));
  BOOST_TEST(by.told.find("\r\nHost: good.test\r\n") != std::string::npos);
  BOOST_TEST(by.told.find("evil.test") == std::string::npos);
}

BOOST_FIXTURE_TEST_CASE(a_forwarded_request_is_shown_without_its_origin_and_query, forwarding) {
  client sender(context, through());
  const auto shown = [&](const request& message) {
    BOOST_TEST(send(sender, message).error == error_code());
    return sender.views().at(0).pool.connections.at(0).description;
  };
  BOOST_TEST(shown(get("http://good.test/x/y?secret")) == "GET /x/y");
  BOOST_TEST(shown(get("http://good.test")) == "GET /");
  const std::string path = '/' + std::string(100, 'a');
  BOOST_TEST(shown(get("http://good.test" + path)) == ("GET " + path).substr(0, 48));
}

BOOST_FIXTURE_TEST_CASE(a_tunnel_is_had_for_http_too_if_it_is_wanted, forwarding) {
  client_options options = through();
  options.proxies.tunnel_http = true;
  client sender(context, options);
  BOOST_TEST(send(sender, get("http://a.test/x")).error == error_code());
  BOOST_TEST(by.told == "CONNECT a.test:80 HTTP/1.1\r\nHost: a.test:80\r\n\r\n");
  BOOST_TEST(by.tunnels == 1u);
  BOOST_TEST(origin.heard.starts_with("GET /x HTTP/1.1\r\nHost: a.test\r\n"));
}
