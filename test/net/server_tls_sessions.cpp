// How long a session stands for what its client has proved.

#include "net/server_tls_fixture.hpp"

#include <array>
#include <ctime>
#include <string>
#include <vector>

#include <openssl/x509_vfy.h>

using namespace server_test;
using httpool::request;
using httpool::request_context;
using httpool::response;

namespace {

constexpr std::array versions{TLS1_2_VERSION, TLS1_3_VERSION};

/// What the ticket of the session says for the server itself.
response mark(const request&, const request_context& context) {
  void* data = nullptr;
  std::size_t size = 0;
  SSL_SESSION_get0_ticket_appdata(SSL_get_session(context.tls), &data, &size);
  return response(200, std::string(static_cast<const char*>(data), size), "text/plain");
}

tls_server_options asking() {
  tls_server_options options = options_of({localhost});
  options.client_ca_pem = root.root_pem();
  return options;
}

} // namespace

BOOST_AUTO_TEST_CASE(a_session_ends_with_the_certificate_of_its_client) {
  fixture::issue_options past;
  past.is_for = fixture::purpose::client;
  past.not_after = -std::chrono::minutes(10);
  const fixture::identity alice = root.issue({"alice"}, past);
  for (const int version : versions) {
    tls_server_options options = asking();
    // Full handshakes happen at a time when the certificate was good; tickets, now.
    options.customize = [](SSL_CTX* context) {
      X509_VERIFY_PARAM_set_time(SSL_CTX_get0_param(context), std::time(nullptr) - 30 * 60);
    };
    const auto tls = tls_server::create(options);
    live_server server(mark, encrypted(tls));
    tls_clients clients(root.root_pem());
    clients.only(version);
    clients.present(alice);
    for (int i = 0; i != 2; ++i) {
      tls_client_peer peer(server, clients);
      BOOST_TEST(!peer.failure());
      BOOST_TEST(peer.get("/").status() == 200u);
      BOOST_TEST_REQUIRE(bool(clients.session));
      BOOST_TEST(!peer.is_resumed());
    }
    BOOST_TEST(tls->stats().full_handshakes == 2u);
  }
}

BOOST_AUTO_TEST_CASE(resuming_a_session_makes_it_last_no_longer) {
  fixture::issue_options as_client;
  as_client.is_for = fixture::purpose::client;
  as_client.not_after = std::chrono::hours(24 * 300);
  const fixture::identity alice = root.issue({"alice"}, as_client);
  for (const int version : versions) {
    SSL_CTX* context = nullptr;
    tls_server_options options = asking();
    options.customize = [&](SSL_CTX* given) {
      context = given;
      SSL_CTX_set_timeout(given, 60 * 60);
    };
    live_server server(mark, encrypted(tls_server::create(options)));
    tls_clients clients(root.root_pem());
    clients.only(version);
    clients.present(alice);
    std::vector<std::string> told;
    for (int i = 0; i != 4; ++i) {
      tls_client_peer peer(server, clients);
      told.push_back(peer.get("/").body());
      BOOST_TEST(peer.is_resumed() == (i != 0));
      SSL_CTX_set_timeout(context, 2 * 60 * 60); // Were it made anew, it would end later.
    }
    BOOST_TEST(!told[0].empty());
    BOOST_TEST(told[1] == told[0]);
    BOOST_TEST(told[2] == told[0]);
    BOOST_TEST(told[3] == told[0]);
  }
}
