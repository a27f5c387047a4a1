// Deadlines, limits, shortage of descriptors: a slow or greedy client costs nobody else.

#include "net/server_fixture.hpp"

#include <algorithm>
#include <stdexcept>
#include <string>
#include <vector>

#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>
#include <unistd.h>

using namespace server_test;
using httpool::request;
using httpool::response;
using clock_type = std::chrono::steady_clock;

namespace {

response hello(const request&) {
  return response(200, "hello", "text/plain");
}

bool readable_within(client& peer, std::chrono::milliseconds time) {
  pollfd what{peer.socket().native_handle(), POLLIN, 0};
  return ::poll(&what, 1, static_cast<int>(time.count())) == 1;
}

} // namespace

BOOST_AUTO_TEST_CASE(a_head_that_takes_too_long_is_cut_however_it_trickles) {
  httpool::server_options options;
  options.head_timeout = 100ms;
  live_server server(hello, options);
  client peer(server);
  BOOST_TEST(peer.get("/").status() == 200u);
  const auto begin = clock_type::now();
  peer.send("GET / HTTP/1.1\r\nHost: a\r\nX: ");
  while (!readable_within(peer, 5ms))
    peer.send("x");
  BOOST_TEST((clock_type::now() - begin >= 100ms));
  const auto refusal = peer.receive();
  BOOST_REQUIRE(refusal.has_value());
  BOOST_TEST(refusal->status() == 408u);
  BOOST_TEST(refusal->fields().value("Connection") == "close");
  peer.half_close();
  BOOST_TEST(peer.at_end());
  BOOST_TEST(server->stats().timed_out == 1u);
}

BOOST_AUTO_TEST_CASE(a_body_is_cut_when_it_stands_still_but_not_while_it_moves) {
  httpool::server_options options;
  options.body_timeout = 200ms;
  live_server server([](request message) { return response(200, message.body(), "text/plain"); },
                     options);
  const std::string head = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 15\r\n\r\n";
  const auto send_slowly = [&] {
    client moving(server);
    const auto begin = clock_type::now();
    moving.send(head);
    for (int i = 0; i < 15; ++i) {
      readable_within(moving, 20ms);
      moving.send("x");
    }
    BOOST_TEST((clock_type::now() - begin > 200ms));
    return moving.receive()->status();
  };
  // A machine that stops for as long as the deadline may spoil one attempt, not all of them.
  bool served = false;
  for (int attempt = 0; attempt < 20 && !served; ++attempt)
    served = send_slowly() == 200;
  BOOST_TEST(served);

  client still(server);
  still.send(head + "xxx");
  BOOST_TEST(still.receive()->status() == 408u);
  still.half_close();
  BOOST_TEST(still.at_end());
}

