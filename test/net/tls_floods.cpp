// A server that sends what is no data, over and over, while a response is waited for.

#include "net/tls_loop.hpp"

#include <malloc.h>

using namespace client_test;

namespace {

struct flooded : tls_loop {
  /// A response that so much comes before is one like another, and so is the connection.
  void check_is_taken_in(const tls_script& what) {
    tls_peer peer(context, good(),
                  {in_a_row(in_a_row(tls_script().handshakes().hears(), repeated(4'000, what)),
                            tls_script().says(ok()).answers(ok("again")))});
    const client_options options = trusting();
    client sender(context, https_to(peer), options);
    BOOST_TEST(send(sender, get()).response.body() == "hi");
    const outcome next = send(sender, post());
    BOOST_TEST(next.response.body() == "again");
    BOOST_TEST(next.response.connection_id() == 1u);
    BOOST_TEST(options.pool.tls->stats().sessions <= 64u);
    check_nothing_is_left(*this, sender, peer);
  }

  /// One that never comes is waited for as long as the exchange may take, and in little memory.
  void check_is_ended_by_the_deadline(const tls_script& what) {
    tls_peer peer(context, good(), {in_a_row(tls_script().handshakes(), what).repeats(), serves()});
    client_options options = trusting();
    options.exchange_timeout = 100ms;
    client sender(context, https_to(peer), options);
    const std::size_t memory = mallinfo2().uordblks;
    BOOST_TEST(send(sender, get()).error == error::exchange_timeout);
    BOOST_TEST(mallinfo2().uordblks <= memory + 1024 * 1024);
    BOOST_TEST(options.pool.tls->stats().sessions <= 64u);
    BOOST_TEST(send(sender, get()).response.connection_id() == 2u);
    check_nothing_is_left(*this, sender, peer);
  }
};

} // namespace

BOOST_FIXTURE_TEST_CASE(what_is_no_data_is_taken_in_before_a_response, flooded) {
  check_is_taken_in(tls_script().updates_keys(false));
  check_is_taken_in(tls_script().updates_keys(true));
  check_is_taken_in(tls_script().sends_ticket());
}

BOOST_FIXTURE_TEST_CASE(what_is_no_data_and_has_no_end_is_ended_by_the_deadline, flooded) {
  check_is_ended_by_the_deadline(tls_script().updates_keys(false));
  check_is_ended_by_the_deadline(tls_script().sends_ticket());
  // Who asks for new keys reads no answer: at last none can be sent.
  check_is_ended_by_the_deadline(tls_script().updates_keys(true));
}
