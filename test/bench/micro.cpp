// httpool_micro: what single steps of the library cost, measured by Google Benchmark.

#include "bench/micro.hpp"

#include <benchmark/benchmark.h>

int main(int count, char** words) {
  bench::register_http1();
  bench::register_pool();
  benchmark::Initialize(&count, words);
  if (benchmark::ReportUnrecognizedArguments(count, words))
    return 2;
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}
