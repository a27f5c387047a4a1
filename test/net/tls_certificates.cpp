// Whom a client speaks to: each certificate that is not good enough, made for its test, and those
// that are.

#include "net/tls_loop.hpp"

#include <cstdio>
#include <cstdlib>
#include <fstream>

#include <unistd.h>

using namespace client_test;
using httpool_test::tls::issue_options;
using httpool_test::tls::pin_of;
using httpool_test::tls::purpose;

namespace {

struct certificates : tls_loop {
  authority middle = root.intermediate();

  /// Why the server is refused, through the pool and the client, without a byte sent to it.
  std::string why_refused(const server_options& server, tls_options options,
                          const char* host = "127.0.0.1") {
    std::vector<std::string> told;
    options.on_rejected = [&](std::string_view, std::string_view reason) {
      told.emplace_back(reason);
    };
    tls_peer peer(context, server, {serves()});
    client sender(context, https_to(peer, host), over(options));
    BOOST_TEST(send(sender, get()).error == error::certificate_error);
    BOOST_TEST(error_of_acquire(sender) == error::certificate_error);
    BOOST_TEST(until([&] { return peer.failed_handshakes == 2 && peer.open() == 0; }));
    BOOST_TEST(peer.accepted == 2u);
    BOOST_TEST(peer.application_bytes == 0u);
    BOOST_TEST_REQUIRE(told.size() == 2u);
    BOOST_TEST(told[0] == told[1]);
    check_nothing_is_left(*this, sender, peer);
    return told[0];
  }

  error_code error_of_acquire(client& sender) {
    bool is_done = false;
    error_code result;
    sender.pool().async_acquire([&](error_code ec, const httpool::lease& lease) {
      BOOST_TEST(bool(ec) == !lease);
      result = ec;
      is_done = true;
    });
    BOOST_TEST_REQUIRE(until([&] { return is_done; }));
    return result;
  }

  bool is_accepted(const server_options& server, tls_options options,
                   const char* host = "127.0.0.1") {
    tls_peer peer(context, server, {serves()});
    client sender(context, https_to(peer, host), over(std::move(options)));
    const outcome came = send(sender, get());
    check_nothing_is_left(*this, sender, peer);
    BOOST_TEST(came.error == error_code());
    return !came.error && peer.heard.size() == 1;
  }

  identity issued(std::vector<std::string> names) const { return middle.issue(names); }
};

/// A file for as long as this lives.
class temporary_file {
public:
  explicit temporary_file(const std::string& text) {
    ::close(::mkstemp(path_));
    std::ofstream(path_) << text;
  }
  ~temporary_file() { std::remove(path_); }
  const char* path() const { return path_; }

private:
  char path_[32] = "/tmp/httpool-tls-XXXXXX";
};

} // namespace

BOOST_FIXTURE_TEST_CASE(certificates_out_of_their_time_are_refused, certificates) {
  issue_options past;
  past.not_before = -48h;
  past.not_after = -1s;
  BOOST_TEST(why_refused(serving(middle.issue({"127.0.0.1"}, past)), trust()) ==
             "certificate has expired");
  issue_options future;
  future.not_before = 1h;
  BOOST_TEST(why_refused(serving(middle.issue({"127.0.0.1"}, future)), trust()) ==
             "certificate is not yet valid");
}

BOOST_FIXTURE_TEST_CASE(certificates_for_another_host_are_refused, certificates) {
  BOOST_TEST(why_refused(serving(issued({"example.org"})), trust(), "localhost") ==
             "hostname mismatch");
  BOOST_TEST(why_refused(serving(issued({"127.0.0.2"})), trust()) == "IP address mismatch");
  // An address is no name, even if it looks like one.
  BOOST_TEST(why_refused(serving(issued({"localhost"})), trust()) == "IP address mismatch");
  // The subject's common name has not counted for long (RFC 9110 section 4.3.4).
  issue_options unnamed;
  unnamed.has_names = false;
  BOOST_TEST(why_refused(serving(middle.issue({"localhost"}, unnamed)), trust(), "localhost") ==
             "hostname mismatch");
  BOOST_TEST(why_refused(serving(middle.issue({"127.0.0.1"}, unnamed)), trust()) ==
             "IP address mismatch");
}

