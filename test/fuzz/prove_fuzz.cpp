// Gives each fuzz target its corpus, and then inputs mutated from it by seeds. Each target has a
// process of its own, so that a crash is a failure like any other.

#include "fuzz/corpus.hpp"
#include "fuzz/fuzz.hpp"
#include "fuzz/mutator.hpp"
#include "prove/report.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <filesystem>
#include <iostream>
#include <map>
#include <new>
#include <string>
#include <thread>
#include <vector>

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace httpool_fuzz;
using httpool_test::prove_options;

namespace {

using clock_type = std::chrono::steady_clock;

/// After so many seconds without an input's end a target hangs.
constexpr unsigned patience = 60;
constexpr std::uint64_t inputs_a_look = 64;

/// What a target's process tells the other, which outlives it.
struct progress {
  std::uint64_t files = 0;
  std::uint64_t mutants = 0;
  std::uint64_t seed = 0;
  bool is_mutant = false;
  bool has_ended = false;
  double seconds = 0;
  std::size_t size = 0;
  std::array<char, 65536> input = {}; ///< The latest.
  std::array<char, 4096> why = {};    ///< What was wrong with it, if anybody lived to tell.

  void begin(std::string_view text) {
    size = std::min(text.size(), input.size());
    text.copy(input.data(), size);
  }
};

progress& shared_progress() {
  void* const memory =
      ::mmap(nullptr, sizeof(progress), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED)
    throw std::bad_alloc();
  return *new (memory) progress;
}

/// A target's whole work, in a process of its own.
void work(const target& what, const prove_options& options, progress& told) {
  const std::filesystem::path directory = HTTPOOL_FUZZ_DIRECTORY;
  const auto begin = clock_type::now();
  const auto corpus = read_corpus(directory / "corpus" / what.name());
  for (const std::string& input : corpus) {
    told.begin(input);
    ::alarm(patience);
    what.run(input);
    ++told.files;
  }
  mutator mutants(corpus, read_dictionary(directory / "http.dict"));
  told.is_mutant = true;
  const std::chrono::duration<double, std::ratio<60>> limit(options.minutes);
  for (; told.mutants < options.seeds; ++told.mutants) {
    if (told.mutants % inputs_a_look == 0) {
      ::alarm(patience);
      if (options.minutes > 0 && clock_type::now() - begin > limit)
        break;
    }
    told.seed = options.first + told.mutants;
    const std::string input = mutants.make(told.seed);
    told.begin(input);
    what.run(input);
  }
  told.seconds = std::chrono::duration<double>(clock_type::now() - begin).count();
  told.has_ended = true;
}

int work_and_tell(const target& what, const prove_options& options, progress& told) {
  try {
    work(what, options, told);
    return 0;
  } catch (const std::exception& broken) {
    std::strncpy(told.why.data(), broken.what(), told.why.size() - 1);
    return 1;
  }
}

/// Yields whether all went well.
bool report(const target& what, const progress& told, int status) {
  if (told.has_ended) {
    std::printf("%-12s %4llu files, %8llu mutants, %8.0f inputs/s\n", what.name(),
                static_cast<unsigned long long>(told.files),
                static_cast<unsigned long long>(told.mutants),
                static_cast<double>(told.files + told.mutants) / told.seconds);
    return true;
  }
  std::cout << what.name() << ": FAILED on ";
  if (told.is_mutant)
    std::cout << "seed " << told.seed << " (--first " << told.seed << " --seeds 1), after "
              << told.files + told.mutants << " inputs\n";
  else
    std::cout << "file " << told.files + 1 << " of its corpus\n";
  if (WIFSIGNALED(status))
    std::cout << "  " << (WTERMSIG(status) == SIGALRM ? "it does not end" : "it was killed: ")
              << (WTERMSIG(status) == SIGALRM ? "" : ::strsignal(WTERMSIG(status))) << '\n';
  else
    std::cout << "  " << told.why.data() << '\n';
  std::cout << "  input: " << to_hex({told.input.data(), told.size}) << std::endl;
  return false;
}

} // namespace

int main(int argc, char** argv) {
  const auto options =
      httpool_test::read_options(argc, argv, "seeded fuzzing of what peers can send", 20'000);
  if (!options)
    return 0;
  std::vector<const target*> left = target::all();
  std::sort(left.begin(), left.end(),
            [](const target* a, const target* b) { return std::strcmp(a->name(), b->name()) < 0; });
  struct running {
    const target* what;
    progress* told;
  };
  std::map<pid_t, running> processes;
  const std::size_t at_once = std::max(1U, std::thread::hardware_concurrency());
  std::uint64_t passed = 0;
  std::uint64_t failed = 0;
  while (!left.empty() || !processes.empty()) {
    if (!left.empty() && processes.size() < at_once) {
      const target* const what = left.front();
      left.erase(left.begin());
      progress& told = shared_progress();
      std::cout.flush();
      std::fflush(stdout);
      const pid_t process = ::fork();
      if (process == 0)
        std::exit(work_and_tell(*what, *options, told));
      processes[process] = {what, &told};
      continue;
    }
    int status = 0;
    const auto ended = processes.find(::wait(&status));
    ++(report(*ended->second.what, *ended->second.told, status) ? passed : failed);
    processes.erase(ended);
  }
  return httpool_test::conclude(passed, failed);
}
