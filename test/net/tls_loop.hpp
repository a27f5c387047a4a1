// What the tests of TLS share: a loop, an authority that is trusted, and an HTTPS peer.
#pragma once

#include "net/stream_fixture.hpp"
#include "tls_fixture/tls_peer.hpp"

#include <httpool/tls_client.hpp>

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace client_test {

using httpool::tls_client;
using httpool::tls_client_stats;
using httpool::tls_options;
using httpool_test::tls::authority;
using httpool_test::tls::identity;
using httpool_test::tls::server_options;
using httpool_test::tls::serves;
using httpool_test::tls::tls_peer;
using tls_script = httpool_test::tls::script;

inline server_options serving(identity who) {
  server_options options;
  options.who = std::move(who);
  return options;
}

inline httpool::origin https_to(const tls_peer& peer, const char* host = "127.0.0.1") {
  return {httpool::scheme::https, host, peer.port};
}

/// The steps of `what`, so many times.
inline tls_script repeated(unsigned times, const tls_script& what) {
  tls_script all;
  for (unsigned i = 0; i != times; ++i)
    all.steps.insert(all.steps.end(), what.steps.begin(), what.steps.end());
  return all;
}

/// First what `first` does, then what `then` does.
inline tls_script in_a_row(tls_script first, const tls_script& then) {
  first.steps.insert(first.steps.end(), then.steps.begin(), then.steps.end());
  return first;
}

struct tls_loop : stream_loop {
  authority root;

  /// How a server presents itself that nothing is wrong with.
  server_options good() const { return serving(root.issue({"127.0.0.1", "localhost", "::1"})); }

  /// The root is trusted, and no other.
  tls_options trust() const {
    tls_options options;
    options.trust_system = false;
    options.ca_pem = root.root_pem();
    return options;
  }

  client_options trusting() const { return over(trust()); }

  static client_options over(tls_options options) {
    client_options all;
    all.pool.tls = tls_client::create(std::move(options));
    all.pool.dial_backoff = 0ns;
    return all;
  }
};

} // namespace client_test
