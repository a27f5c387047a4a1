// The floor for servers: epoll, recv and send. It counts the ends of heads, and answers each with
// the same bytes: no body may follow one.

#include "bench/peers/raw_epoll.hpp"

#include <array>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <string>
#include <string_view>
#include <unordered_map>

#include <unistd.h>

namespace {

using bench::called;

constexpr std::string_view answer = "HTTP/1.1 200 OK\r\n"
                                    "Server: raw_epoll\r\n"
                                    "Date: Tue, 24 Nov 2026 20:00:00 GMT\r\n"
                                    "Content-Type: text/plain\r\n"
                                    "Content-Length: 13\r\n\r\n"
                                    "Hello, World!";
constexpr std::string_view end_of_head = "\r\n\r\n";

/// How many heads end in `text`; `matched` says how much of an end was there before it.
std::size_t heads_in(std::string_view text, std::size_t& matched) {
  std::size_t heads = 0;
  for (const char each : text) {
    matched = each == end_of_head[matched] ? matched + 1 : each == '\r' ? 1 : 0;
    if (matched == end_of_head.size()) {
      ++heads;
      matched = 0;
    }
  }
  return heads;
}

[[noreturn]] void serve(std::uint16_t port) {
  const int listener = called("socket", ::socket(AF_INET, SOCK_STREAM, 0));
  const int on = 1;
  called("SO_REUSEADDR", setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on));
  sockaddr_in address = bench::address_of("127.0.0.1", port);
  called("bind", ::bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof address));
  called("listen", ::listen(listener, SOMAXCONN));
  const int epoll = called("epoll_create1", epoll_create1(0));
  bench::watch(epoll, listener);

  std::unordered_map<int, std::size_t> matched; // of each connection
  std::array<epoll_event, 256> events{};
  std::array<char, 65536> room{};
  std::string answers;
  for (;;) {
    const int ready = called("epoll_wait", epoll_wait(epoll, events.data(), events.size(), -1));
    for (int i = 0; i != ready; ++i) {
      const int descriptor = events[static_cast<std::size_t>(i)].data.fd;
      if (descriptor == listener) {
        const int made = called("accept", ::accept(listener, nullptr, nullptr));
        bench::set_no_delay(made);
        bench::watch(epoll, made);
        matched[made] = 0;
        continue;
      }
      const ssize_t got = ::recv(descriptor, room.data(), room.size(), 0);
      if (got <= 0) {
        ::close(descriptor);
        continue;
      }
      const std::size_t heads =
          heads_in({room.data(), static_cast<std::size_t>(got)}, matched[descriptor]);
      answers.clear();
      for (std::size_t k = 0; k != heads; ++k)
        answers += answer;
      if (heads != 0)
        ::send(descriptor, answers.data(), answers.size(), MSG_NOSIGNAL);
    }
  }
}

} // namespace

int main(int count, char** words) {
  if (count != 3 || std::string_view(words[1]) != "--port") {
    std::cerr << "usage: raw_epoll_server --port PORT\n";
    return 2;
  }
  try {
    serve(static_cast<std::uint16_t>(std::strtoul(words[2], nullptr, 10)));
  } catch (const std::exception& e) {
    std::cerr << "raw_epoll_server: " << e.what() << '\n';
    return 1;
  }
}