BOOST_FIXTURE_TEST_CASE(certificates_that_lead_to_no_trusted_root_are_refused, certificates) {
  issue_options alone;
  alone.is_self_signed = true;
  BOOST_TEST(why_refused(serving(root.issue({"127.0.0.1"}, alone)), trust()) ==
             "self-signed certificate");
  issue_options cut;
  cut.has_authority = false;
  BOOST_TEST(why_refused(serving(middle.issue({"127.0.0.1"}, cut)), trust()) ==
             "unable to get local issuer certificate");
  const authority stranger("other root");
  BOOST_TEST(why_refused(serving(stranger.issue({"127.0.0.1"})), trust()) ==
             "unable to get local issuer certificate");
  identity with_root = stranger.issue({"127.0.0.1"});
  with_root.chain_pem += stranger.root_pem();
  BOOST_TEST(why_refused(serving(with_root), trust()) ==
             "self-signed certificate in certificate chain");
  // One that has only the name of what is trusted has not signed with its key.
  const authority namesake;
  BOOST_TEST(!why_refused(serving(namesake.issue({"127.0.0.1"})), trust()).empty());
  issue_options forged; // Nothing but the signature tells that the root has not issued it.
  forged.names_key = false;
  forged.has_authority = false;
  BOOST_TEST(why_refused(serving(namesake.issue({"127.0.0.1"}, forged)), trust()) ==
             "certificate signature failure");
  // Nor is a server's certificate an authority's, or a client's a server's.
  issue_options client_only;
  client_only.is_for = purpose::client;
  BOOST_TEST(why_refused(serving(middle.issue({"127.0.0.1"}, client_only)), trust()) ==
             "unsuitable certificate purpose");
}

BOOST_FIXTURE_TEST_CASE(revoked_certificates_are_refused, certificates) {
  const identity bad = issued({"127.0.0.1"});
  const identity fine = issued({"127.0.0.1"});
  tls_options options = trust();
  options.crl_pem = root.crl_pem() + middle.crl_pem({bad});
  BOOST_TEST(why_refused(serving(bad), options) == "certificate revoked");
  BOOST_TEST(is_accepted(serving(fine), options));
  options.crl_pem = root.crl_pem(); // None of the authority that has issued it,
  BOOST_TEST(why_refused(serving(fine), options) == "unable to get certificate CRL");
  options.crl_pem = middle.crl_pem(); // or of the one above,
  BOOST_TEST(why_refused(serving(fine), options) == "unable to get certificate CRL");
  options.crl_pem = root.crl_pem() + middle.crl_pem({}, -1h); // or an outdated one.
  BOOST_TEST(why_refused(serving(fine), options) == "CRL has expired");
  const temporary_file lists(root.crl_pem() + middle.crl_pem({bad}));
  options.crl_pem.clear();
  options.crl_file = lists.path();
  BOOST_TEST(why_refused(serving(bad), options) == "certificate revoked");
}

BOOST_FIXTURE_TEST_CASE(servers_are_known_by_address_name_or_wildcard, certificates) {
  BOOST_TEST(is_accepted(serving(issued({"127.0.0.1"})), trust()));
  BOOST_TEST(is_accepted(serving(issued({"localhost"})), trust(), "localhost"));
  tls_options other = trust();
  other.server_name = "a.example.org";
  BOOST_TEST(is_accepted(serving(issued({"a.example.org"})), other));
  BOOST_TEST(is_accepted(serving(issued({"*.example.org"})), other));
  BOOST_TEST(is_accepted(serving(issued({"A.Example.ORG"})), other));
  BOOST_TEST(why_refused(serving(issued({"127.0.0.1"})), other) == "hostname mismatch");
  for (const char* pattern : {"*.org", "example.org", "a*.example.org", "*.a.example.org", "*"})
    BOOST_TEST(why_refused(serving(issued({pattern})), other) == "hostname mismatch");
  other.server_name = "::1"; // one may be known by another address than the one it is dialed at
  BOOST_TEST(is_accepted(serving(issued({"::1"})), other));
}

BOOST_FIXTURE_TEST_CASE(the_server_is_told_the_name_but_no_address, certificates) {
  const server_options server = serving(issued({"localhost", "127.0.0.1", "a.test"}));
  for (const auto& [host, name, told] :
       {std::tuple<const char*, const char*, const char*>{"localhost", "", "localhost"},
        {"127.0.0.1", "", ""},
        {"127.0.0.1", "a.test", "a.test"}}) {
    tls_options options = trust();
    options.server_name = name;
    tls_peer peer(context, server, {serves()});
    client sender(context, https_to(peer, host), over(options));
    BOOST_TEST(send(sender, get()).error == error_code());
    BOOST_TEST(peer.server_names.at(0) == told);
    BOOST_TEST(peer.heard.at(0).find(std::string("Host: ") + host) != std::string::npos);
  }
}

