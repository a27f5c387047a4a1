// A server that finds no memory loses a connection at most, never its ears.

#include "net/server_fixture.hpp"

#include <atomic>
#include <cstdlib>
#include <new>
#include <thread>

// GCC 12, which inlines the operators below into their callers, takes each for half of a pair.
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"

using namespace server_test;
using httpool::request;
using httpool::response;

namespace {

const std::thread::id test_thread = std::this_thread::get_id();

// Counts down the allocations of threads other than the test's; the one that makes it zero fails.
std::atomic<int> until_failure = 0;

bool fails() noexcept {
  return until_failure > 0 && std::this_thread::get_id() != test_thread && --until_failure == 0;
}

} // namespace

void* operator new(std::size_t size) {
  void* bytes = fails() ? nullptr : std::malloc(size);
  return bytes != nullptr ? bytes : throw std::bad_alloc();
}

void operator delete(void* bytes) noexcept {
  std::free(bytes);
}

void operator delete(void* bytes, std::size_t) noexcept {
  std::free(bytes);
}

BOOST_AUTO_TEST_CASE(it_accepts_again_whichever_allocation_has_failed) {
  live_server server([](const request&) { return response(200, "hello", "text/plain"); });
  BOOST_TEST(client(server).get("/").status() == 200u);
  int failed = 0;
  for (int nth = 1; nth <= 8; ++nth) {
    until_failure = nth;
    client another(server);
    another.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    another.half_close();
    another.receive();
    failed += until_failure.exchange(0) == 0;
    BOOST_TEST(client(server).get("/").status() == 200u, nth);
  }
  BOOST_TEST(failed > 1);
}
