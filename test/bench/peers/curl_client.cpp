// libcurl's multi interface over epoll, as its documentation advises; its connection cache is the
// pool, in which transfers wait for one of the connections.

#include "bench/flags.hpp"
#include "bench/peers/raw_epoll.hpp"
#include "bench/recorder.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <deque>
#include <iostream>
#include <stdexcept>
#include <string>

#include <curl/curl.h>

namespace {

using bench::called;
using std::chrono::steady_clock;

struct worker {
  CURL* transfer = nullptr;
  bench::time_point began;
};

int epoll = -1;
bench::time_point timeout =
    bench::time_point::max(); // when libcurl wants to be called at the latest

int on_socket(CURL*, curl_socket_t descriptor, int wanted, void*, void* known) {
  epoll_event event{};
  event.data.fd = descriptor;
  event.events = (wanted & CURL_POLL_IN ? EPOLLIN : 0u) | (wanted & CURL_POLL_OUT ? EPOLLOUT : 0u);
  if (wanted == CURL_POLL_REMOVE)
    epoll_ctl(epoll, EPOLL_CTL_DEL, descriptor, nullptr);
  else if (epoll_ctl(epoll, known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, descriptor, &event) != 0)
    called("epoll_ctl",
           epoll_ctl(epoll, known ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, descriptor, &event));
  return 0;
}

int on_timeout(CURLM*, long wanted, void*) {
  timeout = wanted < 0 ? bench::time_point::max()
                       : steady_clock::now() + std::chrono::milliseconds(wanted);
  return 0;
}

int milliseconds_left() {
  if (timeout == bench::time_point::max())
    return -1;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(timeout - steady_clock::now());
  return std::max(0, static_cast<int>(left.count()));
}

std::size_t take_body(char*, std::size_t size, std::size_t count, void*) {
  return size * count;
}

int run(const bench::load& what) {
  curl_global_init(CURL_GLOBAL_ALL);
  CURLM* const multi = curl_multi_init();
  epoll = called("epoll_create1", epoll_create1(0));
  curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_socket);
  curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, on_timeout);
  curl_multi_setopt(multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, static_cast<long>(what.connections));
  curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, static_cast<long>(what.connections));

  const std::string url = "http://" + what.host + ':' + std::to_string(what.port) + '/';
  bench::recorder figures(what.warmup, what.seconds);
  std::deque<worker> workers(what.workers);
  for (worker& each : workers) {
    each.transfer = curl_easy_init();
    curl_easy_setopt(each.transfer, CURLOPT_URL, url.c_str());
    curl_easy_setopt(each.transfer, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(each.transfer, CURLOPT_PRIVATE, &each);
    each.began = steady_clock::now();
    curl_multi_add_handle(multi, each.transfer);
  }

  long opened = 0;
  std::array<epoll_event, 256> events{};
  for (int running = 0;;) {
    const int ready =
        called("epoll_wait", epoll_wait(epoll, events.data(), events.size(), milliseconds_left()));
    if (steady_clock::now() >= timeout) {
      timeout = bench::time_point::max(); // it says when it wants another
      curl_multi_socket_action(multi, CURL_SOCKET_TIMEOUT, 0, &running);
    }
    for (int i = 0; i != ready; ++i)
      curl_multi_socket_action(multi, events[static_cast<std::size_t>(i)].data.fd, 0, &running);
    int left = 0;
    while (const CURLMsg* const message = curl_multi_info_read(multi, &left)) {
      worker* its = nullptr;
      long status = 0;
      long connects = 0;
      curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &its);
      curl_easy_getinfo(its->transfer, CURLINFO_RESPONSE_CODE, &status);
      curl_easy_getinfo(its->transfer, CURLINFO_NUM_CONNECTS, &connects);
      opened += connects;
      if (message->data.result != CURLE_OK || status != 200)
        throw std::runtime_error("a transfer failed");
      const auto now = steady_clock::now();
      if (!figures.record(its->began, now)) {
        std::cout << figures.row(",\"connections_opened\":" + std::to_string(opened)) << std::endl;
        return 0;
      }
      its->began = now;
      curl_multi_remove_handle(multi, its->transfer);
      curl_multi_add_handle(multi, its->transfer);
    }
  }
}

} // namespace

int main(int count, char** words) {
  return bench::run_peer(count, words, run);
}
