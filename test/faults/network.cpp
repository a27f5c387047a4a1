#include "faults/network.hpp"

#include "faults/row.hpp"
#include "faults/socket_filter.hpp"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <unistd.h>

namespace httpool_test::faults {
namespace {

[[noreturn]] void give_up(const std::string& what) {
  throw cannot_run(what + ": " + std::strerror(errno));
}

bool sockets_may_be_lossy() {
  try {
    check_that_segments_can_be_lost();
    return true;
  } catch (const cannot_run&) {
    return false;
  }
}

bool write_file(const std::string& path, const std::string& text) {
  std::ofstream file(path);
  file << text << std::flush;
  return file.good();
}

} // namespace

void isolate(isolation what) {
  if (what == isolation::none || (what == isolation::lossy_sockets && sockets_may_be_lossy()))
    return;
  const bool has_files = what == isolation::network_and_files;
  const int wanted = CLONE_NEWNET | (has_files ? CLONE_NEWNS : 0);
  if (::unshare(wanted) != 0) {
    const std::string user = std::to_string(::geteuid()), group = std::to_string(::getegid());
    if (::unshare(wanted | CLONE_NEWUSER) != 0)
      give_up("no namespaces, neither with the rights of this user nor with a user namespace");
    write_file("/proc/self/setgroups", "deny");
    if (!write_file("/proc/self/uid_map", "0 " + user + " 1") ||
        !write_file("/proc/self/gid_map", "0 " + group + " 1"))
      give_up("a user namespace without a user");
  }
  if (has_files && ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
    give_up("mounts cannot be made private");
  set_link(true);
  if (what == isolation::lossy_sockets)
    check_that_segments_can_be_lost();
}

void set_link(bool is_up) {
  const int any = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  ifreq loopback = {};
  std::strcpy(loopback.ifr_name, "lo");
  const bool is_read = ::ioctl(any, SIOCGIFFLAGS, &loopback) == 0;
  if (is_up)
    loopback.ifr_flags = static_cast<short>(loopback.ifr_flags | IFF_UP);
  else
    loopback.ifr_flags = static_cast<short>(loopback.ifr_flags & ~IFF_UP);
  const bool is_set = is_read && ::ioctl(any, SIOCSIFFLAGS, &loopback) == 0;
  const int error = errno;
  ::close(any);
  errno = error;
  if (!is_set)
    give_up("the loopback interface cannot be set");
}

void set_port_range(std::uint16_t first, std::uint16_t last) {
  if (!write_file("/proc/sys/net/ipv4/ip_local_port_range",
                  std::to_string(first) + " " + std::to_string(last)))
    give_up("ip_local_port_range cannot be written");
}

void ask_names_of_loopback() {
  // Not seen outside this process's namespace, and gone with it.
  const std::string folder = "/tmp";
  if (::mount("none", folder.c_str(), "tmpfs", 0, nullptr) != 0)
    give_up("no file system of its own");
  const auto replace = [&](const std::string& name, const std::string& text) {
    const std::string ours = folder + "/" + name, theirs = "/etc/" + name;
    if (!write_file(ours, text) ||
        ::mount(ours.c_str(), theirs.c_str(), nullptr, MS_BIND, nullptr) != 0)
      give_up(theirs + " cannot be covered");
  };
  replace("resolv.conf", "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n");
  if (std::filesystem::exists("/etc/nsswitch.conf"))
    replace("nsswitch.conf", "hosts: dns\n");
}

} // namespace httpool_test::faults
