// The ready-made health probe.

#include "net/client_fixture.hpp"

#include <httpool/http_probe.hpp>

#include <boost/system/system_error.hpp>

using namespace client_test;

namespace {

client_options probing(std::chrono::nanoseconds timeout = patience) {
  client_options options;
  options.pool.probe = httpool::http_probe("example.org", "/healthz", 10ms, timeout);
  return options;
}

/// Whether a connection serves on after the peer has said `answer` to a probe.
bool survives(loop& run, script answer) {
  script plan = script().answers(ok());
  for (auto& step : answer.steps)
    plan.steps.push_back(std::move(step));
  // What comes after shows that the verdict is in.
  scripted_peer peer(run.context, {std::move(plan).hears()});
  client sender(run.context, "127.0.0.1", peer.port,
                probing(answer.steps.size() > 1 ? patience : 100ms));
  run.warm_up(sender);
  BOOST_TEST(run.until(
      [&] { return sender.pool().stats().probes_failed == 1 || peer.heard.size() == 3; }));
  const httpool::pool_stats s = sender.pool().stats();
  BOOST_TEST(s.closed(close_reason::probe_failed) == s.probes_failed);
  BOOST_TEST(peer.heard.at(1) == "HEAD /healthz HTTP/1.1\r\nHost: example.org\r\n\r\n");
  return s.probes_failed == 0;
}

} // namespace

BOOST_FIXTURE_TEST_CASE(a_probe_is_content_with_any_status_below_500, loop) {
  for (const char* status : {"200 OK", "204 None", "301 Moved", "404 Not Found", "499 Odd"})
    BOOST_TEST(survives(*this, script().answers(std::string("HTTP/1.1 ") + status +
                                                "\r\nContent-Length: 10\r\n\r\n")));
  BOOST_TEST(survives(*this, script().answers("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early "
                                              "Hints\r\n\r\nHTTP/1.1 200 OK\r\n\r\n")));
  BOOST_TEST(survives(*this, script().hears().trickles("HTTP/1.1 200 OK\r\nA: b\r\n\r\n")));
}

BOOST_FIXTURE_TEST_CASE(a_probe_costs_the_connection_of_a_peer_that_is_not_well, loop) {
  const std::string fine = "HTTP/1.1 200 OK\r\n";
  for (const std::string& answer :
       {std::string("HTTP/1.1 500 Oh\r\n\r\n"), std::string("HTTP/1.1 503 No\r\n\r\n"),
        std::string("HTTP/1.0 200 OK\r\n\r\n"), std::string("what?\r\n\r\n"),
        fine + "Connection: close\r\n\r\n", fine + "Keep-Alive: timeout=1\r\n\r\n",
        fine + "Keep-Alive: max=0\r\n\r\n",
        fine + "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", fine + "\r\nleft over",
        std::string("HTTP/1.1 101 Switching Protocols\r\n\r\n")}) {
    BOOST_TEST_CONTEXT(answer) {
      BOOST_TEST(!survives(*this, script().answers(answer)));
    }
  }
  BOOST_TEST(!survives(*this, script().hears().closes()));
  BOOST_TEST(!survives(*this, script().hears().resets()));
}

BOOST_FIXTURE_TEST_CASE(a_probe_costs_the_connection_of_a_peer_that_is_silent, loop) {
  BOOST_TEST(!survives(*this, script().hears()));
}

BOOST_FIXTURE_TEST_CASE(a_probe_that_cannot_be_sent_is_refused_when_it_is_made, loop) {
  for (const auto& [host, path] : {std::pair<const char*, const char*>{"a\r\nb", "/"},
                                   {"example.org", "/a b"},
                                   {"example.org", ""},
                                   {"example.org", "healthz"},
                                   {"exa mple", "/"}})
    BOOST_CHECK_EXCEPTION(httpool::http_probe(host, path), boost::system::system_error,
                          [](const auto& e) { return e.code() == error::invalid_request; });
}
