// Callers that do at random all that a caller may do.
#pragma once

#include <httpool/client.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <future>
#include <numeric>

namespace httpool_test::soak {

/// Whom a client calls.
struct peer {
  const char* name;
  bool is_good; ///< Serves all that `restarting_server` does, not echoes alone.
};

/// The peer of each client, by the client's number.
inline constexpr std::array<peer, 4> peers_of_clients = {{{"the plain server", true},
                                                          {"the peer that misbehaves", false},
                                                          {"the server behind a tunnel", true},
                                                          {"the TLS server", true}}};

/// Numbers of each client.
using numbers = std::array<std::uint64_t, peers_of_clients.size()>;

/// What came of all calls; any thread counts.
struct tally {
  std::atomic<std::uint64_t> begun = 0;
  std::array<std::atomic<std::uint64_t>, peers_of_clients.size()> answered =
      {};                                      ///< Well, by client.
  std::atomic<std::uint64_t> failed = 0;       ///< Faults are on, and some are cancelled.
  std::atomic<std::uint64_t> dropped = 0;      ///< Streams that were not read to their end.
  std::atomic<std::uint64_t> wrong = 0;        ///< Answered with anything but their own answer.
  std::atomic<std::uint64_t> late = 0;         ///< Ended long after their deadline.
  std::atomic<std::uint64_t> again = 0;        ///< Times that a call ended that had ended.
  std::atomic<std::uint64_t> uncalled_for = 0; ///< Failed in a way that no fault here explains.
  std::atomic<int> callers = 0;                ///< That have not ended.
  std::atomic<bool> is_over = false;           ///< No new calls.
  std::promise<void> all_ended;                ///< The callers.

  numbers answered_by_client() const {
    return {answered[0], answered[1], answered[2], answered[3]};
  }
  std::uint64_t all_answered() const {
    const numbers each = answered_by_client();
    return std::accumulate(each.begin(), each.end(), std::uint64_t{0});
  }
  std::uint64_t ended() const { return all_answered() + failed + dropped; }
};

/// Starts so many callers of a client, which is that of this number, each on a strand of the
/// context, which does not run yet.
void start_callers(boost::asio::io_context& context, httpool::client& sender, std::size_t number,
                   int count, tally& sum);

} // namespace httpool_test::soak
