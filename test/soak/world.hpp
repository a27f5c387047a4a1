// All that goes on at once.
#pragma once

#include "prove/numbered_text.hpp"
#include "soak/bad_peer.hpp"
#include "soak/callers.hpp"
#include "soak/samples.hpp"
#include "soak/servers.hpp"
#include "soak/tunnel_proxy.hpp"
#include "tls_fixture/certificates.hpp"

#include <httpool/client.hpp>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace httpool_test::soak {

/// Servers, a proxy, a peer that misbehaves, four clients and their callers, on threads of their
/// own: the clients share two.
class world {
public:
  using clock = std::chrono::steady_clock;

  static constexpr std::size_t max_connections = 16; ///< Of each client, at most.
  static constexpr std::size_t clients = 4;

  world(std::uint64_t seed, const tls::authority& root);

  /// Restarts a server, or changes the limits of a pool, if it is time to.
  void disturb(clock::time_point now);

  sample look(clock::time_point began) const;

  /// Lets all calls end and closes everything. What was wrong.
  std::vector<std::string> close();

  const tally& sum() const { return sum_; }
  std::uint64_t restarts() const { return restarts_; }

private:
  /// A server, and when it goes or comes back.
  struct life {
    restarting_server server;
    clock::time_point next;
  };

  void begin_or_end(life& of, clock::time_point now);
  void change_limits();
  std::uint64_t roll() { return mixed(++dice_); }
  void check_figures(std::vector<std::string>& problems);

  std::uint64_t dice_;
  boost::asio::io_context peers_{1};
  boost::asio::io_context callers_;
  std::array<life, 2> lives_;
  tunnel_proxy proxy_;
  bad_peer bad_;
  tally sum_;
  std::vector<std::unique_ptr<httpool::client>> clients_;
  clock::time_point next_limits_ = {};
  std::uint64_t restarts_ = 0;
  std::vector<std::thread> threads_;
};

} // namespace httpool_test::soak
