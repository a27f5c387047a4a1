#include "fuzz/exchange_peer.hpp"

#include "fuzz/fuzz.hpp"

#include <cerrno>
#include <system_error>

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace httpool_fuzz {

exchange_peer::exchange_peer()
    : path_(std::string("/tmp/httpool-fuzz-").append(std::to_string(::getpid()))),
      listener_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
  ::unlink(path_.c_str());
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path_.copy(address.sun_path, sizeof address.sun_path - 1);
  if (::bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(listener_, 16) != 0)
    throw std::system_error(errno, std::generic_category(), path_);
}

exchange_peer::~exchange_peer() {
  ::close(listener_);
  ::unlink(path_.c_str());
}

void exchange_peer::accept() {
  connection_ = far_end(::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC));
  require(connection_.is_open(), "the client connects");
  settle(context_);
  require(hears_another(), "the client asks");
}

bool exchange_peer::hears_another() {
  std::string heard;
  connection_.receive(heard);
  return heard.find("\r\n\r\n") != std::string::npos;
}

} // namespace httpool_fuzz
