// What server and client agree on before the first request: certificates, names, protocols, and
// sessions.

#include "net/server_tls_fixture.hpp"

#include <boost/asio/use_future.hpp>

#include <array>
#include <future>
#include <stdexcept>
#include <string>

#include <openssl/sslerr.h>

using namespace server_test;
using httpool::request;
using httpool::request_context;
using httpool::response;

namespace {

const fixture::identity first = root.issue({"first.test", "localhost"});
const fixture::identity second = root.issue({"second.test", "*.wild.test"});

response hello(const request&) {
  return response(200, "hello", "text/plain");
}

// Says whose certificate the client has shown.
response who(const request&, const request_context& context) {
  if (!context.is_encrypted)
    return response(500);
  X509* const shown = SSL_get0_peer_certificate(context.tls);
  std::array<char, 128> name = {};
  if (shown)
    X509_NAME_get_text_by_NID(X509_get_subject_name(shown), NID_commonName, name.data(),
                              static_cast<int>(name.size()));
  return response(200, shown ? name.data() : "nobody", "text/plain");
}

fixture::identity client_identity(const fixture::authority& by, const char* name) {
  fixture::issue_options options;
  options.is_for = fixture::purpose::client;
  return by.issue({name}, options);
}

constexpr std::array versions{TLS1_2_VERSION, TLS1_3_VERSION};

bool complains_of(const tls_server_options& options, const char* field) {
  try {
    tls_server::create(options);
    return false;
  } catch (const std::invalid_argument& complaint) {
    return std::string_view(complaint.what()).find(field) != std::string_view::npos;
  }
}

} // namespace

BOOST_AUTO_TEST_CASE(the_whole_chain_is_sent_so_that_the_root_is_enough_to_verify_it) {
  const fixture::identity below = root.intermediate().issue({"deep.test"});
  live_server server(who, encrypted(tls_server::create(options_of({below}))));
  tls_clients clients(root.root_pem());
  tls_client_peer peer(server, clients, "deep.test");
  BOOST_TEST(!peer.failure());
  BOOST_TEST(peer.is_shown("deep.test"));
  BOOST_TEST(peer.get("/").body() == "nobody");
}

BOOST_AUTO_TEST_CASE(the_certificate_is_the_one_for_the_host_that_the_client_names) {
  live_server server(hello, encrypted(tls_server::create(options_of({first, second}))));
  const auto shows = [&](int version, const char* named, const char* host) {
    tls_clients clients(root.root_pem());
    clients.only(version);
    return tls_client_peer(server, clients, named).is_shown(host);
  };
  for (const int version : versions) {
    BOOST_TEST(shows(version, "second.test", "second.test"));
    BOOST_TEST(shows(version, "SECOND.test", "second.test"));
    BOOST_TEST(shows(version, "a.wild.test", "second.test"));
    BOOST_TEST(shows(version, "first.test", "first.test"));
    BOOST_TEST(shows(version, "wild.test", "first.test"));
    BOOST_TEST(shows(version, "unknown.test", "first.test"));
    BOOST_TEST(shows(version, "", "first.test"));
  }
}

BOOST_AUTO_TEST_CASE(http_1_1_is_agreed_on_wherever_it_stands_and_h2_alone_is_refused) {
  const auto tls = tls_server::create(options_of({first, second}));
  live_server server(hello, encrypted(tls));
  for (const char* host : {"first.test", "second.test"}) {
    tls_clients clients(root.root_pem());
    clients.offer("\x02h2\x08http/1.1");
    tls_client_peer peer(server, clients, host);
    const unsigned char* chosen = nullptr;
    unsigned size = 0;
    SSL_get0_alpn_selected(peer.handle(), &chosen, &size);
    BOOST_TEST(std::string(reinterpret_cast<const char*>(chosen), size) == "http/1.1");
    BOOST_TEST(peer.get("/").status() == 200u);

    clients.offer("\x02h2");
    tls_client_peer modern(server, clients, host);
    BOOST_TEST(is_tls_error(modern.failure(), SSL_R_TLSV1_ALERT_NO_APPLICATION_PROTOCOL));
  }
  until([&] { return tls->stats().failures == 2; });
}

BOOST_AUTO_TEST_CASE(tls_1_1_is_refused_and_the_lowest_version_can_be_raised) {
  tls_server_options options = options_of({first});
  live_server server(hello, encrypted(tls_server::create(options)));
  tls_clients old(root.root_pem());
  SSL_CTX_set_cipher_list(old.handle(), "DEFAULT@SECLEVEL=0");
  old.only(TLS1_1_VERSION);
  BOOST_TEST(
      is_tls_error(tls_client_peer(server, old).failure(), SSL_R_TLSV1_ALERT_PROTOCOL_VERSION));

  options.min_version = httpool::tls_version::tls_1_3;
  live_server strict(hello, encrypted(tls_server::create(options)));
  tls_clients clients(root.root_pem());
  clients.only(TLS1_2_VERSION);
  BOOST_TEST(
      is_tls_error(tls_client_peer(strict, clients).failure(), SSL_R_TLSV1_ALERT_PROTOCOL_VERSION));
}

