// Ten thousand connections, opened and dropped, leave nothing behind.

#include "net/server_fixture.hpp"

#include <boost/asio/socket_base.hpp>

#include <fstream>
#include <memory>
#include <vector>

#include <unistd.h>

using namespace server_test;
using httpool::request;
using httpool::response;

namespace {

long resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  long total = 0;
  long resident = 0;
  statm >> total >> resident;
  return resident * ::sysconf(_SC_PAGESIZE);
}

// In batches, each of which is open at one time: idle ones, served ones, half requests; ended by a
// close or by a reset.
void churn(live_server& server, int connections) {
  constexpr int batch = 250;
  for (int done = 0; done < connections; done += batch) {
    std::vector<std::unique_ptr<client>> peers;
    for (int i = 0; i < batch; ++i) {
      peers.push_back(std::make_unique<client>(server));
      if (i % 3 == 1)
        BOOST_TEST(peers.back()->get("/").status() == 200u);
      if (i % 3 == 2)
        peers.back()->send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhe");
      if (i % 2 == 0)
        peers.back()->socket().set_option(asio::socket_base::linger(true, 0));
    }
    peers.clear();
    until([&] { return server->stats().open == 0; });
  }
}

} // namespace

BOOST_AUTO_TEST_CASE(ten_thousand_connections_opened_and_dropped_leave_nothing_behind) {
  live_server server([](const request&) { return response(200, "hello", "text/plain"); });
  const std::size_t descriptors_before = descriptors();
  churn(server, 10'000);
  const long resident_before = resident_bytes();
  churn(server, 10'000);
  BOOST_TEST(descriptors() == descriptors_before);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  BOOST_TEST(resident_bytes() - resident_before < 1024 * 1024);
#else
  // A sanitizer keeps freed memory for a while.
  BOOST_TEST_MESSAGE("resident bytes grew by " << resident_bytes() - resident_before);
#endif
  BOOST_TEST(server->stats().accepted == 20'000u);
}
