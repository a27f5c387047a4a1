// The system calls that Asio and the library make. A program that links this file has them as its
// own functions; they act on the world's kernel where a descriptor is the world's, and on the real
// one otherwise.
//
// An executable's functions are taken before those of shared libraries, so that what libstdc++ and
// OpenSSL ask the clock is answered here, too.

#include "sim/world/epoll_set.hpp"
#include "sim/world/kernel.hpp"
#include "sim/world/tcp.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdarg>
#include <cstring>
#include <memory>

#include <netinet/in.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

namespace {

using namespace httpool_sim;

// The world begins here, by the wall clock: 2026-01-01.
constexpr moment birthday = 1'767'225'600 * second;

template <class... Arguments>
long real(long number, Arguments... arguments) {
  return ::syscall(number, arguments...);
}

bool is_simulated(int descriptor) {
  return kernel::owns(descriptor) && kernel::current();
}

template <class File>
std::shared_ptr<File> find(int descriptor, int error) {
  auto found = std::dynamic_pointer_cast<File>(kernel::current()->find(descriptor));
  if (!found && kernel::current()->find(descriptor))
    errno = error;
  return found;
}

// Whoever makes a call leaves a trace of it.
template <class Result>
Result traced(long call, int descriptor, Result result) {
  kernel& system = *kernel::current();
  const int error = errno;
  ++system.counts.calls;
  system.trace(static_cast<std::uint64_t>(call));
  system.trace(static_cast<std::uint64_t>(descriptor));
  system.trace(static_cast<std::uint64_t>(system.now()));
  system.trace(static_cast<std::uint64_t>(result < 0 ? -error : result));
  errno = error;
  return result;
}

template <class Call>
int on_socket(long number, int descriptor, Call call) {
  const auto socket = find<tcp_socket>(descriptor, ENOTSOCK);
  return traced(number, descriptor, socket ? call(*socket) : -1);
}

int give_address(const address& from, sockaddr* to, socklen_t* size) {
  if (to) {
    const sockaddr_in whole = from.to_system();
    std::memcpy(to, &whole, std::min<std::size_t>(*size, sizeof whole));
    *size = sizeof whole;
  }
  return 0;
}

bool take_address(const sockaddr* from, socklen_t size, address& to) {
  if (size < sizeof(sockaddr_in) || from->sa_family != AF_INET) {
    errno = EAFNOSUPPORT;
    return false;
  }
  sockaddr_in whole;
  std::memcpy(&whole, from, sizeof whole);
  to = address::of(whole);
  return true;
}

void give_time(moment when, timespec* to) {
  to->tv_sec = when / second;
  to->tv_nsec = when % second;
}

bool is_wall(clockid_t clock) {
  return clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE;
}

} // namespace

