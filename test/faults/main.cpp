// Real faults on real sockets: a client calls a server, both processes of their own, while a fault
// comes, stays and goes. What of the machine a fault would change, it changes in namespaces.

#include "faults/scene.hpp"
#include "faults/table.hpp"
#include "prove/report.hpp"

#include <cerrno>
#include <chrono>
#include <csignal>
#include <exception>
#include <iostream>
#include <new>
#include <string>
#include <system_error>
#include <vector>

#include <poll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace httpool_test::faults {
namespace {

/// When a scene is given up.
constexpr int patience_ms = 120'000;

row perform(const fault& what, std::uint64_t seed) {
  row found;
  try {
    void* const memory = ::mmap(nullptr, sizeof(shared_state), PROT_READ | PROT_WRITE,
                                MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
      throw std::system_error(errno, std::generic_category(), "mmap");
    scene stage(what, seed, *new (memory) shared_state);
    found = stage.run();
  } catch (const cannot_run& reason) {
    put(reason.what(), found.skipped);
  } catch (const std::exception& trouble) {
    put(trouble.what(), found.problem);
  }
  return found;
}

/// The scene in a process of its own, so that it can leave what it leaves, and be given up.
row perform_apart(const fault& what, std::uint64_t seed) {
  int ends[2] = {};
  if (::pipe(ends) != 0)
    throw std::system_error(errno, std::generic_category(), "pipe");
  const pid_t child = ::fork();
  if (child < 0)
    throw std::system_error(errno, std::generic_category(), "fork");
  if (child == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::close(ends[0]);
    const row found = perform(what, seed);
    ::_exit(::write(ends[1], &found, sizeof(found)) == sizeof(found) ? 0 : 1);
  }
  ::close(ends[1]);
  row found;
  pollfd result = {ends[0], POLLIN, 0};
  if (::poll(&result, 1, patience_ms) != 1)
    put("the scene did not end", found.problem);
  else if (::read(ends[0], &found, sizeof(found)) != sizeof(found))
    put("the scene ended without a word", found.problem);
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  ::close(ends[0]);
  return found;
}

int prove(const prove_options& options, const std::string& part) {
  std::vector<fault> all = faults_of_networks();
  for (const fault& each : faults_of_hosts())
    all.push_back(each);
  using clock = std::chrono::steady_clock;
  const auto began = clock::now();
  const auto is_over = [&] {
    const std::chrono::duration<double, std::ratio<60>> took = clock::now() - began;
    return options.minutes > 0 && took.count() >= options.minutes;
  };
  print_head();
  std::uint64_t passed = 0, failed = 0, skipped = 0;
  for (std::uint64_t i = 0; i < options.seeds; ++i)
    for (const fault& each : all) {
      if (is_over() || each.name.find(part) == each.name.npos)
        continue;
      const row found = perform_apart(each, options.first + i);
      print(each.name, found);
      ++(found.skipped[0] != '\0' ? skipped : found.problem[0] != '\0' ? failed : passed);
    }
  const std::chrono::duration<double> took = clock::now() - began;
  std::cout << "\n" << took.count() << " s; " << skipped << " skipped, which count as neither\n";
  return conclude(passed, failed);
}

} // namespace
} // namespace httpool_test::faults

int main(int argc, char** argv) {
  std::string part;
  const auto options =
      httpool_test::read_options(argc, argv, "real faults on real sockets", 1,
                                 {{"only", "only faults whose names have this in them", &part}});
  return options ? httpool_test::faults::prove(*options, part) : 0;
}
