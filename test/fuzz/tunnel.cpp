#include "fuzz/tunnel.hpp"

#include "fuzz/fuzz.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/system/system_error.hpp>

#include <array>
#include <exception>

namespace httpool_fuzz {

namespace asio = boost::asio;

tunnel_outcome open_tunnel(tunnel_opener open, const httpool::proxy& by, std::string_view answer,
                           std::uint8_t pieces) {
  static asio::io_context context;
  tunnel_outcome outcome;
  asio::ip::tcp::socket socket(context);
  far_end proxy = connect(socket);
  httpool::stream stream(socket);
  bool has_ended = false;
  std::exception_ptr failure;
  asio::co_spawn(context, open(stream, "origin.test", 8080, by), [&](std::exception_ptr why) {
    failure = why;
    has_ended = true;
  });
  settle(context);
  std::size_t sent = 0;
  in_pieces(answer, pieces, [&](std::string_view piece) {
    proxy.send(piece);
    sent += piece.size();
    settle(context);
    return !has_ended;
  });
  proxy.finish();
  settle(context);
  require(has_ended, "an attempt ends when the proxy has gone");
  proxy.receive(outcome.asked);

  if (failure) {
    try {
      std::rethrow_exception(failure);
    } catch (const boost::system::system_error& why) {
      outcome.error = why.code();
    }
    require(static_cast<bool>(outcome.error), "a failure has a reason");
  }
  std::array<char, 4096> piece;
  boost::system::error_code end;
  while (!end) {
    const std::size_t size = socket.read_some(asio::buffer(piece), end);
    outcome.behind.append(piece.data(), size);
  }
  outcome.behind.append(answer.substr(sent));
  return outcome;
}

} // namespace httpool_fuzz