BOOST_AUTO_TEST_CASE(a_clients_certificate_is_verified_and_the_handler_sees_it) {
  const fixture::authority others("another root");
  tls_server_options options = options_of({first, second});
  options.client_ca_pem = root.root_pem();
  const auto tls = tls_server::create(options);
  live_server server(who, encrypted(tls));
  for (const int version : versions) {
    for (const char* host : {"first.test", "second.test"}) {
      tls_clients known(root.root_pem());
      known.only(version);
      known.present(client_identity(root, "alice"));
      BOOST_TEST(tls_client_peer(server, known, host).get("/").body() == "alice");
      // The session stands for her, too.
      tls_client_peer again(server, known, host);
      BOOST_TEST(again.is_resumed());
      BOOST_TEST(again.get("/").body() == "alice");
    }
    // With TLS 1.3 a client learns by its first read that it was turned away.
    const auto refused = [&](tls_clients& clients) {
      clients.only(version);
      tls_client_peer peer(server, clients, "second.test");
      if (peer.failure())
        return peer.failure();
      BOOST_TEST(!peer.read_some());
      return peer.end();
    };
    tls_clients nobody(root.root_pem());
    BOOST_TEST(is_tls_error(refused(nobody), version == TLS1_3_VERSION
                                                 ? SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED
                                                 : SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE));
    tls_clients wrong(root.root_pem());
    wrong.present(client_identity(others, "mallory"));
    BOOST_TEST(is_tls_error(refused(wrong), SSL_R_TLSV1_ALERT_UNKNOWN_CA));
  }
  until([&] { return tls->stats().failures == 4; });
  BOOST_TEST(server->stats().requests == 8u);
}

BOOST_AUTO_TEST_CASE(a_revoked_client_is_turned_away_and_a_new_list_ends_its_session) {
  const fixture::identity alice = client_identity(root, "alice");
  const fixture::identity mallory = client_identity(root, "mallory");
  for (const int version : versions) {
    tls_server_options options = options_of({first, second});
    options.client_ca_pem = root.root_pem();
    options.client_crl_pem = root.crl_pem();
    const auto tls = tls_server::create(options);
    live_server server(who, encrypted(tls));
    tls_clients good(root.root_pem());
    good.only(version);
    good.present(alice);
    tls_clients bad(root.root_pem());
    bad.only(version);
    bad.present(mallory);
    BOOST_TEST(tls_client_peer(server, bad, "second.test").get("/").body() == "mallory");

    options.client_crl_pem = root.crl_pem({mallory});
    tls->reload(options);
    tls_client_peer revoked(server, bad, "second.test"); // offers the session
    if (!revoked.failure())
      BOOST_TEST(!revoked.read_some()); // With TLS 1.3 the first read says it.
    BOOST_TEST(is_tls_error(revoked.failure() ? revoked.failure() : revoked.end(),
                            SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED));
    BOOST_TEST(tls_client_peer(server, good, "second.test").get("/").body() == "alice");
  }
}

BOOST_AUTO_TEST_CASE(a_client_may_do_without_a_certificate_if_it_is_only_asked_but_not_lie) {
  tls_server_options options = options_of({first});
  options.client_ca_pem = root.root_pem();
  options.require_client_certificate = false;
  live_server server(who, encrypted(tls_server::create(options)));
  tls_clients nobody(root.root_pem());
  BOOST_TEST(tls_client_peer(server, nobody).get("/").body() == "nobody");
  tls_clients wrong(root.root_pem());
  wrong.present(client_identity(fixture::authority("another root"), "mallory"));
  tls_client_peer peer(server, wrong);
  BOOST_TEST(!peer.read_some());
  BOOST_TEST(is_tls_error(peer.end(), SSL_R_TLSV1_ALERT_UNKNOWN_CA));
}

BOOST_AUTO_TEST_CASE(sessions_are_resumed_and_counted) {
  for (const int version : versions) {
    const auto tls = tls_server::create(options_of({first, second}));
    live_server server(hello, encrypted(tls));
    tls_clients clients(root.root_pem());
    clients.only(version);
    for (int i = 0; i != 8; ++i) {
      tls_client_peer peer(server, clients, "second.test");
      BOOST_TEST(peer.get("/").status() == 200u);
      BOOST_TEST(peer.is_resumed() == (i != 0));
    }
    BOOST_TEST(tls->stats().full_handshakes == 1u);
    BOOST_TEST(tls->stats().resumptions == 7u);
    BOOST_TEST(tls->stats().failures == 0u);
  }
}

