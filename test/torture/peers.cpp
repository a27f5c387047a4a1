#include "torture/peers.hpp"

#include "tls_fixture/certificates.hpp"
#include "tls_fixture/server_certificates.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

namespace torture {
namespace {

using line = std::shared_ptr<tcp::socket>;

asio::awaitable<void> relay(line from, line to) {
  std::array<char, 4096> room;
  try {
    for (;;) {
      const std::size_t size =
          co_await from->async_read_some(asio::buffer(room), asio::use_awaitable);
      co_await asio::async_write(*to, asio::buffer(room.data(), size), asio::use_awaitable);
    }
  } catch (const boost::system::system_error&) {
  }
  error_code ignored;
  to->shutdown(tcp::socket::shutdown_both, ignored);
}

struct identities {
  httpool_test::tls::authority root;
  httpool_test::tls::identity localhost = root.issue({"localhost", "127.0.0.1"});
};

const identities& known() {
  static const identities made;
  return made;
}

} // namespace

tunnel_proxy::tunnel_proxy(bench& in, std::uint16_t origin_port)
    : acceptor_(in.peers(), any_port), origin_port_(origin_port) {
  asio::co_spawn(in.peers(), accept(), asio::detached);
}

asio::awaitable<void> tunnel_proxy::accept() {
  for (;;) {
    tcp::socket client = co_await acceptor_.async_accept(asio::use_awaitable);
    asio::co_spawn(acceptor_.get_executor(), serve(std::move(client)), asio::detached);
  }
}

asio::awaitable<void> tunnel_proxy::serve(tcp::socket accepted) {
  const auto client = std::make_shared<tcp::socket>(std::move(accepted));
  const auto origin = std::make_shared<tcp::socket>(client->get_executor());
  std::string head;
  co_await asio::async_read_until(*client, asio::dynamic_buffer(head), "\r\n\r\n",
                                  asio::use_awaitable);
  const tcp::endpoint at(asio::ip::address_v4::loopback(), origin_port_);
  co_await origin->async_connect(at, asio::use_awaitable);
  const std::string established = "HTTP/1.1 200 Connection established\r\n\r\n";
  co_await asio::async_write(*client, asio::buffer(established), asio::use_awaitable);
  asio::co_spawn(client->get_executor(), relay(origin, client), asio::detached);
  co_await relay(client, origin);
}

const std::shared_ptr<httpool::tls_server>& server_tls() {
  static const auto made =
      httpool::tls_server::create(httpool_test::tls::options_of({known().localhost}));
  return made;
}

httpool::tls_options client_tls_options() {
  httpool::tls_options options;
  options.trust_system = false;
  options.ca_pem = known().root.root_pem();
  return options;
}

plain_client::plain_client(bench& in, const tcp::endpoint& to) : socket_(in.peers()) {
  socket_.connect(to);
  hear();
}

void plain_client::say(std::string text) {
  said_ = std::move(text);
  asio::async_write(socket_, asio::buffer(said_), [](error_code, std::size_t) {});
}

void plain_client::hear() {
  socket_.async_read_some(asio::buffer(room_), [this](error_code ec, std::size_t size) {
    heard_.append(room_.data(), size);
    has_ended_ = static_cast<bool>(ec);
    if (!ec)
      hear();
  });
}

} // namespace torture
