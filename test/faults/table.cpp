#include "faults/table.hpp"

#include <cstdio>
#include <string>

namespace httpool_test::faults {
namespace {

double in_seconds(std::chrono::nanoseconds time) {
  return std::chrono::duration<double>(time).count();
}

} // namespace

void print_head() {
  std::printf(
      "lost: done by the server, but the caller was told of an error. repeated: GETs done "
      "twice.\nduplicated: POSTs done twice. first, steady: seconds from the fault's end to "
      "the first answer,\nand to the end of the last failure. Times in seconds.\n\n");
  std::printf("| %-35s | %5s | %8s | %6s | %4s | %8s | %10s | %15s | %5s | %6s | %s\n", "fault",
              "calls", "answered", "failed", "lost", "repeated", "duplicated", "longest/allowed",
              "first", "steady", "failed with |");
  std::printf("|%s|------:|---------:|-------:|-----:|---------:|-----------:|----------------:|"
              "------:|-------:|-------------|\n",
              std::string(37, '-').c_str());
}

void print(std::string_view fault, const row& r) {
  const std::string name(fault);
  if (r.skipped[0] != '\0') {
    std::printf("skipped: %s: %s\n", name.c_str(), r.skipped);
  } else {
    std::printf("| %-35s | %5lu | %8lu | %6lu | %4lu | %8lu | %10lu | %6.2f / %6.2f | %5.2f | "
                "%6.2f | %s |\n",
                name.c_str(), r.calls, r.answered, r.failed, r.lost, r.repeated, r.duplicated,
                in_seconds(r.longest), in_seconds(r.allowed), in_seconds(r.first),
                in_seconds(r.steady), r.kinds);
    if (r.problem[0] != '\0')
      std::printf("FAILED: %s: %s\n", name.c_str(), r.problem);
  }
  std::fflush(stdout);
}

} // namespace httpool_test::faults
