// OpenSSL 3 calls this way of replacing its generator deprecated; the ones that are not need a
// provider of our own.
#define OPENSSL_SUPPRESS_DEPRECATED

#include "sim/world/entropy.hpp"

#include "sim/world/kernel.hpp"

#include <openssl/rand.h>

namespace httpool_sim {
namespace {

int fill(unsigned char* to, int size) {
  for (int i = 0; i != size; ++i)
    to[i] = static_cast<unsigned char>(kernel::current()->random.next());
  return 1;
}

int is_ready() {
  return 1;
}

} // namespace

void make_entropy_repeatable() {
  static const RAND_METHOD method = {nullptr, fill, nullptr, nullptr, fill, is_ready};
  RAND_set_rand_method(&method);
}

} // namespace httpool_sim
