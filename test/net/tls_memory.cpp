// What OpenSSL keeps for a connection that is in use, and for one that is not.

#include "net/tls_loop.hpp"

#include <cstdlib>

#include <malloc.h>
#include <openssl/crypto.h>

using namespace client_test;

namespace {

std::size_t in_use = 0; ///< Bytes that OpenSSL has.

void* allocate(std::size_t size, const char*, int) {
  void* const made = std::malloc(size);
  in_use += ::malloc_usable_size(made);
  return made;
}

void release(void* memory, const char*, int) {
  in_use -= ::malloc_usable_size(memory);
  std::free(memory);
}

void* allocate_anew(void* memory, std::size_t size, const char*, int) {
  in_use -= ::malloc_usable_size(memory);
  void* const made = std::realloc(memory, size);
  in_use += ::malloc_usable_size(made ? made : memory);
  return made;
}

/// Before OpenSSL has anything, or it would refuse.
const bool is_counted = CRYPTO_set_mem_functions(allocate, allocate_anew, release) == 1;

/// More than a record, which is what a buffer has room for.
constexpr std::size_t buffer_size = 16 * 1024;

} // namespace

/// The peer, of the same process, keeps no buffers. Right after an exchange its connection is hot,
/// however slow the machine: what cools it is a handler of the same context.
BOOST_FIXTURE_TEST_CASE(buffers_stay_from_one_exchange_to_the_next_until_the_connection_cools,
                        tls_loop) {
  BOOST_TEST_REQUIRE(is_counted);
  tls_peer peer(context, good(), {serves()});
  client sender(context, https_to(peer), trusting());
  for (int i = 0; i != 3; ++i) {
    BOOST_TEST(send(sender, get()).error == error_code());
    const std::size_t hot = in_use;
    BOOST_TEST(send(sender, get()).error == error_code());
    BOOST_TEST(in_use + buffer_size > hot);
    BOOST_TEST(until([&] { return in_use + 2 * buffer_size < hot; }));
  }
  BOOST_TEST(peer.accepted == 1u);
  check_nothing_is_left(*this, sender, peer);
}
