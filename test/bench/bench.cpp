// httpool_bench: one part of the library under load, with the figures as lines of JSON.

#include "bench/bench.hpp"

#include "bench/flags.hpp"

#include <array>
#include <exception>
#include <iostream>
#include <string_view>

namespace {

struct part {
  std::string_view name;
  std::string_view what;
  int (*run)(const std::vector<std::string>&);
};

constexpr std::array parts{
    part{"client", "workers that send GET / through one client", bench::run_client},
    part{"pool", "acquire and release with nothing on the wire", bench::run_pool},
    part{"dial", "new connections, one after the other", bench::run_dial},
#ifdef BENCH_TLS
    part{"tls", "exchanges over TLS, beside a bare OpenSSL loop", bench::run_tls},
#endif
    part{"memory", "memory of idle connections", bench::run_memory},
    part{"gate", "so many exchanges and no more, for those who count what they take",
         bench::run_gate},
};

void usage(std::ostream& out) {
  out << "usage: httpool_bench PART [flags]\n\n";
  for (const part& each : parts)
    out << "  " << each.name << std::string(8 - each.name.size(), ' ') << each.what << '\n';
  out << "\nhttpool_bench PART --help lists the flags of a part.\n"
         "examples:\n"
         "  httpool_bench pool --operations 100000\n"
         "  httpool_bench client --port 8080 --workers 8 --connections 8\n"
         "exit codes: 0 when it has measured, 1 if something failed, 2 for wrong arguments\n";
}

} // namespace

int main(int count, char** words) {
  const std::vector<std::string> given(words + 1, words + count);
  if (!given.empty() && (given[0] == "--help" || given[0] == "-h")) {
    usage(std::cout);
    return 0;
  }
  try {
    for (const part& each : parts) {
      if (!given.empty() && given[0] == each.name)
        return each.run({given.begin() + 1, given.end()});
    }
    throw bench::usage_error{given.empty() ? std::string("no part named")
                                           : "no part '" + given[0] + "'"};
  } catch (const bench::help_wanted& help) {
    std::cout << help.text;
    return 0;
  } catch (const bench::usage_error& e) {
    std::cerr << "httpool_bench: " << e.what << '\n';
    usage(std::cerr);
    return 2;
  } catch (const std::exception& e) {
    std::cerr << "httpool_bench: " << e.what() << '\n';
    return 1;
  }
}
