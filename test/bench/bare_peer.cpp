#include "bench/bare_peer.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <string_view>
#include <system_error>
#include <tuple>
#include <vector>

#include <netinet/in.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

namespace bench {
namespace {

constexpr std::string_view question = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
constexpr std::string_view answer = "HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\nHello, World!";

sockaddr_in loopback(std::uint16_t port) noexcept {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

sockaddr* generic(sockaddr_in& address) noexcept {
  return reinterpret_cast<sockaddr*>(&address);
}

int listen_anywhere(std::uint16_t& port) {
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  check(listener >= 0, "socket");
  sockaddr_in address = loopback(0);
  socklen_t size = sizeof address;
  check(::bind(listener, generic(address), size) == 0, "bind");
  check(::listen(listener, 4096) == 0, "listen");
  check(::getsockname(listener, generic(address), &size) == 0, "getsockname");
  port = ntohs(address.sin_port);
  return listener;
}

void send_all(int descriptor, std::string_view text) {
  check(::send(descriptor, text.data(), text.size(), MSG_NOSIGNAL) ==
            static_cast<ssize_t>(text.size()),
        "send");
}

void receive_something(int descriptor) {
  std::array<char, 4096> room{};
  check(::recv(descriptor, room.data(), room.size(), 0) > 0, "recv");
}

/// Lives until its parent does not.
[[noreturn]] void run(bare_peer::work does, int listener, int control) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  std::vector<int> descriptors;
  bare_peer::task what;
  while (::read(control, &what, sizeof what) == sizeof what) {
    const std::size_t have = descriptors.size();
    descriptors.resize(what.connections);
    does(what, listener, have, descriptors.data());
    check(::write(control, "", 1) == 1, "write");
  }
  std::_Exit(0);
}

} // namespace

void check(bool is_good, const char* what) {
  if (!is_good)
    throw std::system_error(errno, std::system_category(), what);
}

bare_peer::bare_peer(work does) {
  std::array<int, 2> ends{};
  check(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) == 0, "socketpair");
  const int listener = listen_anywhere(port_);
  process_ = ::fork();
  check(process_ >= 0, "fork");
  if (process_ == 0) {
    try {
      ::close(ends[0]);
      run(does, listener, ends[1]);
    } catch (const std::exception& failed) {
      const std::string_view why = failed.what();
      std::ignore = ::write(STDERR_FILENO, why.data(), why.size());
    }
    std::_Exit(1);
  }
  ::close(ends[1]);
  ::close(listener);
  control_ = ends[0];
}

bare_peer::~bare_peer() {
  ::close(control_);
  ::kill(process_, SIGKILL);
  ::waitpid(process_, nullptr, 0);
}

void bare_peer::begin(const task& what) const {
  check(::write(control_, &what, sizeof what) == sizeof what, "write");
}

bool bare_peer::is_done() const {
  char byte = 0;
  const ssize_t got = ::recv(control_, &byte, 1, MSG_DONTWAIT);
  check(got == 1 || (got < 0 && errno == EAGAIN), "the process of bare sockets");
  return got == 1;
}

void ask_each(const bare_peer::task& what, int, std::size_t have, int* descriptors) {
  for (std::size_t i = have; i != what.connections; ++i) {
    descriptors[i] = ::socket(AF_INET, SOCK_STREAM, 0);
    check(descriptors[i] >= 0, "socket");
    sockaddr_in address = loopback(what.port);
    check(::connect(descriptors[i], generic(address), sizeof address) == 0, "connect");
    send_all(descriptors[i], question);
    receive_something(descriptors[i]);
  }
}

void accept_each(const bare_peer::task& what, int listener, std::size_t have, int* descriptors) {
  for (std::size_t i = have; i != what.connections; ++i) {
    descriptors[i] = ::accept(listener, nullptr, nullptr);
    check(descriptors[i] >= 0, "accept");
  }
}

void answer_each(const bare_peer::task& what, int listener, std::size_t have, int* descriptors) {
  accept_each(what, listener, have, descriptors);
  for (std::size_t i = 0; i != what.connections; ++i)
    receive_something(descriptors[i]);
  for (std::size_t i = 0; i != what.connections; ++i)
    send_all(descriptors[i], answer);
}

} // namespace bench
