// The floor for clients: epoll, send and recv, and of the response no more than its status and
// where it ends. Workers wait in a queue for one of the connections.

#include "bench/flags.hpp"
#include "bench/peers/raw_epoll.hpp"
#include "bench/recorder.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <deque>
#include <iostream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <unordered_map>

namespace {

using bench::called;
using std::chrono::steady_clock;

struct connection {
  std::string received;
  bench::time_point began; // of the worker that it serves
};

/// How long the message is that `text` begins with, or 0 while that isn't known.
std::size_t message_size(std::string_view text) {
  constexpr std::string_view name = "\r\nContent-Length: ";
  const std::size_t head = text.find("\r\n\r\n");
  if (head == std::string_view::npos)
    return 0;
  const std::size_t length = text.find(name);
  if (!text.starts_with("HTTP/1.1 200") || length > head)
    throw std::runtime_error("not a 200 with a Content-Length");
  return head + 4 + std::strtoul(text.data() + length + name.size(), nullptr, 10);
}

int run(const bench::load& what) {
  const std::string question =
      "GET / HTTP/1.1\r\nHost: " + what.host + ':' + std::to_string(what.port) + "\r\n\r\n";
  const auto send = [&](int descriptor) {
    called("send",
           static_cast<int>(::send(descriptor, question.data(), question.size(), MSG_NOSIGNAL)));
  };
  const int epoll = called("epoll_create1", epoll_create1(0));
  const sockaddr_in address = bench::address_of(what.host, what.port);
  const std::size_t count = std::min(what.workers, what.connections);
  std::unordered_map<int, connection> connections;
  bench::recorder figures(what.warmup, what.seconds);
  std::deque<bench::time_point> waiting(what.workers - count, steady_clock::now());
  for (std::size_t i = 0; i != count; ++i) {
    const int descriptor = called("socket", ::socket(AF_INET, SOCK_STREAM, 0));
    called("connect",
           ::connect(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address));
    bench::set_no_delay(descriptor);
    bench::watch(epoll, descriptor);
    connections[descriptor].began = steady_clock::now();
    send(descriptor);
  }

  std::array<epoll_event, 256> events{};
  std::array<char, 16384> room{};
  for (;;) {
    const int ready = called("epoll_wait", epoll_wait(epoll, events.data(), events.size(), -1));
    for (int i = 0; i != ready; ++i) {
      const int descriptor = events[static_cast<std::size_t>(i)].data.fd;
      connection& its = connections[descriptor];
      const int got =
          called("recv", static_cast<int>(::recv(descriptor, room.data(), room.size(), 0)));
      if (got == 0)
        throw std::runtime_error("the server closed a connection");
      its.received.append(room.data(), static_cast<std::size_t>(got));
      const std::size_t size = message_size(its.received);
      if (size == 0 || its.received.size() < size)
        continue;
      its.received.clear();
      const auto now = steady_clock::now();
      if (!figures.record(its.began, now)) {
        std::cout << figures.row(",\"connections_opened\":" + std::to_string(count)) << std::endl;
        return 0;
      }
      waiting.push_back(now); // the worker that was served, behind all who wait
      its.began = waiting.front();
      waiting.pop_front();
      send(descriptor);
    }
  }
}

} // namespace

int main(int count, char** words) {
  return bench::run_peer(count, words, run);
}
