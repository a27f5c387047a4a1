#include "faults/recording_server.hpp"

#include "faults/child_process.hpp"
#include "faults/scene.hpp"
#include "faults/socket_filter.hpp"

#include <httpool/server.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <charconv>
#include <string>
#include <string_view>
#include <vector>

#include <poll.h>
#include <sys/socket.h>

namespace httpool_test::faults {
namespace {

namespace asio = boost::asio;

/// Whether connections wait to be accepted.
bool has_unaccepted() {
  const std::vector<int> all = tcp_sockets(reach::listeners_too);
  return std::any_of(all.begin(), all.end(), [](int each) {
    int listens = 0;
    socklen_t size = sizeof(listens);
    pollfd asked = {each, POLLIN, 0};
    return ::getsockopt(each, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) == 0 && listens != 0 &&
           ::poll(&asked, 1, 0) == 1;
  });
}

asio::awaitable<httpool::response> think(std::uint32_t call) {
  asio::steady_timer pause(co_await asio::this_coro::executor, call % 8 * 1ms);
  co_await pause.async_wait(asio::use_awaitable);
  co_return httpool::response(200, answer_of(call), "text/plain");
}

httpool::reply answer(const httpool::request& message, shared_state& shared) {
  constexpr std::string_view folder = "/calls/";
  const std::string_view target = message.target();
  std::uint32_t call = max_calls;
  if (target.starts_with(folder))
    std::from_chars(target.data() + folder.size(), target.data() + target.size(), call);
  if (call >= max_calls || message.body() != body_of(call) ||
      message.method() != (is_post(call) ? "POST" : "GET")) {
    ++shared.garbled;
    return httpool::response(400);
  }
  ++shared.done[call];
  if (mixed(call + 2) % 2 == 0)
    return think(call); // So that at any moment some calls have been done but not answered.
  return httpool::response(200, answer_of(call), "text/plain");
}

asio::awaitable<void> act(httpool::server& server, char command) {
  switch (command) {
  case 'l':
    lose_segments(reach::listeners_too, lost_of_1000);
    break;
  case 'b':
    lose_segments(reach::accepted_and_dialed, all_of_them);
    break;
  case 'B':
    lose_segments(reach::listeners_too, all_of_them);
    break;
  case 'n':
    // What was accepted before the listener lost its filter has one, too, and may wait.
    lose_no_segments(reach::listeners_too);
    while (has_unaccepted())
      co_await asio::post(server.get_executor(), asio::use_awaitable);
    lose_no_segments(reach::accepted_and_dialed);
    break;
  case 'c':
    for (const int each : tcp_sockets(reach::accepted_and_dialed))
      ::shutdown(each, SHUT_RDWR);
    break;
  default:
    co_await server.async_stop(asio::as_tuple(asio::use_awaitable));
  }
}

} // namespace

void serve(int control, shared_state& shared) {
  asio::io_context context(1);
  httpool::server server(
      context, {asio::ip::address_v4::loopback(), shared.port},
      [&shared](const httpool::request& message) { return answer(message, shared); });
  shared.port = server.local_endpoint().port();
  obey(context, control, [&server](char command) { return act(server, command); });
}

} // namespace httpool_test::faults
