#include "faults/socket_filter.hpp"

#include "faults/row.hpp"

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include <linux/filter.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace httpool_test::faults {
namespace {

int option_of(int socket, int which) {
  int value = -1;
  socklen_t size = sizeof(value);
  return ::getsockopt(socket, SOL_SOCKET, which, &value, &size) == 0 ? value : -1;
}

} // namespace

std::vector<int> tcp_sockets(reach which) {
  std::vector<int> found;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    const int each = std::stoi(entry.path().filename());
    if (option_of(each, SO_PROTOCOL) == IPPROTO_TCP &&
        (which == reach::listeners_too || option_of(each, SO_ACCEPTCONN) == 0))
      found.push_back(each);
  }
  return found;
}

void lose_segments(int socket, unsigned of_1000) {
  constexpr auto random = static_cast<std::uint32_t>(SKF_AD_OFF + SKF_AD_RANDOM);
  constexpr std::uint32_t whole = ~0u;
  const std::uint32_t first_kept = whole / all_of_them * of_1000;
  sock_filter drop_some[] = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, random),
                             BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, first_kept, 0, 1),
                             BPF_STMT(BPF_RET | BPF_K, whole), BPF_STMT(BPF_RET | BPF_K, 0)};
  sock_filter drop_all[] = {BPF_STMT(BPF_RET | BPF_K, 0)};
  sock_fprog filter = {4, drop_some};
  if (of_1000 == all_of_them)
    filter = {1, drop_all};
  if (::setsockopt(socket, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof(filter)) != 0)
    throw cannot_run(std::string("the kernel attaches no filter to a socket: ") +
                     std::strerror(errno));
}

void check_that_segments_can_be_lost() {
  const int any = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  try {
    lose_segments(any, all_of_them);
  } catch (...) {
    ::close(any);
    throw;
  }
  ::close(any);
}

void lose_segments(reach which, unsigned of_1000) {
  for (const int each : tcp_sockets(which))
    lose_segments(each, of_1000);
}

void lose_no_segments(reach which) {
  const int ignored = 0;
  for (const int each : tcp_sockets(which))
    ::setsockopt(each, SOL_SOCKET, SO_DETACH_FILTER, &ignored, sizeof(ignored));
}

unsigned long long segments_sent_again() {
  std::ifstream file("/proc/net/snmp");
  std::string line;
  std::vector<std::string> names;
  while (std::getline(file, line)) {
    if (!line.starts_with("Tcp:"))
      continue;
    std::istringstream words(line);
    std::vector<std::string> values;
    for (std::string word; words >> word;)
      values.push_back(word);
    for (std::size_t i = 0; i < names.size() && i < values.size(); ++i)
      if (names[i] == "RetransSegs")
        return std::stoull(values[i]);
    names = values;
  }
  return 0;
}

} // namespace httpool_test::faults
