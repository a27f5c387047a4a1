// A server that finds no memory loses a connection at most, never its ears; and what it needs for
// an idle one is little.

#include "memory/allocator_hooks.hpp"
#include "net/server_fixture.hpp"

#include <httpool/server_threads.hpp>

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>

#include <atomic>
#include <deque>
#include <memory>
#include <new>
#include <optional>
#include <thread>

using namespace server_test;
using httpool::request;
using httpool::response;
using httpool_test::memory_source;

namespace {

const std::thread::id test_thread = std::this_thread::get_id();

// Counts down what they are asked; the one that makes it zero fails.
std::atomic<int> until_failure = 0;

bool fails_elsewhere(std::size_t, memory_source from) noexcept {
  return from == memory_source::operator_new && std::this_thread::get_id() != test_thread &&
         until_failure > 0 && --until_failure == 0;
}

bool fails_here(std::size_t, memory_source) noexcept {
  return std::this_thread::get_id() == test_thread && until_failure > 0 && --until_failure == 0;
}

bool all_fail(std::size_t, memory_source) noexcept {
  return true;
}

// What a list of hundreds of timers takes to grow, and nothing that a connection needs.
bool large_ones_fail(std::size_t size, memory_source) noexcept {
  return size >= 8'000;
}

// While it lives, memory is refused.
class shortage {
public:
  explicit shortage(httpool_test::memory_refusal refuses, int nth = 0) {
    until_failure = nth;
    httpool_test::refuse_memory(refuses);
  }
  ~shortage() { httpool_test::refuse_memory(nullptr); }
  shortage(const shortage&) = delete;
  shortage& operator=(const shortage&) = delete;
};

response hello(const request&) {
  return response(200, "hello", "text/plain");
}

bool refused(const tcp::endpoint& at) {
  asio::io_context context;
  tcp::socket socket(context);
  error_code ec;
  socket.connect(at, ec);
  return ec == asio::error::connection_refused;
}

// Whether what is left to do comes to an end.
bool ends(asio::io_context& context) {
  context.restart();
  context.run_for(1min);
  return context.stopped();
}

} // namespace

BOOST_AUTO_TEST_CASE(it_accepts_again_whichever_allocation_has_failed) {
  live_server server(hello);
  BOOST_TEST(client(server).get("/").status() == 200u);
  int failed = 0;
  for (int nth = 1; nth <= 8; ++nth) {
    std::optional<shortage> of_memory(std::in_place, fails_elsewhere, nth);
    client another(server);
    another.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    another.half_close();
    another.receive();
    failed += until_failure == 0;
    of_memory.reset();
    BOOST_TEST(client(server).get("/").status() == 200u, nth);
  }
  BOOST_TEST(failed > 1);
}

BOOST_AUTO_TEST_CASE(an_idle_connection_gives_back_its_memory_and_serves_on) {
  live_server server(hello);
  const auto become_cool = [&](client& peer) {
    BOOST_TEST(peer.get("/").status() == 200u);
    server.settle();
    const std::size_t warm = httpool_test::bytes_in_use();
    until([&] { return httpool_test::bytes_in_use() + 4096 <= warm; });
  };
  client peer(server);
  become_cool(peer);
  for (const std::string_view piece : {"\r\n", "GET / HT", "TP/1.1\r\nHost: a\r\n\r\n"}) {
    peer.send(piece);
    server.settle();
  }
  BOOST_TEST(peer.receive()->status() == 200u);

  become_cool(peer);
  peer.half_close();
  BOOST_TEST(peer.at_end());

  client idle(server);
  become_cool(idle);
  BOOST_TEST(!stop(server).get());
  BOOST_TEST(idle.at_end());
}

BOOST_AUTO_TEST_CASE(nothing_is_left_of_a_server_that_was_not_made_whichever_allocation_failed) {
  const auto open = descriptors();
  int nth = 0;
  for (bool is_made = false; !is_made;) {
    const std::int64_t before = httpool_test::blocks_in_use();
    bool is_over = false;
    {
      asio::io_context context(1);
      const shortage of_memory(fails_here, ++nth);
      try {
        const httpool::server server(context, any_port(), hello);
        is_made = until_failure > 0;
      } catch (const std::bad_alloc&) {
      }
      context.run();
      is_over = context.stopped();
    }
    BOOST_TEST(is_over);
    BOOST_TEST(httpool_test::blocks_in_use() == before, nth);
  }
  BOOST_TEST(nth > 8);
  BOOST_TEST((descriptors() == open));
}

