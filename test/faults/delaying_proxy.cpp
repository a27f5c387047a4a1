#include "faults/delaying_proxy.hpp"

#include "faults/child_process.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <algorithm>
#include <chrono>
#include <deque>
#include <memory>
#include <string>
#include <utility>

namespace httpool_test::faults {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using clock = std::chrono::steady_clock;
using namespace std::chrono_literals;
constexpr auto token = asio::as_tuple(asio::use_awaitable);

/// One direction of a connection.
struct lane {
  explicit lane(const asio::any_io_executor& executor) : changed(executor) {}

  struct piece {
    clock::time_point due;
    std::string bytes; ///< None at the end.
  };

  std::deque<piece> pieces;
  asio::steady_timer changed;
};

struct tunnel {
  explicit tunnel(tcp::socket accepted)
      : near(std::move(accepted)),
        far(near.get_executor()),
        out(near.get_executor()),
        back(near.get_executor()) {}

  tcp::socket near, far;
  lane out, back;
};
using tunnel_pointer = std::shared_ptr<tunnel>;

asio::awaitable<void> read_all(tunnel_pointer, tcp::socket& from, lane& to,
                               const clock::duration& delay) {
  std::string buffer(16'384, '\0');
  for (bool is_open = true; is_open;) {
    const auto [ec, size] = co_await from.async_read_some(asio::buffer(buffer), token);
    is_open = !ec;
    clock::time_point due = clock::now() + delay;
    if (!to.pieces.empty())
      due = std::max(due, to.pieces.back().due); // In order, though the delay has changed.
    to.pieces.push_back({due, buffer.substr(0, size)});
    to.changed.cancel();
  }
}

asio::awaitable<void> write_all(tunnel_pointer owner, lane& from, tcp::socket& to) {
  for (bool is_open = true; is_open;) {
    while (from.pieces.empty() || from.pieces.front().due > clock::now()) {
      from.changed.expires_at(from.pieces.empty() ? clock::time_point::max()
                                                  : from.pieces.front().due);
      co_await from.changed.async_wait(token);
    }
    const std::string bytes = std::move(from.pieces.front().bytes);
    from.pieces.pop_front();
    const auto [ec, size] = co_await asio::async_write(to, asio::buffer(bytes), token);
    is_open = !ec && !bytes.empty();
  }
  // Either end costs both: no peer here keeps half a connection.
  boost::system::error_code ignored;
  owner->near.close(ignored);
  owner->far.close(ignored);
}

asio::awaitable<void> forward(tunnel_pointer made, std::uint16_t port,
                              const clock::duration& delay) {
  const tcp::endpoint server(asio::ip::address_v4::loopback(), port);
  const auto [ec] = co_await made->far.async_connect(server, token);
  if (ec)
    co_return;
  const auto executor = made->near.get_executor();
  asio::co_spawn(executor, read_all(made, made->near, made->out, delay), asio::detached);
  asio::co_spawn(executor, read_all(made, made->far, made->back, delay), asio::detached);
  asio::co_spawn(executor, write_all(made, made->out, made->far), asio::detached);
  asio::co_spawn(executor, write_all(made, made->back, made->near), asio::detached);
}

asio::awaitable<void> accept_all(tcp::acceptor& acceptor, const shared_state& shared,
                                 const clock::duration& delay) {
  for (;;) {
    auto [ec, accepted] = co_await acceptor.async_accept(token);
    if (ec)
      continue;
    const auto made = std::make_shared<tunnel>(std::move(accepted));
    asio::co_spawn(acceptor.get_executor(), forward(made, shared.port, delay), asio::detached);
  }
}

} // namespace

void forward_late(int control, shared_state& shared) {
  asio::io_context context(1);
  tcp::acceptor acceptor(context, {asio::ip::address_v4::loopback(), 0});
  shared.proxy_port = acceptor.local_endpoint().port();
  clock::duration delay = 0s;
  asio::co_spawn(context, accept_all(acceptor, shared, delay), asio::detached);
  obey(context, control, [&delay](char command) -> asio::awaitable<void> {
    delay = command == 's' ? 100ms : command == 'l' ? 5'000ms : 0ms;
    co_return;
  });
}

} // namespace httpool_test::faults
