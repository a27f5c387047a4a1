// Worlds in virtual time, a seed each.
#include "prove/report.hpp"
#include "sim/world/world.hpp"

#include <array>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <iomanip>
#include <iostream>
#include <string>

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

using httpool_sim::world;
using httpool_sim::world_report;

// What a process that has lived through a world hands to the one that sums up.
struct summary {
  std::uint64_t violations = 0;
  std::uint64_t hash = 0;
  std::uint64_t calls = 0;
  std::uint64_t answered = 0;
  std::uint64_t repeated = 0;
  std::int64_t lasted = 0;
  httpool_sim::kernel_counts counts;
};

// After so many real seconds a world hangs: it takes one or two.
constexpr unsigned patience = 300;

summary live(std::uint64_t seed) {
  world_report report;
  try {
    report = world(seed).run();
  } catch (const std::exception& error) {
    report.violations.push_back(std::string("the world ended with: ").append(error.what()));
  }
  for (const std::string& each : report.violations)
    std::cout << "  seed " << seed << ": " << each << '\n';
  std::cout.flush();
  return {report.violations.size(), report.hash,   report.calls, report.answered,
          report.repeated,          report.lasted, report.counts};
}

// Each world has a process of its own: what the library keeps for a process, such as how many pools
// there have been, is the same for a seed whatever ran before it, and a crash is that seed's.
bool live_apart(std::uint64_t seed, summary& of) {
  std::array<int, 2> ends;
  if (::pipe(ends.data()) != 0)
    return false;
  std::cout.flush();
  const pid_t child = ::fork();
  if (child == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::alarm(patience);
    const summary mine = live(seed);
    const bool is_written = ::write(ends[1], &mine, sizeof mine) == sizeof mine;
    std::exit(is_written ? 0 : 1); // with what sanitizers do at the end
  }
  ::close(ends[1]);
  const bool is_read = ::read(ends[0], &of, sizeof of) == sizeof of;
  ::close(ends[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  if (is_read && WIFEXITED(status) && WEXITSTATUS(status) == 0)
    return true;
  std::cout << "  seed " << seed << ": the process ended with status " << status << '\n';
  return false;
}

} // namespace

int main(int argc, char** argv) {
  const auto options = httpool_test::read_options(
      argc, argv, "pools, clients and servers in worlds of virtual time", 50);
  if (!options)
    return 0;
  const auto begun = std::chrono::steady_clock::now();
  const auto minutes = [&] {
    return std::chrono::duration<double, std::ratio<60>>(std::chrono::steady_clock::now() - begun)
        .count();
  };
  std::uint64_t passed = 0;
  std::uint64_t failed = 0;
  summary all;
  for (std::uint64_t i = 0; i != options->seeds; ++i) {
    if (options->minutes > 0 && minutes() >= options->minutes)
      break;
    const std::uint64_t seed = options->first + i;
    summary one;
    const bool is_good = live_apart(seed, one) && one.violations == 0;
    ++(is_good ? passed : failed);
    if (!is_good)
      std::cout << "  again: " << argv[0] << " --first " << seed << " --seeds 1 --verbose\n";
    if (options->is_verbose)
      std::cout << "seed " << seed << ": " << one.calls << " calls, " << one.answered
                << " answered, " << one.lasted / httpool_sim::second << " s, trace " << std::hex
                << std::setw(16) << std::setfill('0') << one.hash << std::dec << std::setfill(' ')
                << std::endl;
    all.calls += one.calls;
    all.answered += one.answered;
    all.repeated += one.repeated;
    all.lasted += one.lasted;
    all.hash = (all.hash ^ one.hash) * 0x100000001b3u;
    all.counts.calls += one.counts.calls;
    all.counts.connects += one.counts.connects;
    all.counts.refused += one.counts.refused;
    all.counts.lost_connects += one.counts.lost_connects;
    all.counts.full_backlogs += one.counts.full_backlogs;
    all.counts.cut_by_fin += one.counts.cut_by_fin;
    all.counts.cut_by_reset += one.counts.cut_by_reset;
    all.counts.cut_in_silence += one.counts.cut_in_silence;
    all.counts.partial_writes += one.counts.partial_writes;
    all.counts.shortages += one.counts.shortages;
  }
  std::cout << "worlds               " << passed + failed << ", from seed " << options->first
            << "\nvirtual time         " << all.lasted / httpool_sim::second / 60 << " minutes, in "
            << std::fixed << std::setprecision(1) << minutes() * 60 << " s"
            << "\ncalls                " << all.calls << ", answered " << all.answered
            << ", sent twice " << all.repeated << "\nsystem calls         " << all.counts.calls
            << "\nconnects             " << all.counts.connects << ", refused "
            << all.counts.refused << ", never answered " << all.counts.lost_connects
            << ", found the backlog full " << all.counts.full_backlogs
            << "\nconnections cut      by FIN " << all.counts.cut_by_fin << ", by RST "
            << all.counts.cut_by_reset << ", in silence " << all.counts.cut_in_silence
            << "\npartial writes       " << all.counts.partial_writes << "\nno descriptor        "
            << all.counts.shortages << "\ntrace                " << std::hex << all.hash << std::dec
            << '\n';
  return httpool_test::conclude(passed, failed);
}