BOOST_AUTO_TEST_CASE(nothing_is_left_of_threads_that_were_not_made_whichever_allocation_failed) {
  const auto open = descriptors();
  int nth = 0;
  for (bool is_made = false; !is_made;) {
    const shortage of_memory(fails_here, ++nth);
    try {
      const httpool::server_threads server(2, any_port(), hello);
      is_made = until_failure > 0;
    } catch (const std::bad_alloc&) {
    }
  }
  BOOST_TEST(nth > 20);
  BOOST_TEST((descriptors() == open));
}

BOOST_AUTO_TEST_CASE(threads_stop_whichever_allocation_fails) {
  int nth = 0;
  for (bool is_clean = false; !is_clean;) {
    httpool::server_threads server(3, any_port(), hello);
    client idle(server.local_endpoint());
    BOOST_TEST(idle.get("/").status() == 200u);
    {
      const shortage of_memory(fails_here, ++nth);
      is_clean = server.stop();
    }
    BOOST_TEST(is_clean == (until_failure > 0), nth);
    BOOST_TEST(refused(server.local_endpoint()), nth);
    BOOST_TEST(!idle.read_some(), nth);
    BOOST_TEST(server.stop() == is_clean, nth);
  }
  BOOST_TEST(nth > 6);
}

BOOST_AUTO_TEST_CASE(a_server_on_a_strand_is_closed_although_memory_lacks) {
  asio::io_context context(1);
  httpool::server server(asio::make_strand(context), any_port(), hello);
  context.poll();
  {
    const shortage of_memory(all_fail);
    server.close();
  }
  BOOST_TEST(ends(context));
  BOOST_TEST(refused(server.local_endpoint()));
}

BOOST_AUTO_TEST_CASE(a_server_on_a_strand_ends_when_it_is_destroyed_although_memory_lacks) {
  asio::io_context context(1);
  std::optional<httpool::server> server(std::in_place, asio::make_strand(context), any_port(),
                                        hello);
  const tcp::endpoint at = server->local_endpoint();
  context.poll();
  {
    const shortage of_memory(all_fail);
    server.reset();
  }
  BOOST_TEST(ends(context));
  BOOST_TEST(refused(at));
}

BOOST_AUTO_TEST_CASE(a_server_on_a_strand_can_be_closed_again_if_the_strand_had_no_memory_for_it) {
  asio::io_context context(1);
  httpool::server server(asio::make_strand(context), any_port(), hello);
  context.poll();
  server.close();
  {
    const shortage of_memory(all_fail);
    BOOST_CHECK_THROW(context.poll(), std::bad_alloc);
    server.close();
  }
  BOOST_TEST(ends(context));
  BOOST_TEST(refused(server.local_endpoint()));
}

BOOST_AUTO_TEST_CASE(waiting_for_a_place_takes_no_memory_however_long_it_lasts) {
  asio::io_context context(1);
  httpool::server_options options;
  options.max_connections = 2;
  httpool::server server(context, any_port(), hello, options);
  const auto go_on = [&](auto condition) {
    while (!condition())
      context.poll_one();
  };
  std::optional<client> first(std::in_place, server.local_endpoint());
  first->send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  go_on([&] { return first->socket().available() != 0; });

  // Asio's list of timers is full, and cannot grow.
  std::deque<asio::steady_timer> timers;
  std::optional<shortage> of_memory(std::in_place, large_ones_fail);
  try {
    for (;;) {
      timers.emplace_back(context, asio::steady_timer::time_point::max());
      timers.back().async_wait([](error_code) {});
    }
  } catch (const std::bad_alloc&) {
  }

  client second(server.local_endpoint());
  client third(server.local_endpoint());
  third.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  go_on([&] { return server.stats().open == 2; });
  for (int i = 0; i < 10; ++i)
    context.poll_one();
  const std::int64_t before = httpool_test::blocks_in_use();
  for (int i = 0; i < 100; ++i)
    context.poll_one();
  BOOST_TEST(httpool_test::blocks_in_use() == before);
  first.reset();
  go_on([&] { return third.socket().available() != 0; });
  of_memory.reset();
  BOOST_TEST(third.receive()->status() == 200u);
  BOOST_TEST(server.stats().peak_open == 2u);
}
