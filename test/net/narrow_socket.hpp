// Sockets that have no room, or fail, when a test says so. For one source of a program.
#pragma once

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <initializer_list>
#include <limits>

#include <sys/socket.h>

namespace narrow_socket {

using sizes = std::initializer_list<std::size_t>;

constexpr std::size_t any = std::numeric_limits<std::size_t>::max();

/// What sockets take before they fail, or have no room for a moment.
inline std::size_t room = any;
inline int failure = EAGAIN;
inline bool is_for_good = false;

struct narrow {
  explicit narrow(std::size_t bytes, int then = EAGAIN, bool for_good = false) noexcept {
    room = bytes;
    failure = then;
    is_for_good = for_good;
  }
  narrow(const narrow&) = delete;
  narrow& operator=(const narrow&) = delete;
  ~narrow() { room = any; }
};

} // namespace narrow_socket

// What one buffer is sent with.
extern "C" ssize_t send(int socket, const void* from, std::size_t size, int flags) {
  using namespace narrow_socket;
  if (room == 0) {
    if (failure != EAGAIN)
      ::shutdown(socket, SHUT_RDWR);
    if (!is_for_good) // the system would not say that there is room again, as there always was
      room = any;
    errno = failure;
    return -1;
  }
  const ssize_t sent = ::sendto(socket, from, std::min(size, room), flags, nullptr, 0);
  if (sent > 0 && room != any)
    room -= static_cast<std::size_t>(sent);
  if (room == 0 && failure == EAGAIN && !is_for_good) // as above
    room = any;
  return sent;
}
