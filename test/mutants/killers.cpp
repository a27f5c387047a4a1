#include "mutants/killers.hpp"

#include "mutants/notes.hpp"

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <stdexcept>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace mutants {
namespace {

using std::chrono::steady_clock;

/// In the child: only what may be called after a fork of a program with threads.
[[noreturn]] void become(const std::vector<char*>& arguments,
                         const std::vector<char*>& environment) {
  ::setpgid(0, 0);
  const rlimit memory = {rlim_t(2) << 30, rlim_t(2) << 30};
  ::setrlimit(RLIMIT_DATA, &memory);
  const rlimit core = {0, 0};
  ::setrlimit(RLIMIT_CORE, &core);
  const int nothing = ::open("/dev/null", O_RDWR);
  for (const int standard : {0, 1, 2})
    ::dup2(nothing, standard);
  ::execve(arguments[0], arguments.data(), environment.data());
  ::_exit(127);
}

std::vector<char*> pointers_to(std::vector<std::string>& texts) {
  std::vector<char*> result;
  for (std::string& text : texts)
    result.push_back(text.data());
  result.push_back(nullptr);
  return result;
}

} // namespace

std::vector<killer> all_killers(const std::string& folder) {
  std::vector<killer> all;
  const auto add = [&](const std::string& name, std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), folder + "/mutated_" + name);
    all.push_back({name, std::move(arguments), {}, {}});
  };
  for (const char* const test : {MUTANTS_TESTS})
    add(test, {"--log_level=nothing", "--report_level=no", "--catch_system_errors=no"});
  add("prove_model", {"--seeds", "30000"});
  add("prove_random", {"--seeds", "150"});
  add("prove_world", {"--seeds", "10"});
  return all;
}

verdict run(const killer& program, unsigned mutant, std::chrono::milliseconds limit,
            const std::string& notes_file) {
  std::vector<std::string> arguments = program.command;
  std::vector<std::string> environment = {"MUTANT=" + std::to_string(mutant), "PATH=/usr/bin:/bin"};
  if (!notes_file.empty())
    environment.push_back("MUTANTS_REACHED=" + notes_file);
  const std::vector<char*> argument_pointers = pointers_to(arguments);
  const std::vector<char*> environment_pointers = pointers_to(environment);
  const pid_t child = ::fork();
  if (child < 0)
    throw std::runtime_error("cannot fork");
  if (child == 0)
    become(argument_pointers, environment_pointers);
  ::setpgid(child, child); // The child does so too: whoever comes first.
  const int handle = static_cast<int>(::syscall(SYS_pidfd_open, child, 0));
  if (handle < 0)
    throw std::runtime_error("cannot watch a process");
  pollfd watched = {handle, POLLIN, 0};
  const bool ended = ::poll(&watched, 1, static_cast<int>(limit.count())) == 1;
  ::kill(-child, SIGKILL);
  int status = 0;
  ::waitpid(child, &status, 0);
  ::close(handle);
  if (!ended)
    return verdict::too_late;
  return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? verdict::passed : verdict::failed;
}

void learn(killer& program, const std::string& notes_file) {
  std::ofstream(notes_file, std::ios::trunc) << std::string(most_mutants, '\0');
  const auto began = steady_clock::now();
  if (run(program, 0, std::chrono::minutes(3), notes_file) != verdict::passed)
    throw std::runtime_error(program.name + " fails without any mutant");
  program.usual =
      std::chrono::duration_cast<std::chrono::milliseconds>(steady_clock::now() - began);
  std::ifstream notes(notes_file, std::ios::binary);
  program.notes.assign(std::istreambuf_iterator<char>(notes), {});
}

} // namespace mutants
