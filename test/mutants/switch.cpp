#include "mutants/switch.hpp"

#include "mutants/notes.hpp"

#include <cstdlib>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace mutants {
namespace {

unsigned chosen_mutant() {
  const char* const text = std::getenv("MUTANT");
  return text ? static_cast<unsigned>(std::strtoul(text, nullptr, 10)) : 0;
}

/// A file that forked processes write as well, and that keeps what was written before a crash.
char* map_notes() {
  static char unwanted[most_mutants];
  const char* const file = std::getenv("MUTANTS_REACHED");
  if (!file)
    return unwanted;
  const int descriptor =
      static_cast<int>(::syscall(SYS_openat, AT_FDCWD, file, O_RDWR | O_CLOEXEC));
  if (descriptor < 0)
    std::abort();
  void* const at = ::mmap(nullptr, most_mutants, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
  if (at == MAP_FAILED)
    std::abort();
  ::syscall(SYS_close, descriptor); // past a simulation that defines close()
  return static_cast<char*>(at);
}

char* notes() {
  static char* const mapped = map_notes();
  return mapped;
}

} // namespace

// Local statics, since what is mutated may be called before main().

bool is_on(unsigned id) noexcept {
  static const unsigned chosen = chosen_mutant();
  notes()[id] |= was_reached;
  return id == chosen;
}

void is_void(unsigned id) noexcept {
  notes()[id] |= is_impossible;
}

} // namespace mutants
