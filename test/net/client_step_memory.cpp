// Steps of an exchange for which there is no memory: the call ends with that, once, and the next
// one is served.

#include "memory/allocator_hooks.hpp"
#include "net/tls_loop.hpp"

#include <boost/asio/bind_allocator.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>

#include <memory>

using namespace client_test;

namespace {

/// What Asio's operations take.
bool refuses_operations(std::size_t, httpool_test::memory_source from) noexcept {
  return from == httpool_test::memory_source::aligned_alloc;
}

struct without_memory : tls_loop {
  /// Starts a call, and refuses memory to what it does at once. Its own operation has some, and so
  /// has the way back.
  call start_without(client& sender, request message) {
    const auto result = std::make_shared<outcome>();
    auto handler =
        asio::bind_executor(context, asio::bind_allocator(std::allocator<void>(), into(result)));
    httpool_test::refuse_memory(refuses_operations);
    sender.async_send(std::move(message), {}, std::move(handler));
    httpool_test::refuse_memory(nullptr);
    return result;
  }

  void check_lacked(client& sender, const call& tried) {
    BOOST_TEST(end_of(tried).error == error_code(asio::error::no_memory));
    BOOST_TEST(sender.pool().stats().leased == 0u);
    BOOST_TEST(send(sender, get()).error == error_code());
  }
};

/// So much that it is sent while the answer is awaited.
request large() {
  return post(std::string(1'000'000, 'x'));
}

} // namespace

BOOST_FIXTURE_TEST_CASE(an_exchange_that_cannot_come_to_its_strand_ends, without_memory) {
  scripted_peer peer(context, {script().answers(ok()).repeats()});
  client sender(context, "127.0.0.1", peer.port);
  warm_up(sender);
  check_lacked(sender, start_without(sender, large()));
  check_nothing_is_left(*this, sender, peer);
}

BOOST_FIXTURE_TEST_CASE(an_exchange_whose_first_write_finds_no_memory_on_its_strand_ends,
                        without_memory) {
  scripted_peer peer(context, {script().answers(ok()).repeats()});
  const auto strand = asio::make_strand(context);
  client sender(strand, "127.0.0.1", peer.port);
  warm_up(sender);
  call tried;
  asio::post(context, [] {}); // What these leave behind is too small for a write.
  asio::post(context, [] {});
  asio::post(strand, [&] { tried = start_without(sender, large()); });
  settle();
  check_lacked(sender, tried);
  check_nothing_is_left(*this, sender, peer);
}

BOOST_FIXTURE_TEST_CASE(an_encrypted_exchange_whose_first_write_finds_no_memory_ends,
                        without_memory) {
  tls_peer peer(context, good(), {serves()});
  client sender(context, https_to(peer), trusting());
  warm_up(sender);
  check_lacked(sender, start_without(sender, get()));
  check_nothing_is_left(*this, sender, peer);
}
