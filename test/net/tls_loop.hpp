// What the tests of TLS share: a loop, an authority that is trusted, and an HTTPS peer.
#pragma once

#include "net/stream_fixture.hpp"
#include "tls_fixture/tls_peer.hpp"

#include <httpool/tls_client.hpp>

#include <memory>
#include <string>
#include <string_view>
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

/// How a read or a write over a stream has ended, if it has.
struct transfer {
  bool is_done = false;
  error_code error = {};
  std::size_t size = 0;
};
using transfer_pointer = std::shared_ptr<transfer>;

inline auto into(transfer_pointer result) {
  return [result = std::move(result)](error_code ec, std::size_t size) {
    *result = {true, ec, size};
  };
}

inline transfer_pointer start_read(httpool::lease& from, asio::mutable_buffer to) {
  const auto result = std::make_shared<transfer>();
  from.stream().async_read_some(to, into(result));
  return result;
}

inline transfer_pointer start_write(httpool::lease& to, std::string_view what) {
  const auto result = std::make_shared<transfer>();
  to.stream().async_write_some(asio::buffer(what), into(result));
  return result;
}

struct tls_loop : stream_loop {
  authority root;

  httpool::lease lease_of(client& from) {
    httpool::lease got;
    from.pool().async_acquire([&](error_code ec, httpool::lease lease) {
      BOOST_TEST(!ec);
      got = std::move(lease);
    });
    BOOST_TEST_REQUIRE(until([&] { return bool(got); }));
    return got;
  }

  transfer end_of_transfer(const transfer_pointer& which) {
    BOOST_TEST_REQUIRE(until([&] { return which->is_done; }));
    return *which;
  }

  error_code write(httpool::lease& to, std::string_view what) {
    return end_of_transfer(start_write(to, what)).error;
  }

  std::string read(httpool::lease& from, std::size_t most) {
    std::string got(most, '?');
    const transfer ended = end_of_transfer(start_read(from, asio::buffer(got)));
    BOOST_TEST(ended.error == error_code());
    got.resize(ended.size);
    return got;
  }

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
