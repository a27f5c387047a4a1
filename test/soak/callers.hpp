// Callers that do at random all that a caller may do.
#pragma once

#include <httpool/client.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>

#include <atomic>
#include <cstdint>
#include <future>

namespace httpool_test::soak {

/// What came of all calls; any thread counts.
struct tally {
  std::atomic<std::uint64_t> begun = 0;
  std::atomic<std::uint64_t> answered = 0; ///< Whole, and right.
  std::atomic<std::uint64_t> failed = 0;   ///< Faults are on, and some are cancelled.
  std::atomic<std::uint64_t> dropped = 0;  ///< Streams that were not read to their end.
  std::atomic<std::uint64_t> wrong = 0;    ///< Answered with anything but their own answer.
  std::atomic<std::uint64_t> late = 0;     ///< Ended long after their deadline.
  std::atomic<int> callers = 0;            ///< That have not ended.
  std::atomic<bool> is_over = false;       ///< No new calls.
  std::promise<void> all_ended;            ///< The callers.

  std::uint64_t ended() const { return answered + failed + dropped; }
};

/// Starts so many callers, each on a strand of the context, which does not run yet.
/// \param peer_is_good whether the peer serves all that `restarting_server` does, not echoes alone.
void start_callers(boost::asio::io_context& context, httpool::client& sender, int count,
                   bool peer_is_good, tally& sum);

} // namespace httpool_test::soak
