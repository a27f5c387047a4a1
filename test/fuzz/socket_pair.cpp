#include "fuzz/socket_pair.hpp"

#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

#include <sys/socket.h>
#include <unistd.h>

namespace httpool_fuzz {

far_end::far_end(far_end&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}

far_end& far_end::operator=(far_end&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  return *this;
}

far_end::~far_end() {
  if (is_open())
    ::close(descriptor_);
}

bool far_end::send(std::string_view text) noexcept {
  const auto sent = ::send(descriptor_, text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  return sent == static_cast<ssize_t>(text.size());
}

void far_end::finish() noexcept {
  ::shutdown(descriptor_, SHUT_WR);
}

bool far_end::receive(std::string& to) {
  std::array<char, 4096> piece;
  for (;;) {
    const auto size = ::recv(descriptor_, piece.data(), piece.size(), MSG_DONTWAIT);
    if (size <= 0)
      return size < 0 && errno == EAGAIN;
    to.append(piece.data(), static_cast<std::size_t>(size));
  }
}

far_end connect(boost::asio::ip::tcp::socket& near) {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0)
    throw std::system_error(errno, std::generic_category(), "socketpair");
  near.assign(boost::asio::ip::tcp::v4(), ends[0]);
  return far_end(ends[1]);
}

void settle(boost::asio::io_context& context) {
  do
    context.restart();
  while (context.poll() > 0);
}

} // namespace httpool_fuzz
