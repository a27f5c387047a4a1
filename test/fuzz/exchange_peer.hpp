// The peer of the client's exchanges: a Unix-domain socket, looked after by hand.
#pragma once

#include "fuzz/socket_pair.hpp"

#include <httpool/origin.hpp>

#include <boost/asio/io_context.hpp>

#include <string>
#include <string_view>

namespace httpool_fuzz {

/// Accepts connections and says on the latest of them what it is told to. Nothing here waits.
class exchange_peer {
public:
  exchange_peer();
  exchange_peer(const exchange_peer&) = delete;
  exchange_peer& operator=(const exchange_peer&) = delete;
  ~exchange_peer();

  /// The client's.
  boost::asio::io_context& context() noexcept { return context_; }
  httpool::origin origin() const { return httpool::origin::unix_socket(path_); }

  /// Takes the connection that the client has made, and the request on it. The one before is left.
  void accept();

  /// Whether another request has come in on the connection.
  bool hears_another();

  bool send(std::string_view text) noexcept { return connection_.send(text); }
  void finish() noexcept { connection_.finish(); }
  void leave() noexcept { connection_ = far_end(); }

private:
  boost::asio::io_context context_;
  std::string path_;
  int listener_ = -1;
  far_end connection_;
};

} // namespace httpool_fuzz
