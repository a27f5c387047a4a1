#include "pool/socket_calls.hpp"

#include "tls/secure_stream.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>

#include <array>
#include <cerrno>
#include <tuple>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

namespace httpool::detail {

namespace {

/// A peek would take a ticket for speech, and miss what has been read but not decrypted.
liveness look_through(secure_stream& quiet, boost::system::error_code* why) noexcept {
  if (quiet.is_quiet())
    return liveness::good;
  if (quiet.has_failed())
    return liveness::closed;
  char byte = 0;
  boost::system::error_code ec;
  quiet.read_now(boost::asio::buffer(&byte, 1), ec);
  if (!ec)
    return liveness::spoke;
  if (ec == boost::asio::error::would_block)
    return liveness::good;
  if (why && ec != boost::asio::error::eof)
    *why = ec;
  return liveness::closed;
}

} // namespace

liveness look_at(stream& quiet, boost::system::error_code* why) noexcept {
  if (secure_stream* const secure = stream_access::secure(quiet))
    return look_through(*secure, why);
  boost::asio::ip::tcp::socket& socket = quiet.lowest_layer();
  char byte = 0;
  // It does not wait, so no signal interrupts it.
  const ssize_t seen = ::recv(socket.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  if (seen > 0)
    return liveness::spoke;
  if (seen < 0 && errno == EAGAIN)
    return liveness::good;
  return liveness::closed;
}

std::size_t write_now(boost::asio::ip::tcp::socket& socket, const gathered& buffers,
                      boost::system::error_code& ec) noexcept {
  std::array<iovec, std::tuple_size_v<gathered>> pieces{};
  msghdr message{};
  message.msg_iov = pieces.data();
  for (const boost::asio::const_buffer& each : buffers)
    pieces[message.msg_iovlen++] = {const_cast<void*>(each.data()), each.size()};
  const ssize_t sent = ::sendmsg(socket.native_handle(), &message, MSG_DONTWAIT | MSG_NOSIGNAL);
  if (sent >= 0)
    return static_cast<std::size_t>(sent);
  ec = errno == EAGAIN ? boost::system::error_code(boost::asio::error::would_block)
                       : boost::system::error_code(errno, boost::system::system_category());
  return 0;
}

void shut_down(boost::asio::ip::tcp::socket& socket) noexcept {
  ::shutdown(socket.native_handle(), SHUT_RDWR);
}

void configure(boost::asio::ip::tcp::socket& socket) {
  socket.set_option(boost::asio::ip::tcp::no_delay(true));
  socket.set_option(boost::asio::socket_base::keep_alive(true));
  const int descriptor = socket.native_handle();
  constexpr int seconds = 15;
  constexpr int probes = 3;
  // These only tune what is on already: a system that refuses them keeps its own pace.
  ::setsockopt(descriptor, IPPROTO_TCP, TCP_KEEPIDLE, &seconds, sizeof seconds);
  ::setsockopt(descriptor, IPPROTO_TCP, TCP_KEEPINTVL, &seconds, sizeof seconds);
  ::setsockopt(descriptor, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof probes);
}

boost::system::error_code
connect_now(boost::asio::ip::tcp::socket& socket,
            const boost::asio::local::stream_protocol::endpoint& endpoint) noexcept {
  const auto last_error = [] {
    return boost::system::error_code(errno, boost::system::system_category());
  };
  const int descriptor = ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (descriptor < 0)
    return last_error();
  boost::system::error_code ec;
  if (::connect(descriptor, endpoint.data(), static_cast<socklen_t>(endpoint.size())) < 0)
    ec = last_error();
  else
    socket.assign(boost::asio::ip::tcp::v4(), descriptor, ec);
  if (ec)
    ::close(descriptor);
  return ec;
}

} // namespace httpool::detail