BOOST_AUTO_TEST_CASE(a_body_stands_still_while_chunk_extensions_or_trailers_trickle) {
  httpool::server_options options;
  options.body_timeout = 100ms;
  live_server server(hello, options);
  for (const std::string begin : {"5;a=", "1\r\nx\r\n0\r\nA: "}) {
    client peer(server);
    peer.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + begin);
    int bytes = 0;
    while (!readable_within(peer, 10ms) && ++bytes < 1'000)
      peer.send("x");
    BOOST_TEST(bytes < 1'000);
    const auto refusal = peer.receive();
    BOOST_REQUIRE(refusal.has_value());
    BOOST_TEST(refusal->status() == 408u);
  }
}

BOOST_AUTO_TEST_CASE(an_idle_connection_is_closed_without_a_word) {
  httpool::server_options options;
  options.idle_timeout = 1s;
  live_server server(hello, options);
  const auto begin = clock_type::now();
  client silent(server);
  client served(server);
  BOOST_TEST(served.get("/").status() == 200u);
  BOOST_TEST(silent.at_end());
  BOOST_TEST(served.at_end());
  BOOST_TEST((clock_type::now() - begin >= 1s));
  BOOST_TEST(server->stats().timed_out == 2u);
}

BOOST_AUTO_TEST_CASE(a_response_that_is_still_on_its_way_at_the_idle_timeout_is_not_overtaken) {
  httpool::server_options options;
  options.idle_timeout = 50ms;
  options.linger_timeout = 1min;
  const std::string large(1024 * 1024, 'x');
  live_server server([&](const request&) { return response(200, large, "text/plain"); }, options);
  client peer(server, asio::socket_base::receive_buffer_size(64 * 1024));
  peer.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  until([&] { return server->stats().timed_out == 1; });
  server.settle();
  peer.send("GET /2 HTTP/1.1\r\nHost: a\r\n\r\n");
  const auto answer = peer.receive();
  BOOST_REQUIRE(answer.has_value());
  BOOST_TEST((answer->body() == large));
  BOOST_TEST(peer.at_end());
}

BOOST_AUTO_TEST_CASE(a_client_that_is_receiving_is_not_idle) {
  httpool::server_options options;
  options.idle_timeout = 200ms;
  const std::string large(2 * 1024 * 1024, 'x');
  live_server server(
      [&](const request& message) {
        return response(200, message.target() == "/" ? large : "", "text/plain");
      },
      options);
  const auto receive_slowly = [&] {
    client peer(server, asio::socket_base::receive_buffer_size(64 * 1024));
    const auto begin = clock_type::now();
    peer.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    while (clock_type::now() - begin < 3 * options.idle_timeout) {
      pollfd nothing{-1, 0, 0};
      ::poll(&nothing, 1, 20);
      peer.read_some(50'000);
    }
    peer.send("GET /2 HTTP/1.1\r\nHost: a\r\n\r\n");
    BOOST_TEST(peer.receive().has_value());
    return peer.receive().has_value();
  };
  // A machine that stops for as long as the deadline may spoil one attempt, not all of them.
  bool served = false;
  for (int attempt = 0; attempt < 20 && !served; ++attempt)
    served = receive_slowly();
  BOOST_TEST(served);
}

BOOST_AUTO_TEST_CASE(empty_lines_do_not_keep_an_idle_connection_open) {
  for (const auto timeout : {200ms, 700ms}) { // The second gives its memory back before.
    httpool::server_options options;
    options.idle_timeout = timeout;
    live_server server(hello, options);
    client peer(server);
    int lines = 0;
    while (!readable_within(peer, 20ms) && ++lines < 5'000)
      peer.send("\r\n");
    BOOST_TEST(lines < 5'000);
    BOOST_TEST(server->stats().timed_out == 1u);
  }
}

BOOST_AUTO_TEST_CASE(a_client_that_does_not_read_is_cut) {
  httpool::server_options options;
  options.body_timeout = 50ms;
  const std::string large(64 * 1024 * 1024, 'x');
  live_server server([&](const request&) { return response(200, large, "text/plain"); }, options);
  client peer(server);
  peer.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  until([&] { return server->stats().timed_out == 1 && server->stats().open == 0; });
  client other(server);
  other.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
  BOOST_TEST(other.receive("HEAD")->status() == 200u);
}

BOOST_AUTO_TEST_CASE(a_client_that_never_closes_is_let_go) {
  httpool::server_options options;
  options.linger_timeout = 50ms;
  live_server server(hello, options);
  client peer(server);
  peer.send("nonsense\r\n\r\n");
  BOOST_TEST(peer.receive()->status() == 400u);
  until([&] { return server->stats().open == 0; });
  BOOST_TEST(server->stats().timed_out == 0u);
}

BOOST_AUTO_TEST_CASE(connections_beyond_the_limit_wait_for_room) {
  httpool::server_options options;
  options.max_connections = 2;
  live_server server(hello, options);
  std::vector<std::unique_ptr<client>> peers;
  for (int i = 0; i < 5; ++i) {
    peers.push_back(std::make_unique<client>(server));
    peers.back()->send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  }
  for (const auto& peer : peers) {
    BOOST_TEST(peer->receive()->status() == 200u);
    peer->socket().close();
  }
  until([&] { return server->stats().open == 0; });
  BOOST_TEST(server->stats().peak_open == 2u);
  BOOST_TEST(server->stats().accepted == 5u);
}

BOOST_AUTO_TEST_CASE(without_descriptors_accepting_pauses_and_then_goes_on) {
  live_server server(hello);
  asio::io_context context;
  tcp::socket peer(context, tcp::v4());

  rlimit before{};
  BOOST_REQUIRE(::getrlimit(RLIMIT_NOFILE, &before) == 0);
  rlimit few = before;
  few.rlim_cur = std::min<rlim_t>(before.rlim_cur, 256);
  BOOST_REQUIRE(::setrlimit(RLIMIT_NOFILE, &few) == 0);
  std::vector<int> taken;
  for (int fd = ::open("/dev/null", O_RDONLY); fd >= 0; fd = ::open("/dev/null", O_RDONLY))
    taken.push_back(fd);

  const auto begin = clock_type::now();
  peer.connect(server.endpoint());
  until([&] { return server->stats().accept_pauses >= 3; });
  const auto pauses = server->stats().accept_pauses;
  const auto time = clock_type::now() - begin;
  for (const int fd : taken)
    ::close(fd);
  BOOST_REQUIRE(::setrlimit(RLIMIT_NOFILE, &before) == 0);

  BOOST_TEST((time >= (pauses - 1) * 100ms), "accepting spins: " << pauses << " pauses");
  asio::write(peer, asio::buffer("GET / HTTP/1.0\r\n\r\n", 18));
  std::string answer(12, ' ');
  BOOST_TEST(peer.receive(asio::buffer(answer)) == 12u);
  BOOST_TEST(answer == "HTTP/1.1 200");
}

BOOST_AUTO_TEST_CASE(a_port_in_use_is_an_error_that_says_so) {
  live_server server(hello);
  asio::io_context context;
  try {
    httpool::server second(context, server.endpoint(), hello);
    BOOST_ERROR("two servers on one port");
  } catch (const boost::system::system_error& failed) {
    BOOST_TEST((failed.code() == asio::error::address_in_use));
    std::ostringstream where;
    where << "cannot listen on " << server.endpoint() << ": Address already in use";
    BOOST_TEST(std::string(failed.what()).starts_with(where.str()), failed.what());
  }
}

BOOST_AUTO_TEST_CASE(options_that_make_no_sense_are_refused_by_name) {
  asio::io_context context;
  const auto refusal = [&](auto change) -> std::string {
    httpool::server_options options;
    change(options);
    try {
      httpool::server server(context, any_port(), hello, options);
    } catch (const std::invalid_argument& refused) {
      return refused.what();
    }
    return "";
  };
  using options = httpool::server_options;
  BOOST_TEST(refusal([](options& o) { o.max_head_bytes = (std::size_t{1} << 31) + 1; }) ==
             "server_options::max_head_bytes must be at most 2147483648, not 2147483649");
  BOOST_TEST(refusal([](options& o) { o.idle_timeout = -3ms; }) ==
             "server_options::idle_timeout must be positive, not -3 ms");
  BOOST_TEST(refusal([](options& o) { o.idle_timeout = -1ns; }) ==
             "server_options::idle_timeout must be positive, not -1 ns");
  BOOST_TEST(refusal([](options& o) { o.linger_timeout = 0s; }) ==
             "server_options::linger_timeout must be positive, not 0 ms");
  BOOST_TEST(refusal([](options& o) { o.max_head_bytes = 0; }) ==
             "server_options::max_head_bytes must not be 0");
  BOOST_TEST(refusal([](options& o) { o.head_timeout = options::duration::max(); }) == "");
}

BOOST_AUTO_TEST_CASE(an_empty_executor_is_refused) {
  BOOST_CHECK_EXCEPTION(httpool::server(asio::any_io_executor(), any_port(), hello),
                        std::invalid_argument, [](const std::invalid_argument& e) {
                          return std::string(e.what()).starts_with("httpool: executor is empty, ");
                        });
}
