// The way from libFuzzer to the one target of the program.

#include "fuzz/fuzz.hpp"

#include <cstdio>
#include <cstdlib>
#include <exception>

using namespace httpool_fuzz;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    target::all().front()->run({reinterpret_cast<const char*>(data), size});
  } catch (const std::exception& broken) {
    std::fprintf(stderr, "%s: %s\n", target::all().front()->name(), broken.what());
    std::abort();
  }
  return 0;
}
