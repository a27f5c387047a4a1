// Encrypted requests for which the transport has no room at once.

#include "net/narrow_socket.hpp"
#include "net/tls_loop.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/error.hpp>

#include <string>

using namespace client_test;
using namespace narrow_socket;

namespace {

request put(std::size_t size) {
  request message("PUT", "/orders");
  message.body(std::string(size, 'o'));
  return message;
}

struct without_room : tls_loop {
  /// Starts a call whose request finds room for so many bytes.
  call start_with(std::size_t bytes, client& sender, request message, int then = EAGAIN) {
    const narrow within(bytes, then);
    return start(sender, std::move(message));
  }

  void check_heard(const tls_peer& peer, std::size_t count, std::size_t size) {
    BOOST_TEST(peer.heard.size() == count);
    BOOST_TEST(peer.heard.back().ends_with("\r\n\r\n" + std::string(size, 'o')));
  }
};

} // namespace

BOOST_FIXTURE_TEST_CASE(a_record_is_cut_anywhere_and_the_rest_follows, without_room) {
  tls_peer peer(context, good(), {serves()});
  client sender(context, https_to(peer), trusting());
  warm_up(sender);
  std::size_t heard = 1;
  for (const std::size_t size : sizes{0, 100, 16'000}) {
    for (const std::size_t bytes : sizes{0, 1, 4, 5, 6, 50, 100, 101, 5'000, 16'050}) {
      const call sent = start_with(bytes, sender, put(size));
      BOOST_TEST(end_of(sent).error == error_code());
      BOOST_TEST(sent->response.attempts() == 1u);
      check_heard(peer, ++heard, size);
      BOOST_TEST(sender.pool().stats().idle == 1u);
    }
  }
  BOOST_TEST(sender.pool().stats().made == 1u);
  check_nothing_is_left(*this, sender, peer);
}

BOOST_FIXTURE_TEST_CASE(small_records_leave_with_the_first_of_them, without_room) {
  tls_options settings = trust();
  settings.customize = [](SSL_CTX* handle) {
    SSL_CTX_set_max_send_fragment(handle, 512);
    SSL_CTX_set_mode(handle, SSL_MODE_ENABLE_PARTIAL_WRITE); // which is not for us
  };
  tls_peer peer(context, good(), {serves()});
  client sender(context, https_to(peer), over(settings));
  warm_up(sender);
  std::size_t heard = 1;
  for (const std::size_t bytes : sizes{0, 100, 512, 600, 1'600}) {
    BOOST_TEST(end_of(start_with(bytes, sender, put(2'000))).error == error_code());
    check_heard(peer, ++heard, 2'000);
  }
  BOOST_TEST(sender.pool().stats().made == 1u);
  check_nothing_is_left(*this, sender, peer);
}

BOOST_FIXTURE_TEST_CASE(what_takes_more_than_a_record_is_sent_too, without_room) {
  tls_peer peer(context, good(), {serves()});
  client sender(context, https_to(peer), trusting());
  warm_up(sender);
  std::size_t heard = 1;
  for (const std::size_t size : sizes{16'200, 16'384, 20'000, 60'000}) {
    BOOST_TEST(send(sender, put(size)).error == error_code());
    check_heard(peer, ++heard, size);
  }
  BOOST_TEST(sender.pool().stats().made == 1u);
  check_nothing_is_left(*this, sender, peer);
}

BOOST_FIXTURE_TEST_CASE(a_call_that_is_cancelled_with_half_a_record_sent_costs_its_connection,
                        without_room) {
  for (const std::size_t bytes : sizes{0, 1, 50}) {
    tls_peer peer(context, good(), {serves()});
    client sender(context, https_to(peer), trusting());
    warm_up(sender);
    asio::cancellation_signal signal;
    const auto result = std::make_shared<outcome>();
    {
      const narrow within(bytes, EAGAIN, true);
      sender.async_send(put(1'000), asio::bind_cancellation_slot(signal.slot(), into(result)));
      signal.emit(asio::cancellation_type::terminal);
    }
    BOOST_TEST(end_of(result).error == error_code(asio::error::operation_aborted));
    BOOST_TEST(until([&] { return sender.pool().stats().total() == 0; }));
    BOOST_TEST(peer.heard.size() == 1u);
    BOOST_TEST(send(sender, get()).error == error_code());
    BOOST_TEST(sender.pool().stats().made == 2u);
    check_nothing_is_left(*this, sender, peer);
  }
}

BOOST_FIXTURE_TEST_CASE(a_request_that_fails_to_leave_is_sent_over_a_fresh_connection,
                        without_room) {
  tls_peer peer(context, good(), {serves()});
  client sender(context, https_to(peer), trusting());
  for (const std::size_t bytes : sizes{0, 1, 50}) {
    warm_up(sender);
    const call sent = start_with(bytes, sender, put(100), EPIPE);
    BOOST_TEST(end_of(sent).error == error_code());
    BOOST_TEST(sent->response.attempts() == 2u);
  }
  check_nothing_is_left(*this, sender, peer);
}

/// Only the client, which has nothing else to say, is kept from sending.
BOOST_FIXTURE_TEST_CASE(a_peer_that_takes_nothing_can_be_read, without_room) {
  tls_peer peer(
      context, good(),
      {tls_script().handshakes().updates_keys(true).says("news").pauses().hears_bytes(5)});
  client sender(context, https_to(peer), trusting());
  httpool::lease lease = lease_of(sender);
  BOOST_TEST_REQUIRE(until([&] { return peer.is_paused(0); }));
  {
    const narrow shut(0, EAGAIN, true);
    BOOST_TEST(read(lease, 4) == "news");
  }
  // The answer goes before what is said next, or the peer could not read that.
  peer.go_on(0);
  BOOST_TEST(write(lease, "hello") == error_code());
  BOOST_TEST(until([&] { return !peer.heard.empty(); }));
  BOOST_TEST(peer.heard.at(0) == "hello");
}

BOOST_FIXTURE_TEST_CASE(a_peer_that_asks_for_answers_without_end_and_takes_none_is_told_no_more,
                        without_room) {
  tls_peer peer(context, good(),
                {tls_script().handshakes().updates_keys(true).times(6'000).says("news").pauses()});
  client sender(context, https_to(peer), trusting());
  httpool::lease lease = lease_of(sender);
  BOOST_TEST_REQUIRE(until([&] { return peer.is_paused(0); }));
  const narrow shut(0, EAGAIN, true);
  BOOST_TEST(read(lease, 4) == "news");
  BOOST_TEST(write(lease, "hello") == error::protocol_error);
  BOOST_TEST(write(lease, "hello") == error::connection_closed);
}

BOOST_FIXTURE_TEST_CASE(what_has_come_can_be_read_after_a_write_has_failed, without_room) {
  tls_peer peer(context, good(), {tls_script().handshakes().says("news").pauses()});
  client sender(context, https_to(peer), trusting());
  httpool::lease lease = lease_of(sender);
  BOOST_TEST_REQUIRE(until([&] { return peer.is_paused(0); }));
  for (const std::size_t bytes : sizes{10, 0}) {
    const narrow shut(bytes, EPIPE);
    BOOST_TEST(write(lease, "hello") == error::connection_closed);
  }
  BOOST_TEST(read(lease, 4) == "news");
  lease.keep_alive(true);
  lease.reset();
  BOOST_TEST(sender.pool().stats().idle == 0u);
}
