// What the bare client and the bare server share: system calls that must not fail.
#pragma once

#include <cerrno>
#include <cstdint>
#include <string>
#include <system_error>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

namespace bench {

/// The result of a system call; throws what `errno` says if it failed.
inline int called(const char* what, int result) {
  if (result < 0)
    throw std::system_error(errno, std::system_category(), what);
  return result;
}

inline sockaddr_in address_of(const std::string& host, std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  if (inet_pton(AF_INET, host.c_str(), &address.sin_addr) != 1)
    throw std::system_error(EINVAL, std::system_category(), "--host must be an IPv4 address");
  return address;
}

inline void set_no_delay(int descriptor) {
  const int on = 1;
  called("TCP_NODELAY", setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on));
}

inline void watch(int epoll, int descriptor) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = descriptor;
  called("epoll_ctl", epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event));
}

} // namespace bench
