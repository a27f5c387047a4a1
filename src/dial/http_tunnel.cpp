#include "dial/http_tunnel.hpp"

#include "dial/tunnel_io.hpp"
#include "http1/basic_credentials.hpp"
#include "http1/head_parser.hpp"

#include <httpool/error.hpp>
#include <httpool/response.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>

#include <array>

namespace httpool::detail {
namespace {

namespace asio = boost::asio;
using boost::system::system_error;

/// Proxies have little to say before a tunnel.
constexpr http1::head_limits limits{16 * 1024, 128};

/// The port is always named (RFC 9110 §9.3.6); a zone means something on this machine alone.
std::string question(std::string host, std::uint16_t port, const proxy& by) {
  if (host.find(':') != std::string::npos)
    host = '[' + host.substr(0, host.find('%')) + ']';
  host += ':' + std::to_string(port);
  std::string text = "CONNECT " + host + " HTTP/1.1\r\nHost: " + host + "\r\n";
  if (by.has_credentials())
    text += "Proxy-Authorization: " + http1::basic_credentials(by.user(), by.password()) + "\r\n";
  return text + "\r\n";
}

/// The whole of what a 2xx says is that the tunnel is there: fields that would frame a body mean
/// nothing.
void judge(unsigned status) {
  if (status == 407)
    throw system_error(error::proxy_authentication_failed);
  if (status == 101)
    throw system_error(error::protocol_error);
  if (status / 100 != 2)
    throw system_error(error::proxy_refused);
}

} // namespace

asio::awaitable<void> open_http_tunnel(stream& over, std::string host, std::uint16_t port,
                                       const proxy& by) {
  const std::string text = question(std::move(host), port, by);
  co_await write_all(over, asio::buffer(text));
  http1::response_parser parser(limits);
  response answer;
  std::string received;
  std::array<char, 1024> piece;
  for (;;) {
    const std::size_t size = co_await read_some(over, asio::buffer(piece));
    received.append(piece.data(), size);
    for (;;) {
      const http1::progress progress = parser.parse(received, answer);
      if (progress == http1::progress::need_more)
        break;
      if (progress == http1::progress::failed)
        throw system_error(http1::error_of(parser.trouble()));
      received.erase(0, parser.size());
      if (answer.status() >= 200 || answer.status() == 101) {
        judge(answer.status());
        if (!received.empty())
          throw system_error(error::protocol_error); // the origin has not been spoken to yet
        co_return;
      }
      answer.clear();
      parser.pass_over();
    }
  }
}

} // namespace httpool::detail