extern "C" {

// Sockets -----------------------------------------------------------------------------------------

int socket(int family, int type, int protocol) noexcept {
  if (!kernel::current())
    return static_cast<int>(real(SYS_socket, family, type, protocol));
  if (family != AF_INET || (type & SOCK_STREAM) == 0) {
    errno = EAFNOSUPPORT;
    return traced(SYS_socket, -1, -1);
  }
  return traced(SYS_socket, -1, kernel::current()->open(kernel::current()->tcp->make()));
}

int bind(int descriptor, const sockaddr* to, socklen_t size) noexcept {
  if (!is_simulated(descriptor))
    return static_cast<int>(real(SYS_bind, descriptor, to, size));
  return on_socket(SYS_bind, descriptor, [&](tcp_socket& socket) {
    address at;
    return take_address(to, size, at) ? socket.bind(at) : -1;
  });
}

int listen(int descriptor, int backlog) noexcept {
  if (!is_simulated(descriptor))
    return static_cast<int>(real(SYS_listen, descriptor, backlog));
  return on_socket(SYS_listen, descriptor,
                   [&](tcp_socket& socket) { return socket.listen(backlog); });
}

int connect(int descriptor, const sockaddr* to, socklen_t size) {
  if (!is_simulated(descriptor))
    return static_cast<int>(real(SYS_connect, descriptor, to, size));
  return on_socket(SYS_connect, descriptor, [&](tcp_socket& socket) {
    address at;
    return take_address(to, size, at) ? socket.connect(at) : -1;
  });
}

int accept(int descriptor, sockaddr* from, socklen_t* size) {
  if (!is_simulated(descriptor))
    return static_cast<int>(real(SYS_accept, descriptor, from, size));
  return on_socket(SYS_accept, descriptor, [&](tcp_socket& socket) {
    address peer;
    const int accepted = socket.accept(peer);
    if (accepted >= 0)
      give_address(peer, from, size);
    return accepted;
  });
}

int shutdown(int descriptor, int how) noexcept {
  if (!is_simulated(descriptor))
    return static_cast<int>(real(SYS_shutdown, descriptor, how));
  return on_socket(SYS_shutdown, descriptor,
                   [&](tcp_socket& socket) { return socket.shutdown(how); });
}

ssize_t sendmsg(int descriptor, const msghdr* message, int flags) {
  if (!is_simulated(descriptor))
    return real(SYS_sendmsg, descriptor, message, flags);
  const auto socket = find<tcp_socket>(descriptor, ENOTSOCK);
  return traced(SYS_sendmsg, descriptor,
                socket ? socket->send(message->msg_iov, message->msg_iovlen) : ssize_t(-1));
}

ssize_t send(int descriptor, const void* from, size_t size, int flags) {
  iovec part{const_cast<void*>(from), size};
  msghdr message = {};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  return ::sendmsg(descriptor, &message, flags);
}

ssize_t recvmsg(int descriptor, msghdr* message, int flags) {
  if (!is_simulated(descriptor))
    return real(SYS_recvmsg, descriptor, message, flags);
  const auto socket = find<tcp_socket>(descriptor, ENOTSOCK);
  return traced(
      SYS_recvmsg, descriptor,
      socket ? socket->receive(message->msg_iov, message->msg_iovlen, (flags & MSG_PEEK) != 0)
             : ssize_t(-1));
}

ssize_t recv(int descriptor, void* to, size_t size, int flags) {
  iovec part{to, size};
  msghdr message = {};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  return ::recvmsg(descriptor, &message, flags);
}

int getsockname(int descriptor, sockaddr* to, socklen_t* size) noexcept {
  if (!is_simulated(descriptor))
    return static_cast<int>(real(SYS_getsockname, descriptor, to, size));
  return on_socket(SYS_getsockname, descriptor, [&](const tcp_socket& socket) {
    return give_address(socket.local(), to, size);
  });
}

int getpeername(int descriptor, sockaddr* to, socklen_t* size) noexcept {
  if (!is_simulated(descriptor))
    return static_cast<int>(real(SYS_getpeername, descriptor, to, size));
  return on_socket(SYS_getpeername, descriptor, [&](const tcp_socket& socket) {
    if (socket.is_connected())
      return give_address(socket.remote(), to, size);
    errno = ENOTCONN;
    return -1;
  });
}

int getsockopt(int descriptor, int level, int name, void* value, socklen_t* size) noexcept {
  if (!is_simulated(descriptor))
    return static_cast<int>(real(SYS_getsockopt, descriptor, level, name, value, size));
  return on_socket(SYS_getsockopt, descriptor, [&](tcp_socket& socket) {
    const int answer = level == SOL_SOCKET && name == SO_ERROR ? socket.take_error() : 0;
    std::memcpy(value, &answer, std::min<std::size_t>(*size, sizeof answer));
    return 0;
  });
}

// What options tune is not simulated.
int setsockopt(int descriptor, int level, int name, const void* value, socklen_t size) noexcept {
  if (!is_simulated(descriptor))
    return static_cast<int>(real(SYS_setsockopt, descriptor, level, name, value, size));
  return on_socket(SYS_setsockopt, descriptor, [](const tcp_socket&) { return 0; });
}

// Descriptors -------------------------------------------------------------------------------------

int close(int descriptor) {
  if (!is_simulated(descriptor))
    return static_cast<int>(real(SYS_close, descriptor));
  return traced(SYS_close, descriptor, kernel::current()->close(descriptor));
}

// All descriptors of the world are non-blocking.
int ioctl(int descriptor, unsigned long request, ...) noexcept {
  va_list rest;
  va_start(rest, request);
  void* const argument = va_arg(rest, void*);
  va_end(rest);
  if (!is_simulated(descriptor))
    return static_cast<int>(real(SYS_ioctl, descriptor, request, argument));
  if (request == FIONBIO)
    return 0;
  errno = ENOTTY;
  return -1;
}

ssize_t read(int descriptor, void* to, size_t size) {
  if (!is_simulated(descriptor))
    return real(SYS_read, descriptor, to, size);
  const auto counter = find<counter_file>(descriptor, EINVAL);
  if (!counter)
    return -1;
  const std::uint64_t count = counter->take();
  if (count == 0) {
    errno = EAGAIN;
    return -1;
  }
  std::memcpy(to, &count, sizeof count);
  return sizeof count;
}

ssize_t write(int descriptor, const void* from, size_t size) {
  if (!is_simulated(descriptor))
    return real(SYS_write, descriptor, from, size);
  const auto counter = find<counter_file>(descriptor, EINVAL);
  if (!counter)
    return -1;
  std::uint64_t count = 0;
  std::memcpy(&count, from, sizeof count);
  counter->add(count);
  return sizeof count;
}

// glibc declares that poll only writes to what it is given, and GCC believes it.
#pragma GCC diagnostic push
#ifndef __clang__
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

// Nobody may wait in a world where only the clock's keeper moves it.
int poll(pollfd* all, nfds_t count, int timeout) {
  if (count != 1 || !is_simulated(all->fd))
    return static_cast<int>(real(SYS_poll, all, count, timeout));
  const int descriptor = all->fd;
  const auto file = kernel::current()->find(descriptor);
  const auto ready = file ? static_cast<short>(file->readiness()) : short(POLLNVAL);
  all->revents = static_cast<short>(ready & (all->events | POLLERR | POLLHUP | POLLNVAL));
  return traced(SYS_poll, descriptor, all->revents != 0 ? 1 : 0);
}

#pragma GCC diagnostic pop

// epoll, timers, wake-ups -------------------------------------------------------------------------

int epoll_create1(int flags) noexcept {
  if (!kernel::current())
    return static_cast<int>(real(SYS_epoll_create1, flags));
  return kernel::current()->open(std::make_shared<epoll_set>());
}

int epoll_ctl(int set, int operation, int descriptor, epoll_event* wanted) noexcept {
  if (!is_simulated(set))
    return static_cast<int>(real(SYS_epoll_ctl, set, operation, descriptor, wanted));
  const auto found = find<epoll_set>(set, EINVAL);
  return traced(SYS_epoll_ctl, descriptor,
                found ? found->control(operation, descriptor, wanted) : -1);
}

int epoll_wait(int set, epoll_event* to, int room, int timeout) {
  if (!is_simulated(set))
    return static_cast<int>(real(SYS_epoll_pwait, set, to, room, timeout, nullptr, 0));
  const auto found = find<epoll_set>(set, EINVAL);
  return found ? found->collect(to, room) : -1;
}

int timerfd_create(int clock, int flags) noexcept {
  if (!kernel::current())
    return static_cast<int>(real(SYS_timerfd_create, clock, flags));
  return kernel::current()->open(std::make_shared<timer_file>());
}

int timerfd_settime(int descriptor, int flags, const itimerspec* to, itimerspec* before) noexcept {
  if (!is_simulated(descriptor))
    return static_cast<int>(real(SYS_timerfd_settime, descriptor, flags, to, before));
  const auto timer = find<timer_file>(descriptor, EINVAL);
  if (!timer)
    return traced(SYS_timerfd_settime, descriptor, -1);
  const moment value = to->it_value.tv_sec * second + to->it_value.tv_nsec;
  const bool is_absolute = (flags & TFD_TIMER_ABSTIME) != 0;
  timer->set(value == 0 || is_absolute ? value : kernel::current()->now() + value);
  return traced(SYS_timerfd_settime, descriptor, 0);
}

int eventfd(unsigned int count, int flags) noexcept {
  if (!kernel::current())
    return static_cast<int>(real(SYS_eventfd2, count, flags));
  const auto made = std::make_shared<counter_file>();
  made->add(count);
  return kernel::current()->open(made);
}

// The clock ---------------------------------------------------------------------------------------

int clock_gettime(clockid_t clock, timespec* to) noexcept {
  if (!kernel::current())
    return static_cast<int>(real(SYS_clock_gettime, clock, to));
  give_time(kernel::current()->now() + (is_wall(clock) ? birthday : second), to);
  return 0;
}

time_t time(time_t* to) noexcept {
  timespec now = {};
  clock_gettime(CLOCK_REALTIME, &now);
  if (to)
    *to = now.tv_sec;
  return now.tv_sec;
}

int gettimeofday(timeval* to, void*) noexcept {
  timespec now = {};
  clock_gettime(CLOCK_REALTIME, &now);
  to->tv_sec = now.tv_sec;
  to->tv_usec = now.tv_nsec / 1000;
  return 0;
}

} // extern "C"
