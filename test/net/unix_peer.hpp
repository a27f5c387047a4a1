// A server at a Unix-domain socket that hears one request.
#pragma once

#include "net/scripted_peer.hpp"

#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read_until.hpp>

#include <string>

#include <unistd.h>

namespace client_test {

/// Answers the first request of its first connection with "unix".
class unix_peer {
public:
  explicit unix_peer(asio::io_context& context)
      : path_(std::string("/tmp/httpool-unix-peer-").append(std::to_string(::getpid()))),
        acceptor_(context),
        served_(context) {
    ::unlink(path_.c_str());
    acceptor_.open();
    acceptor_.bind(path_);
    acceptor_.listen();
    acceptor_.async_accept(served_, [this](error_code) {
      asio::async_read_until(
          served_, asio::dynamic_buffer(heard), "\r\n\r\n",
          [this](error_code, std::size_t) { asio::write(served_, asio::buffer(ok("unix"))); });
    });
  }
  unix_peer(const unix_peer&) = delete;
  unix_peer& operator=(const unix_peer&) = delete;
  ~unix_peer() { ::unlink(path_.c_str()); }

  std::string url(const std::string& target) const {
    std::string host = path_;
    for (std::size_t at = 0; (at = host.find('/', at)) != std::string::npos;)
      host.replace(at, 1, "%2F");
    return "http+unix://" + host + target;
  }

private:
  using protocol = asio::local::stream_protocol;

  const std::string path_;
  protocol::acceptor acceptor_;
  protocol::socket served_;

public:
  std::string heard;
};

} // namespace client_test
