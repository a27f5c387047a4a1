// Reads and writes over TLS that take several steps.

#include "net/tls_loop.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/io_context.hpp>

#include <string>
#include <utility>

#include <openssl/ssl.h>

using namespace client_test;

namespace {

/// Makes tickets so large that they take several small records.
int enlarge_ticket(SSL* handle, void*) {
  const std::string more(1'000, 't');
  return SSL_SESSION_set1_ticket_appdata(SSL_get_session(handle), more.data(), more.size());
}

/// What a fragment of 512 bytes takes of the wire.
constexpr std::size_t whole_record = 5 + 512 + 1 + 16;

struct steps : tls_loop {
  server_options with_large_tickets() const {
    server_options options = good();
    options.tickets = 0;
    options.customize = [](SSL_CTX* handle) {
      SSL_CTX_set_max_send_fragment(handle, 512);
      SSL_CTX_set_session_ticket_cb(handle, enlarge_ticket, nullptr, nullptr);
    };
    return options;
  }

  /// A ticket comes in two parts, between which the peer pauses.
  static tls_script with_half_a_ticket(std::size_t part = whole_record + 66) {
    return tls_script().handshakes().answers(ok()).prepares_ticket().sends_part(part).pauses();
  }

  static bool is_amid_ticket(httpool::lease& lease) {
    return SSL_in_init(lease.stream().tls_handle()) != 0;
  }

  /// A read and a write, as pointers in this order.
  static std::pair<transfer_pointer, transfer_pointer>
  start_both(httpool::lease& lease, asio::mutable_buffer to, bool is_read_first) {
    transfer_pointer read = is_read_first ? start_read(lease, to) : nullptr;
    transfer_pointer written = start_write(lease, "hello");
    if (!read)
      read = start_read(lease, to);
    return {std::move(read), std::move(written)};
  }

  /// Half a ticket has come, and OpenSSL knows.
  httpool::lease amid_ticket(tls_peer& peer, client& sender) {
    warm_up(sender);
    BOOST_TEST_REQUIRE(until([&] { return peer.is_paused(0); }));
    httpool::lease lease = sender.pool().try_acquire();
    BOOST_TEST_REQUIRE(bool(lease));
    BOOST_TEST_REQUIRE(is_amid_ticket(lease));
    return lease;
  }
};

} // namespace

// OpenSSL writes nothing while a message of the handshake is incomplete.

BOOST_FIXTURE_TEST_CASE(a_call_waits_for_the_rest_of_a_ticket, steps) {
  tls_peer peer(context, with_large_tickets(), {with_half_a_ticket().answers(ok("again"))});
  client sender(context, https_to(peer), trusting());
  amid_ticket(peer, sender).keep_alive(true);
  const call sent = start(sender, post());
  settle();
  BOOST_TEST(!sent->is_done);
  peer.go_on(0);
  BOOST_TEST(end_of(sent).response.body() == "again");
  BOOST_TEST(peer.accepted == 1u);
  check_nothing_is_left(*this, sender, peer);
}

BOOST_FIXTURE_TEST_CASE(a_write_and_a_read_wait_for_the_rest_of_a_ticket_whichever_is_first,
                        steps) {
  for (const bool is_read_first : {true, false}) {
    tls_peer peer(context, with_large_tickets(),
                  {with_half_a_ticket().hears_bytes(5).says("world").pauses()});
    client sender(context, https_to(peer), trusting());
    httpool::lease lease = amid_ticket(peer, sender);
    std::string got(5, '?');
    const auto [read, written] = start_both(lease, asio::buffer(got), is_read_first);
    settle();
    BOOST_TEST(!written->is_done);
    peer.go_on(0);
    BOOST_TEST(end_of_transfer(written).size == 5u);
    BOOST_TEST(end_of_transfer(read).error == error_code());
    BOOST_TEST(got == "world");
  }
}

BOOST_FIXTURE_TEST_CASE(who_waits_for_the_rest_of_a_ticket_can_be_cancelled, steps) {
  for (const bool has_read : {true, false}) {
    tls_peer peer(context, with_large_tickets(), {with_half_a_ticket()});
    client sender(context, https_to(peer), trusting());
    httpool::lease lease = amid_ticket(peer, sender);
    std::string got(5, '?');
    const transfer_pointer read = has_read ? start_read(lease, asio::buffer(got)) : nullptr;
    const auto written = std::make_shared<transfer>();
    asio::cancellation_signal signal;
    lease.stream().async_write_some(asio::buffer(got),
                                    asio::bind_cancellation_slot(signal.slot(), into(written)));
    settle();
    signal.emit(asio::cancellation_type::terminal);
    BOOST_TEST(end_of_transfer(written).error == error_code(asio::error::operation_aborted));
    lease.socket().cancel();
    if (read)
      BOOST_TEST(end_of_transfer(read).error == error_code(asio::error::operation_aborted));
  }
}

BOOST_FIXTURE_TEST_CASE(both_who_wait_for_the_rest_of_a_ticket_end_with_the_connection, steps) {
  for (const bool is_read_first : {true, false}) {
    tls_peer peer(context, with_large_tickets(), {with_half_a_ticket().closes()});
    client sender(context, https_to(peer), trusting());
    httpool::lease lease = amid_ticket(peer, sender);
    std::string got(5, '?');
    const auto [read, written] = start_both(lease, asio::buffer(got), is_read_first);
    peer.go_on(0);
    BOOST_TEST(end_of_transfer(written).error == error::connection_closed);
    BOOST_TEST(end_of_transfer(read).error == error::connection_closed);
  }
}

BOOST_FIXTURE_TEST_CASE(who_reads_after_the_end_that_a_write_has_met_does_not_wait, steps) {
  for (const std::size_t part : {whole_record, whole_record + 66}) {
    tls_peer peer(context, with_large_tickets(), {with_half_a_ticket(part).closes()});
    client sender(context, https_to(peer), trusting());
    httpool::lease lease = amid_ticket(peer, sender);
    std::string got(5, '?');
    const transfer_pointer written = start_write(lease, "hello");
    peer.go_on(0);
    BOOST_TEST(end_of_transfer(written).error == error::connection_closed);
    BOOST_TEST(end_of_transfer(start_read(lease, asio::buffer(got))).error ==
               error::connection_closed);
  }
}

BOOST_FIXTURE_TEST_CASE(a_call_is_sent_again_if_its_connection_ends_amid_a_ticket, steps) {
  tls_peer peer(context, with_large_tickets(),
                {with_half_a_ticket(whole_record).closes(), serves()});
  client sender(context, https_to(peer), trusting());
  amid_ticket(peer, sender).keep_alive(true);
  const call sent = start(sender, get());
  settle();
  peer.go_on(0);
  BOOST_TEST(end_of(sent).error == error_code());
  BOOST_TEST(sent->response.attempts() == 2u);
}

BOOST_FIXTURE_TEST_CASE(what_is_cancelled_between_two_steps_takes_no_other, steps) {
  server_options options = good();
  options.tickets = 0; // or the first step would read those
  tls_peer peer(context, options,
                {tls_script().handshakes().pauses().prepares("hello").sends_part(10).pauses()});
  client sender(context, https_to(peer), trusting());
  httpool::lease lease = lease_of(sender);
  BOOST_TEST_REQUIRE(until([&] { return peer.is_paused(0); }));
  // The steps of the operation are those of another context, which waits until it is cancelled.
  asio::io_context other(1);
  asio::cancellation_signal signal;
  std::string got(5, '?');
  const auto read = std::make_shared<transfer>();
  lease.stream().async_read_some(
      asio::buffer(got), asio::bind_cancellation_slot(
                             signal.slot(), asio::bind_executor(other.get_executor(), into(read))));
  peer.go_on(0);
  BOOST_TEST_REQUIRE(until([&] { return peer.is_paused(0) && lease.socket().available() == 0u; }));
  signal.emit(asio::cancellation_type::terminal);
  BOOST_TEST_REQUIRE(until([&] {
    other.poll();
    return read->is_done;
  }));
  BOOST_TEST(read->error == error_code(asio::error::operation_aborted));
}
