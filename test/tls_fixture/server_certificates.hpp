// What `httpool::tls_server` is given of the certificates that tests make.
#pragma once

#include "tls_fixture/certificates.hpp"

#include <httpool/tls_server.hpp>

#include <vector>

namespace httpool_test::tls {

inline httpool::tls_certificate certificate_of(const identity& who) {
  httpool::tls_certificate certificate;
  certificate.chain_pem = who.chain_pem;
  certificate.key_pem = who.key_pem;
  return certificate;
}

inline httpool::tls_server_options options_of(const std::vector<identity>& identities) {
  httpool::tls_server_options options;
  for (const identity& each : identities)
    options.certificates.push_back(certificate_of(each));
  return options;
}

} // namespace httpool_test::tls