BOOST_AUTO_TEST_CASE(a_reload_keeps_connections_and_sessions_and_shows_the_new_certificate) {
  for (const int version : versions) {
    const auto tls = tls_server::create(options_of({first}));
    live_server server(hello, encrypted(tls));
    tls_clients clients(root.root_pem());
    clients.only(version);
    tls_client_peer old(server, clients, "first.test");
    BOOST_TEST(old.get("/").status() == 200u);

    tls->reload(options_of({second, first}));
    BOOST_TEST(old.get("/").status() == 200u);
    tls_client_peer resumed(server, clients, "first.test");
    BOOST_TEST(resumed.is_resumed());
    BOOST_TEST(resumed.get("/").status() == 200u);
    tls_clients others(root.root_pem());
    BOOST_TEST(tls_client_peer(server, others).is_shown("second.test"));
    BOOST_TEST(tls_client_peer(server, others, "first.test").is_shown("first.test"));
    BOOST_TEST(old.get("/").status() == 200u);
  }
}

BOOST_AUTO_TEST_CASE(a_session_does_not_stand_for_what_clients_did_not_have_to_prove) {
  for (const int version : versions) {
    const fixture::authority others("another root");
    tls_server_options options = options_of({first});
    options.client_ca_pem = root.root_pem();
    const auto tls = tls_server::create(options);
    live_server server(who, encrypted(tls));
    tls_clients clients(root.root_pem());
    clients.only(version);
    clients.present(client_identity(root, "alice"));
    BOOST_TEST(tls_client_peer(server, clients).get("/").body() == "alice");

    options.client_ca_pem = others.root_pem();
    tls->reload(options);
    tls_client_peer again(server, clients);
    BOOST_TEST(!again.is_resumed());
    if (!again.failure())
      BOOST_TEST(!again.read_some());
    until([&] { return tls->stats().failures == 1; });
  }
}

BOOST_AUTO_TEST_CASE(a_reload_with_bad_options_throws_and_changes_nothing) {
  const auto tls = tls_server::create(options_of({first}));
  live_server server(hello, encrypted(tls));
  tls_server_options mixed = options_of({second});
  mixed.certificates.front().key_pem = first.key_pem;
  BOOST_CHECK_THROW(tls->reload(mixed), std::invalid_argument);
  BOOST_CHECK_THROW(tls->reload({}), std::invalid_argument);
  tls_server_options missing;
  missing.certificates.resize(1);
  missing.certificates.front().chain_file = "/nonexistent/chain.pem";
  missing.certificates.front().key_file = "/nonexistent/key.pem";
  BOOST_CHECK_THROW(tls->reload(missing), std::invalid_argument);
  tls_clients clients(root.root_pem());
  tls_client_peer peer(server, clients);
  BOOST_TEST(peer.is_shown("first.test"));
  BOOST_TEST(peer.get("/").status() == 200u);
}

BOOST_AUTO_TEST_CASE(bad_options_are_named) {
  BOOST_TEST(complains_of({}, "certificates is empty"));
  tls_server_options options = options_of({first, second});
  options.certificates[1].key_pem = first.key_pem;
  BOOST_TEST(complains_of(options, "certificates[1].key_pem"));
  options = options_of({first});
  options.certificates[0].chain_pem = "no PEM";
  BOOST_TEST(complains_of(options, "certificates[0].chain_pem"));
  options = options_of({first});
  options.certificates[0].key_pem.clear();
  BOOST_TEST(complains_of(options, "certificates[0].key_file"));
  options = options_of({first});
  options.client_ca_file = "/nonexistent.pem";
  BOOST_TEST(complains_of(options, "client_ca_file"));
  options.client_ca_pem = root.root_pem();
  BOOST_TEST(complains_of(options, "client_ca_pem"));
  options.client_ca_file.clear();
  options.client_crl_pem = "-";
  BOOST_TEST(complains_of(options, "client_crl_pem"));
  options.client_ca_pem.clear();
  options.client_crl_pem = root.crl_pem();
  BOOST_TEST(complains_of(options, "client_crl_pem"));
  options = options_of({first});
  options.min_version = httpool::tls_version::tls_1_3;
  options.max_version = httpool::tls_version::tls_1_2;
  BOOST_TEST(complains_of(options, "min_version"));
  options.min_version = httpool::tls_version{11};
  BOOST_TEST(complains_of(options, "min_version"));
  httpool::server_options server;
  server.handshake_timeout = 0s;
  asio::io_context context;
  BOOST_CHECK_THROW(httpool::server(context, any_port(), hello, server), std::invalid_argument);
}
