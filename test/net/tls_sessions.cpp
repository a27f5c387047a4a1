// How many sessions a client keeps, and how large ones.

#include "net/tls_loop.hpp"

using namespace client_test;

namespace {

struct kept : tls_loop {
  /// Makes a connection, which the peer sends its tickets over, and closes it.
  void visit(const client_options& options, const tls_peer& peer) {
    client sender(context, https_to(peer), options);
    warm_up(sender);
    check_nothing_is_left(*this, sender, peer);
  }

  server_options with_tickets(std::size_t count) const {
    server_options server = good();
    server.tickets = count;
    return server;
  }
};

/// Makes the tickets of a server larger, by so many bytes.
int enlarge(SSL* handle, void* bytes) {
  const std::string more(*static_cast<const std::size_t*>(bytes), 'x');
  return SSL_SESSION_set1_ticket_appdata(SSL_get_session(handle), more.data(), more.size());
}

SSL_TICKET_RETURN accept_ticket(SSL*, SSL_SESSION*, const unsigned char*, std::size_t,
                                SSL_TICKET_STATUS status, void*) {
  return status == SSL_TICKET_SUCCESS || status == SSL_TICKET_SUCCESS_RENEW
             ? SSL_TICKET_RETURN_USE
             : SSL_TICKET_RETURN_IGNORE_RENEW;
}

} // namespace

BOOST_FIXTURE_TEST_CASE(one_host_has_64_sessions_at_most_and_pushes_out_its_own_alone, kept) {
  const client_options options = trusting();
  const auto sessions = [&] { return options.pool.tls->stats().sessions; };
  tls_peer modest(context, with_tickets(3), {serves()});
  visit(options, modest);
  BOOST_TEST(sessions() == 3u);
  tls_peer lavish(context, with_tickets(100), {serves()});
  visit(options, lavish);
  BOOST_TEST(sessions() == 3u + 64u);
  visit(options, lavish);
  BOOST_TEST(lavish.resumptions == 1u);
  BOOST_TEST(sessions() == 3u + 64u);
  visit(options, modest);
  BOOST_TEST(modest.resumptions == 1u);
}

BOOST_FIXTURE_TEST_CASE(all_hosts_together_have_as_many_sessions_as_the_options_say, kept) {
  tls_options few = trust();
  few.max_sessions = 10;
  const client_options options = over(few);
  tls_peer first(context, with_tickets(4), {serves()});
  tls_peer second(context, with_tickets(8), {serves()});
  visit(options, first);
  visit(options, second);
  BOOST_TEST(options.pool.tls->stats().sessions == 10u);
  visit(options, first); // which has two left, and gets four
  BOOST_TEST(first.resumptions == 1u);
  BOOST_TEST(options.pool.tls->stats().sessions == 10u);
  // The newest of a host serves first, and the others after it.
  visit(options, second);
  BOOST_TEST(second.resumptions == 1u);
}

BOOST_FIXTURE_TEST_CASE(huge_tickets_are_not_kept, kept) {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    for (const auto& [more, is_kept] :
         {std::pair<std::size_t, bool>{7'000, true}, {8'200, false}}) {
      BOOST_TEST_CONTEXT("version " << version << ", " << more << " bytes") {
        std::size_t size = more;
        server_options server = good();
        server.max_version = version;
        server.customize = [&](SSL_CTX* to) {
          SSL_CTX_set_session_ticket_cb(to, enlarge, accept_ticket, &size);
        };
        tls_peer peer(context, server, {serves()});
        const client_options options = trusting();
        visit(options, peer);
        BOOST_TEST((options.pool.tls->stats().sessions != 0) == is_kept);
        visit(options, peer);
        BOOST_TEST(peer.resumptions == (is_kept ? 1u : 0u));
        BOOST_TEST(peer.accepted == 2u);
      }
    }
  }
}
