// TLS over TLS, as with an https proxy: what one layer has no room for, or fails with.

#include "net/narrow_socket.hpp"
#include "net/proxy_fixture.hpp"

#include <string>

using namespace proxy_test;
using namespace narrow_socket;

namespace {

struct two_layers : proxied {
  client_options through(const recording_proxy& by) const {
    return proxied::through(at(by, "https"));
  }
};

} // namespace

BOOST_FIXTURE_TEST_CASE(a_record_is_cut_anywhere_in_either_layer_and_the_rest_follows, two_layers) {
  tls_peer peer(context, good(), {serves()});
  recording_proxy by(context, peer.port, encrypted());
  client sender(context, https_to(peer), through(by));
  warm_up(sender);
  std::size_t heard = 1;
  for (const std::size_t size : sizes{0, 100, 16'000, 40'000}) {
    for (const std::size_t bytes :
         sizes{0, 1, 5, 22, 26, 27, 28, 100, 150, 5'000, 16'050, 16'100}) {
      request message("PUT", "/orders");
      message.body(std::string(size, 'o'));
      call sent;
      {
        const narrow within(bytes);
        sent = start(sender, std::move(message));
      }
      BOOST_TEST(end_of(sent).error == error_code());
      BOOST_TEST(sent->response.attempts() == 1u);
      BOOST_TEST(peer.heard.size() == ++heard);
      BOOST_TEST(peer.heard.back().ends_with("\r\n\r\n" + std::string(size, 'o')));
    }
  }
  BOOST_TEST(sender.pool().stats().made == 1u);
}

BOOST_FIXTURE_TEST_CASE(what_has_come_can_be_read_after_a_write_has_failed, two_layers) {
  const std::string news = letters(8'000);
  tls_peer peer(context, good(), {tls_script().handshakes().says(news).pauses()});
  recording_proxy by(context, peer.port, encrypted());
  client sender(context, https_to(peer), through(by));
  httpool::lease lease = lease_of(sender);
  BOOST_TEST_REQUIRE(until([&] { return lease.socket().available() > news.size(); }));
  {
    const narrow shut(10, EPIPE);
    BOOST_TEST(write(lease, "hello") == error::connection_closed);
  }
  std::string got;
  while (got.size() < news.size())
    got += read(lease, news.size());
  BOOST_TEST((got == news));
}

// What waits for a lower layer is handled by handlers within handlers.
BOOST_FIXTURE_TEST_CASE(a_context_may_go_with_a_read_and_a_write_pending, two_layers) {
  tls_peer peer(context, good(), {tls_script().handshakes().stalls()});
  recording_proxy by(context, peer.port, encrypted());
  asio::io_context gone(1);
  std::string bytes(100'000, 'o');
  client sender(gone, https_to(peer), through(by));
  httpool::lease lease;
  sender.pool().async_acquire([&](error_code ec, httpool::lease got) {
    BOOST_TEST(!ec);
    lease = std::move(got);
  });
  BOOST_TEST_REQUIRE(until([&] {
    gone.poll();
    return bool(lease);
  }));
  const narrow shut(0, EAGAIN, true);
  lease.stream().async_read_some(asio::buffer(bytes), into(std::make_shared<transfer>()));
  lease.stream().async_write_some(asio::buffer(bytes), into(std::make_shared<transfer>()));
  gone.poll();
}
