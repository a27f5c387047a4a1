// A server of its own for the page of an inspector, beside what a program does.
#pragma once

#include <httpool/inspector.hpp>
#include <httpool/server_threads.hpp>

#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <cstdint>
#include <string>

class page_server {
public:
  page_server(const boost::asio::ip::address& host, std::uint16_t port)
      : server_(1, {host, port}, inspector_.handler(), limits()) {}

  page_server(const page_server&) = delete;
  page_server& operator=(const page_server&) = delete;

  // Readers of events would keep the server from stopping.
  ~page_server() { inspector_.close(); }

  httpool::inspector& inspector() noexcept { return inspector_; }

  std::string url() const {
    const auto at = server_.local_endpoint();
    const std::string host = at.address().to_string();
    return "http://" + (at.address().is_v6() ? '[' + host + ']' : host) + ':' +
           std::to_string(at.port()) + "/pool";
  }

private:
  static httpool::server_options limits() {
    httpool::server_options chosen;
    chosen.max_connections = 64;
    return chosen;
  }

  httpool::inspector inspector_;
  httpool::server_threads server_;
};
