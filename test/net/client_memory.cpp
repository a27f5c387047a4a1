// A client that does not get the memory it needs.

#include "net/client_fixture.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/execution/blocking.hpp>

#include <cstdlib>
#include <limits>
#include <new>
#include <stdexcept>

namespace {

/// Allocations of more bytes fail.
std::size_t most_bytes = std::numeric_limits<std::size_t>::max();

struct scarce {
  explicit scarce(std::size_t most) { most_bytes = most; }
  ~scarce() { most_bytes = std::numeric_limits<std::size_t>::max(); }
};

/// Has no room for whatever it should run.
struct crowded_executor {
  static constexpr boost::asio::execution::blocking_t
  query(boost::asio::execution::blocking_t) noexcept {
    return boost::asio::execution::blocking.never;
  }
  template <class Function>
  void execute(Function&&) const {
    if (is_too_long)
      throw std::length_error("too long");
    throw std::bad_alloc();
  }
  [[maybe_unused]] friend bool operator==(const crowded_executor&,
                                          const crowded_executor&) noexcept = default;

  bool is_too_long;
};

} // namespace

// Not inlined: GCC would take an inlined half of them for a mismatch.
[[gnu::noinline]] void* operator new(std::size_t size) {
  if (size <= most_bytes)
    if (void* const memory = std::malloc(size))
      return memory;
  throw std::bad_alloc();
}

// The sanitizers' own does not ask the one above.
[[gnu::noinline]] void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  return size <= most_bytes ? std::malloc(size) : nullptr;
}

[[gnu::noinline]] void operator delete(void* memory) noexcept {
  std::free(memory);
}

[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}

using namespace client_test;

BOOST_FIXTURE_TEST_CASE(a_response_that_memory_does_not_suffice_for_costs_its_connection_alone,
                        loop) {
  const std::string large(5'000'000, 'b');
  for (const std::string& response :
       {ok(large), "HTTP/1.1 200 OK\r\n\r\n" + large,
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4c4b40\r\n" + large + "\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX: " + large + "\r\n\r\n"}) {
    scripted_peer peer(
        context, {script().hears().pauses().says(response), script().answers(ok()).repeats()});
    client_options generous;
    generous.max_head_bytes = 8'000'000;
    client sender(context, "127.0.0.1", peer.port, generous);
    const call first = start(sender, get());
    BOOST_TEST_REQUIRE(until([&] { return peer.is_paused(0); }));
    peer.go_on(0);
    {
      const scarce memory(1'000'000);
      BOOST_TEST_REQUIRE(until([&] { return first->is_done; }));
    }
    BOOST_TEST(first->error == error_code(asio::error::no_memory));
    BOOST_TEST(first->response.body().empty());
    BOOST_TEST(send(sender, get()).error == error_code());
    check_nothing_is_left(*this, sender, peer);
  }
}

BOOST_FIXTURE_TEST_CASE(a_call_that_memory_does_not_suffice_for_ends_and_keeps_no_context_busy,
                        loop) {
  scripted_peer peer(context, {script().answers(ok()).repeats()});
  client sender(context, "127.0.0.1", peer.port);
  for (const bool can_be_cancelled : {false, true}) {
    asio::cancellation_signal signal;
    const auto result = std::make_shared<outcome>();
    request message = get();
    {
      const scarce memory(300);
      if (can_be_cancelled)
        sender.async_send(std::move(message),
                          asio::bind_cancellation_slot(signal.slot(), into(result)));
      else
        sender.async_send(std::move(message), into(result));
    }
    BOOST_TEST(end_of(result).error == error_code(asio::error::no_memory));
    BOOST_TEST(peer.accepted() == 0u);
  }
  sender.pool().close();
  peer.refuse();
  context.restart();
  context.run();
}

BOOST_FIXTURE_TEST_CASE(what_a_completion_finds_no_room_for_is_told_to_the_context_alone, loop) {
  scripted_peer peer(context, {script().answers(ok()).repeats()});
  client sender(context, "127.0.0.1", peer.port);
  const auto send_to = [&](crowded_executor executor) {
    const auto result = std::make_shared<outcome>();
    sender.async_send(get(), asio::bind_executor(executor, into(result)));
    return result;
  };
  const call first = send_to({.is_too_long = false});
  BOOST_CHECK_THROW(until([&] { return first->is_done; }), std::bad_alloc);
  const call second = send_to({.is_too_long = true});
  BOOST_CHECK_THROW(until([&] { return second->is_done; }), std::length_error);
  BOOST_TEST(!first->is_done);
  BOOST_TEST(!second->is_done);
  BOOST_TEST(send(sender, get()).response.connection_id() == 1u);
  check_nothing_is_left(*this, sender, peer);
}

BOOST_FIXTURE_TEST_CASE(a_request_that_cannot_be_put_together_is_not_sent, loop) {
  scripted_peer peer(context, {script().answers(ok()).repeats()});
  client sender(context, "127.0.0.1", peer.port);
  request message = get();
  message.fields().add("X", std::string(100'000, 'x'));
  const auto result = std::make_shared<outcome>();
  {
    const scarce memory(90'000); // for the peer has a buffer of its own
    sender.async_send(std::move(message), into(result));
    BOOST_TEST(end_of(result).error == error_code(asio::error::no_memory));
  }
  BOOST_TEST(peer.heard.empty());
  check_nothing_is_left(*this, sender, peer);
}
