// A connection that goes from one exchange straight to a caller who waits, or to a probe, is looked
// at on the way.

#include "net/client_fixture.hpp"

#include <cerrno>

#include <sys/socket.h>

namespace {

bool has_more = false; ///< Whoever looks at a socket finds a byte.

} // namespace

// What a look is made with.
extern "C" ssize_t recv(int socket, void* to, std::size_t size, int flags) {
  if (has_more && (flags & MSG_PEEK) != 0)
    return 1;
  return ::recvfrom(socket, to, size, flags, nullptr, nullptr);
}

using namespace client_test;

namespace {

struct hand_over : loop {
  static client_options one_connection() {
    client_options options;
    options.pool.max_connections = 1;
    return options;
  }

  scripted_peer peer{context, {script().answers(ok()).repeats()}};
  client sender{context, "127.0.0.1", peer.port, one_connection()};
};

} // namespace

BOOST_FIXTURE_TEST_CASE(who_waits_gets_the_connection_of_an_exchange_that_has_ended, hand_over) {
  const call first = start(sender, get("/1"));
  const call second = start(sender, get("/2"));
  BOOST_TEST(end_of(first).response.connection_id() == 1u);
  BOOST_TEST(end_of(second).response.connection_id() == 1u);
  BOOST_TEST(peer.accepted() == 1u);
  check_nothing_is_left(*this, sender, peer);
}

BOOST_FIXTURE_TEST_CASE(who_waits_does_not_get_a_connection_with_unread_bytes, hand_over) {
  warm_up(sender);
  const call first = start(sender, get("/1"));
  BOOST_TEST_REQUIRE(sender.pool().stats().leased == 1u);
  const call second = start(sender, get("/2"));
  has_more = true;
  BOOST_TEST(end_of(first).error == error_code());
  has_more = false;
  BOOST_TEST(end_of(second).error == error_code());
  BOOST_TEST(end_of(second).response.connection_id() == 2u);
  BOOST_TEST(sender.pool().stats().closed(httpool::close_reason::peer_spoke) == 1u);
  check_nothing_is_left(*this, sender, peer);
}

BOOST_FIXTURE_TEST_CASE(a_probe_is_not_sent_where_there_are_unread_bytes, loop) {
  scripted_peer peer(context, {script().answers(ok()).repeats()});
  client_options options;
  options.probe_path = "/healthz";
  options.pool.probe.interval = 50ms;
  client sender(context, "127.0.0.1", peer.port, options);
  warm_up(sender);
  has_more = true;
  BOOST_TEST(until([&] { return sender.pool().stats().probes_failed == 1; }));
  has_more = false;
  BOOST_TEST(peer.heard.size() == 1u);
  check_nothing_is_left(*this, sender, peer);
}