BOOST_FIXTURE_TEST_CASE(pinned_keys_come_on_top_of_trust, certificates) {
  const identity who = issued({"127.0.0.1"});
  const std::string of_another = pin_of(issued({"127.0.0.1"}).chain_pem);
  tls_options options = trust();
  for (const std::string& pin :
       {pin_of(who.chain_pem), "sha256/" + pin_of(who.chain_pem), pin_of(root.root_pem())}) {
    options.pinned_keys = {of_another, pin};
    BOOST_TEST(is_accepted(serving(who), options));
  }
  options.pinned_keys = {of_another};
  BOOST_TEST(why_refused(serving(who), options) == "no certificate has a pinned key");
  // A pin makes up for nothing,
  const identity elsewhere = issued({"example.org"});
  options.pinned_keys = {pin_of(elsewhere.chain_pem)};
  BOOST_TEST(why_refused(serving(elsewhere), options) == "IP address mismatch");
  // and without trust it must be the server's own: anybody can send the others along.
  options.verify_peer = false;
  BOOST_TEST(is_accepted(serving(elsewhere), options));
  options.pinned_keys = {pin_of(root.root_pem())};
  identity borrowed = authority("other root").issue({"127.0.0.1"});
  borrowed.chain_pem += root.root_pem();
  BOOST_TEST(why_refused(serving(borrowed), options) == "no certificate has a pinned key");
}

BOOST_FIXTURE_TEST_CASE(without_verification_anybody_is_the_server, certificates) {
  tls_options options;
  options.verify_peer = false;
  issue_options bad;
  bad.is_self_signed = true;
  bad.not_after = -1s;
  BOOST_TEST(is_accepted(serving(root.issue({"example.org"}, bad)), options));
}

BOOST_FIXTURE_TEST_CASE(the_systems_store_is_the_one_that_the_environment_names, certificates) {
  const server_options server = serving(issued({"127.0.0.1"}));
  BOOST_TEST(why_refused(server, {}) == "unable to get local issuer certificate");
  const temporary_file roots(root.root_pem());
  ::setenv("SSL_CERT_FILE", roots.path(), 1);
  BOOST_TEST(is_accepted(server, {}));
  ::unsetenv("SSL_CERT_FILE");
  tls_options by_file;
  by_file.trust_system = false;
  by_file.ca_file = roots.path();
  BOOST_TEST(is_accepted(server, by_file));
}

BOOST_FIXTURE_TEST_CASE(clients_prove_who_they_are_if_they_are_asked, certificates) {
  issue_options as_client;
  as_client.is_for = purpose::client;
  as_client.key_password = "secret";
  const authority of_clients("clients");
  const identity alice = of_clients.intermediate().issue({"alice"}, as_client);
  const identity mallory = authority("others").issue({"mallory"}, as_client);
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    server_options server = good();
    server.max_version = version;
    server.client_ca_pem = of_clients.root_pem();
    const auto try_with = [&](const identity* who) {
      tls_options options = trust();
      if (who)
        options.certificate = {{}, {}, who->chain_pem, who->key_pem, "secret"};
      tls_peer peer(context, server, {serves()});
      client sender(context, https_to(peer), over(options));
      const error_code ec = send(sender, get()).error;
      const bool is_known = !peer.client_names.empty() && peer.client_names[0] == "alice";
      BOOST_TEST((!ec == is_known));
      BOOST_TEST((peer.application_bytes != 0) == is_known);
      check_nothing_is_left(*this, sender, peer);
      return ec;
    };
    BOOST_TEST(try_with(&alice) == error_code());
    BOOST_TEST(try_with(nullptr) == error::certificate_error);
    BOOST_TEST(try_with(&mallory) == error::certificate_error);
  }
}

BOOST_FIXTURE_TEST_CASE(one_who_is_not_asked_keeps_the_certificate_back, certificates) {
  const identity alice = root.issue({"alice"});
  tls_options options = trust();
  options.certificate = {{}, {}, alice.chain_pem, alice.key_pem, {}};
  tls_peer peer(context, good(), {serves()});
  client sender(context, https_to(peer), over(options));
  BOOST_TEST(send(sender, get()).error == error_code());
  BOOST_TEST(peer.client_names.at(0).empty());
}
