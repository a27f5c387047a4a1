// A request that the system has not taken whole when its answer is there.

#include "net/pipeline_fixture.hpp"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <limits>

#include <dlfcn.h>
#include <sys/socket.h>

namespace {

constexpr std::size_t no_limit = std::numeric_limits<std::size_t>::max();

std::size_t room = no_limit; ///< How many bytes of requests the system takes yet.

} // namespace

// What requests are sent with.
extern "C" ssize_t sendmsg(int socket, const msghdr* message, int flags) {
  static const auto real =
      reinterpret_cast<ssize_t (*)(int, const msghdr*, int)>(::dlsym(RTLD_NEXT, "sendmsg"));
  if (room == no_limit || (flags & MSG_DONTWAIT) == 0)
    return real(socket, message, flags);
  for (std::size_t i = 0; i != message->msg_iovlen; ++i) {
    const iovec& each = message->msg_iov[i];
    if (each.iov_len == 0)
      continue;
    const std::size_t size = std::min(each.iov_len, room);
    if (size == 0)
      break;
    const ssize_t sent = ::send(socket, each.iov_base, size, flags);
    room -= sent > 0 ? static_cast<std::size_t>(sent) : 0;
    return sent;
  }
  errno = EAGAIN;
  return -1;
}

using namespace client_test;

BOOST_FIXTURE_TEST_CASE(scar_58_nobody_else_writes_behind_half_a_request, pipeline_loop) {
  constexpr std::size_t half = 12;
  scripted_peer peer(context, {served().hears_bytes(half).says(ok("early")), served().repeats()});
  client sender(context, "127.0.0.1", peer.port, sharing());
  warm_up(sender);
  room = half;
  const call early = start(sender, get("/half"));
  BOOST_TEST(end_of(early).error == error_code());
  BOOST_TEST(early->response.body() == "early");
  room = no_limit;
  const call next = start(sender, get("/next"));
  BOOST_TEST(end_of(next).response.body() == "/next");
  BOOST_TEST(next->response.connection_id() == 2u);
  BOOST_TEST(peer.unheard(0) == 0u);
  check_nothing_is_left(*this, sender, peer);
}
