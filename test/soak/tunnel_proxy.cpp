#include "soak/tunnel_proxy.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <memory>
#include <string>
#include <utility>

namespace httpool_test::soak {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
constexpr auto token = asio::as_tuple(asio::use_awaitable);

struct tunnel {
  explicit tunnel(tcp::socket accepted) : near(std::move(accepted)), far(near.get_executor()) {}

  tcp::socket near, far;
};

asio::awaitable<void> relay(std::shared_ptr<tunnel> owner, tcp::socket& from, tcp::socket& to) {
  std::string buffer(16'384, '\0');
  for (bool is_open = true; is_open;) {
    const auto [ended, size] = co_await from.async_read_some(asio::buffer(buffer), token);
    const auto [failed, written] =
        co_await asio::async_write(to, asio::buffer(buffer, size), token);
    is_open = !ended && !failed;
  }
  boost::system::error_code ignored;
  owner->near.close(ignored);
  owner->far.close(ignored);
}

asio::awaitable<void> open(tcp::socket client, std::uint16_t port) {
  const auto made = std::make_shared<tunnel>(std::move(client));
  std::string head;
  const auto [unread, size] =
      co_await asio::async_read_until(made->near, asio::dynamic_buffer(head), "\r\n\r\n", token);
  if (unread)
    co_return;
  const tcp::endpoint origin(asio::ip::address_v4::loopback(), port);
  const auto [refused] = co_await made->far.async_connect(origin, token);
  std::string answer = "HTTP/1.1 200 OK\r\n\r\n";
  if (refused)
    answer = "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n";
  const auto [failed, written] =
      co_await asio::async_write(made->near, asio::buffer(answer), token);
  if (refused || failed)
    co_return;
  const auto executor = made->near.get_executor();
  asio::co_spawn(executor, relay(made, made->near, made->far), asio::detached);
  asio::co_spawn(executor, relay(made, made->far, made->near), asio::detached);
}

} // namespace

tunnel_proxy::tunnel_proxy(asio::io_context& context, std::uint16_t origin_port)
    : acceptor_(context, {asio::ip::address_v4::loopback(), 0}), origin_port_(origin_port) {
  asio::co_spawn(context, accept_all(), asio::detached);
}

void tunnel_proxy::stop() {
  asio::post(acceptor_.get_executor(), [this] {
    boost::system::error_code ignored;
    acceptor_.close(ignored);
  });
}

asio::awaitable<void> tunnel_proxy::accept_all() {
  for (;;) {
    auto [ec, client] = co_await acceptor_.async_accept(token);
    if (!acceptor_.is_open())
      co_return;
    if (!ec)
      asio::co_spawn(acceptor_.get_executor(), open(std::move(client), origin_port_),
                     asio::detached);
  }
}

} // namespace httpool_test::soak
