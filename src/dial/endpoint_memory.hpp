// Which endpoints of a name served lately, and which did not.
#pragma once

#include <httpool/detail/waiter.hpp>

#include <boost/asio/ip/tcp.hpp>

#include <cstddef>
#include <mutex>
#include <optional>
#include <vector>

namespace httpool::detail {

/// What the dials of one pool have learnt of the endpoints of its name, so that a dead one does not
/// cost each of them its attempt. It knows no clock: times are passed in. It fades, for an endpoint
/// that recovers must have traffic again.
///
/// All members may be called from any thread at any time.
class endpoint_memory {
public:
  /// How long a failure counts: long enough that a black hole costs a busy pool next to nothing,
  /// short enough that a server that has started again is not left out for longer than an idle
  /// connection to it would have lived.
  static constexpr duration fades_after = std::chrono::seconds(30);

  /// Failures that are kept; names with more endpoints that fail at a time are rare, and an old
  /// failure that is dropped costs one attempt.
  static constexpr std::size_t most_failures = 16;

  endpoint_memory();

  /// An endpoint refused, was silent, or did not serve.
  void failed(const boost::asio::ip::tcp::endpoint& endpoint, time_point now) noexcept;

  /// A connection to an endpoint is good, and was asked for at `tried_at`. That makes up for
  /// failures before then, not for later ones.
  void worked(const boost::asio::ip::tcp::endpoint& endpoint, time_point tried_at) noexcept;

  /// The order in which to try `endpoints`, which is theirs as long as none has failed lately.
  /// Otherwise the one that worked last comes first, unless it began to do so too long ago, and
  /// those that failed come last. Endpoints that are not among them are forgotten.
  std::vector<boost::asio::ip::tcp::endpoint>
  order(std::vector<boost::asio::ip::tcp::endpoint> endpoints, time_point now);

private:
  struct event {
    boost::asio::ip::tcp::endpoint endpoint;
    time_point at;
  };

  std::vector<event>::iterator find(const boost::asio::ip::tcp::endpoint& endpoint) noexcept;

  std::mutex mutex_; ///< Guards all that follows.
  std::vector<event> failures_;
  std::optional<event> success_; ///< Since when the last one that worked does.
};

} // namespace httpool::detail
