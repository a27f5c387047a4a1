// Raw pools: what proxies and servers are told of the host that a pool was made with.

#include "net/recording_proxy.hpp"
#include "net/tls_loop.hpp"

#include <httpool/connection_pool.hpp>

using namespace client_test;
using httpool::connection_pool;
using httpool::proxy;
using proxy_test::recording_origin;
using proxy_test::recording_proxy;

namespace {

struct pools : tls_loop {
  error_code acquire(connection_pool& pool) {
    std::optional<error_code> ended;
    pool.async_acquire([&](error_code ec, const httpool::lease&) { ended = ec; });
    BOOST_TEST_REQUIRE(until([&] { return ended.has_value(); }));
    return *ended;
  }

  httpool::pool_options over_tls() const {
    httpool::pool_options options;
    options.tls = tls_client::create(trust());
    return options;
  }
};

} // namespace

BOOST_FIXTURE_TEST_CASE(no_host_of_a_pool_adds_a_line_to_what_a_proxy_is_told, pools) {
  for (const char* host :
       {"a.test:443 HTTP/1.1\r\nX: y\r\n\r\nGET /", "a.test\nX: y", "a.test HTTP/1.1", "a.test:80"})
    BOOST_CHECK_THROW(connection_pool(context, host, 443, {.proxy = proxy("http://p.test")}),
                      std::invalid_argument);
}

BOOST_FIXTURE_TEST_CASE(the_host_of_a_pool_is_told_in_one_form_whatever_its_text, pools) {
  const identity who = root.issue({"::1", "a.test"});
  httpool::tls_server_options encryption;
  encryption.certificates.push_back({.chain_pem = who.chain_pem, .key_pem = who.key_pem});
  for (const auto& [host, told] : {std::pair("[::1]", "[::1]:443"),
                                   {"::1", "[::1]:443"},
                                   {"a.test.", "a.test:443"},
                                   {"A.TEST", "a.test:443"}}) {
    BOOST_TEST_CONTEXT(host) {
      recording_origin origin(context, httpool::tls_server::create(encryption));
      recording_proxy by(context, origin.port());
      httpool::pool_options options = over_tls();
      options.proxy.emplace("http://127.0.0.1:" + std::to_string(by.port()));
      connection_pool pool(context, host, 443, options);
      BOOST_TEST(acquire(pool) == error_code());
      const std::string line(told);
      BOOST_TEST(by.told == "CONNECT " + line + " HTTP/1.1\r\nHost: " + line + "\r\n\r\n");
    }
  }
}
