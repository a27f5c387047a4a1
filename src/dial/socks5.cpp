#include "dial/socks5.hpp"

#include "dial/tunnel_io.hpp"

#include <httpool/error.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>

#include <array>

namespace httpool::detail {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using boost::system::system_error;

enum : unsigned char {
  version = 5,
  no_authentication = 0,
  by_password = 2,
  no_method = 0xff,
  password_version = 1,
  connect = 1,
  is_ipv4 = 1,
  is_name = 3,
  is_ipv6 = 4,
};

void append(std::string& to, unsigned byte) {
  to += static_cast<char>(static_cast<unsigned char>(byte));
}

void append_sized(std::string& to, const std::string& text) {
  append(to, static_cast<unsigned>(text.size()));
  to += text;
}

template <class Bytes>
void append_bytes(std::string& to, const Bytes& bytes) {
  to.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

/// RFC 1928 §4. A zone means something on this machine alone.
std::string question(const std::string& host, std::uint16_t port) {
  std::string text;
  append(text, version);
  append(text, connect);
  append(text, 0);
  error_code no_address;
  const auto address = asio::ip::make_address(host.substr(0, host.find('%')), no_address);
  if (no_address) {
    append(text, is_name);
    append_sized(text, host);
  } else if (address.is_v4()) {
    append(text, is_ipv4);
    append_bytes(text, address.to_v4().to_bytes());
  } else {
    append(text, is_ipv6);
    append_bytes(text, address.to_v6().to_bytes());
  }
  append(text, port >> 8U);
  append(text, port & 0xffU);
  return text;
}

/// RFC 1928 §6
error_code reason_of(unsigned char reply) noexcept {
  switch (reply) {
  case 0:
    return {};
  case 3:
    return asio::error::network_unreachable;
  case 4:
  case 6:
    return asio::error::host_unreachable;
  case 5:
    return error::connection_refused;
  default:
    return error::proxy_refused;
  }
}

void expect(bool is_so, error otherwise = error::protocol_error) {
  if (!is_so)
    throw system_error(otherwise);
}

/// RFC 1928 §3
asio::awaitable<void> authenticate(stream& over, const proxy& by) {
  std::string offer;
  append(offer, version);
  append(offer, by.has_credentials() ? 2 : 1);
  append(offer, no_authentication);
  if (by.has_credentials())
    append(offer, by_password);
  co_await write_all(over, asio::buffer(offer));
  std::array<unsigned char, 2> answer = {};
  co_await read_all(over, asio::buffer(answer));
  expect(answer[0] == version);
  expect(answer[1] != no_method, error::proxy_authentication_failed);
  if (answer[1] == no_authentication)
    co_return;
  expect(answer[1] == by_password && by.has_credentials());

  std::string who; // RFC 1929 §2
  append(who, password_version);
  append_sized(who, by.user());
  append_sized(who, by.password());
  co_await write_all(over, asio::buffer(who));
  co_await read_all(over, asio::buffer(answer));
  expect(answer[0] == password_version);
  expect(answer[1] == 0, error::proxy_authentication_failed);
}

/// The address that the proxy calls from, which nobody needs, and its port.
asio::awaitable<void> skip_address(stream& over, unsigned char kind) {
  std::array<unsigned char, 255 + 2> address = {};
  std::size_t size = 0;
  if (kind == is_ipv4) {
    size = 4;
  } else if (kind == is_ipv6) {
    size = 16;
  } else {
    expect(kind == is_name);
    co_await read_all(over, asio::buffer(address, 1));
    size = address[0];
  }
  co_await read_all(over, asio::buffer(address, size + 2));
}

} // namespace

asio::awaitable<void> open_socks5_tunnel(stream& over, std::string host, std::uint16_t port,
                                         const proxy& by) {
  expect(!host.empty() && host.size() <= longest_socks_name, error::name_not_found);
  co_await authenticate(over, by);
  const std::string text = question(host, port);
  co_await write_all(over, asio::buffer(text));
  std::array<unsigned char, 4> answer = {};
  co_await read_all(over, asio::buffer(answer));
  expect(answer[0] == version && answer[2] == 0);
  if (const error_code why = reason_of(answer[1]))
    throw system_error(why);
  co_await skip_address(over, answer[3]);
}

} // namespace httpool::detail
