#include "soak/bad_peer.hpp"

#include "soak/messages.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <string>
#include <utility>

namespace httpool_test::soak {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
constexpr auto token = asio::as_tuple(asio::use_awaitable);

std::string whole_answer(std::uint64_t call) {
  const std::string body = small_answer(call);
  std::string text = "HTTP/1.1 200 OK\r\nContent-Length: ";
  text += std::to_string(body.size());
  text += "\r\n\r\n";
  text += body;
  return text;
}

/// Waits until the other side ends the connection.
asio::awaitable<void> await_end(tcp::socket& from) {
  std::string ignored(4'096, '\0');
  for (;;) {
    const auto [ec, size] = co_await from.async_read_some(asio::buffer(ignored), token);
    if (ec)
      co_return;
  }
}

void reset(tcp::socket& what) {
  boost::system::error_code ignored;
  what.set_option(asio::socket_base::linger(true, 0), ignored);
  what.close(ignored);
}

} // namespace

bad_peer::bad_peer(asio::io_context& context, std::uint64_t seed)
    : acceptor_(context, {asio::ip::address_v4::loopback(), 0}), dice_(seed) {
  asio::co_spawn(context, accept_all(), asio::detached);
}

void bad_peer::stop() {
  asio::post(acceptor_.get_executor(), [this] {
    boost::system::error_code ignored;
    acceptor_.close(ignored);
  });
}

asio::awaitable<void> bad_peer::accept_all() {
  for (;;) {
    auto [ec, client] = co_await acceptor_.async_accept(token);
    if (!acceptor_.is_open())
      co_return;
    if (!ec)
      asio::co_spawn(acceptor_.get_executor(), serve(std::move(client)), asio::detached);
  }
}

asio::awaitable<void> bad_peer::serve(tcp::socket client) {
  enum {
    as_it_should,
    half_and_end,
    half_and_reset,
    half_and_silence,
    nonsense,
    too_much,
    nothing
  };
  std::string received;
  for (;;) {
    const auto [ec, head] =
        co_await asio::async_read_until(client, asio::dynamic_buffer(received), "\r\n\r\n", token);
    if (ec)
      co_return;
    const std::string target = received.substr(0, received.find(" HTTP/"));
    const std::uint64_t call = std::stoull(target.substr(target.rfind('/') + 1));
    received.erase(0, head);
    const std::uint64_t dice = mixed(++dice_);
    const auto how = dice % 14 < 7 ? as_it_should : static_cast<int>(dice % 14 - 7);
    std::string text = whole_answer(call);
    if (how == half_and_end || how == half_and_reset || how == half_and_silence)
      text.resize(text.size() / 2);
    else if (how == nonsense)
      text = "220 at your service\r\n";
    else if (how == too_much)
      text += "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nstolen";
    else if (how == nothing)
      text.clear();
    const auto [failed, written] = co_await asio::async_write(client, asio::buffer(text), token);
    if (how == half_and_reset)
      reset(client);
    if (how == half_and_silence || how == nothing)
      co_await await_end(client);
    if (failed || (how != as_it_should && how != nonsense && how != too_much))
      co_return;
  }
}

} // namespace httpool_test::soak
