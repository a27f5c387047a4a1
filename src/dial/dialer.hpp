// Making one connection: resolve, connect, prepare, open a tunnel, and agree on keys.
#pragma once

#include "dial/connect_to_any.hpp"
#include "dial/endpoint_memory.hpp"
#include "dial/resolve.hpp"

#include <httpool/detail/waiter.hpp>
#include <httpool/pool_options.hpp>
#include <httpool/stream.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace httpool::detail {

/// \throws std::invalid_argument if a proxy lacks what it is to be spoken to with.
void check(const proxy& by);

class dialer {
public:
  struct host_and_port {
    std::string host;
    std::uint16_t port;
    name_resolver resolver = resolve;
  };
  struct unix_path {
    std::string path;
  };
  using target = std::variant<host_and_port, boost::asio::ip::tcp::endpoint, unix_path>;

  /// \throws std::invalid_argument if a host is neither a name nor an address, if a path cannot be
  /// that of a Unix-domain socket, or if the proxy cannot be used.
  dialer(target to, const pool_options& options);

  /// Connects the socket of `made`, which is closed, as `connect_to_any` or `connect_to_path` does,
  /// prepares it, opens the tunnel and encrypts the stream, if that is wanted, and says where it
  /// leads, be it to the proxy; to no endpoint if it is a Unix-domain socket. Endpoints of a name
  /// that failed lately are tried last. Whoever
  /// calls keeps the deadline itself, by cancelling. May be called from several threads.
  ///
  /// \throws boost::system::system_error why not; the socket may then still be open.
  boost::asio::awaitable<boost::asio::ip::tcp::endpoint> dial(stream& made, time_point deadline);

  /// Whom callers talk to: a host, or the path of a Unix-domain socket with port 0.
  host_and_port peer() const;

  /// Takes in that a connection to `endpoint` did not serve, so that dials prefer others for a
  /// while. May be called from any thread.
  void failed(const boost::asio::ip::tcp::endpoint& endpoint, time_point now) noexcept;

private:
  boost::asio::awaitable<reached> connect(boost::asio::ip::tcp::socket& socket,
                                          time_point deadline);
  boost::asio::awaitable<void> establish(stream& made, bool& is_in_tunnel);

  const std::optional<proxy> proxy_;
  const host_and_port peer_; ///< Whom callers talk to, in the form in which peers are told of it;
                             ///< nobody that has a name, if it is a path.
  const target target_;      ///< What is connected to.
  const decltype(pool_options::prepare) prepare_;
  const std::shared_ptr<tls_client> tls_;
  endpoint_memory memory_;
};

} // namespace httpool::detail
