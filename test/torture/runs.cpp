#include "torture/runs.hpp"

#include "memory/allocator_hooks.hpp"
#include "net/descriptors.hpp"

#include <array>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <optional>
#include <stdexcept>
#include <string>

#include <execinfo.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

namespace torture {
namespace {

/// After so many seconds a run is taken for one that hangs.
constexpr unsigned watchdog = 20;

/// What the process that runs scenarios shares with the one that sums up.
struct shared_state {
  std::size_t next = 0; ///< The run that is under way, or comes next.
  tally sum;
  points seen;
};

class shared_page {
public:
  shared_page()
      : memory_(::mmap(nullptr, sizeof(shared_state), PROT_READ | PROT_WRITE,
                       MAP_SHARED | MAP_ANONYMOUS, -1, 0)) {
    if (memory_ == MAP_FAILED)
      throw std::runtime_error("no memory to share with a process");
    state_ = ::new (memory_) shared_state;
  }
  shared_page(const shared_page&) = delete;
  shared_page& operator=(const shared_page&) = delete;
  ~shared_page() { ::munmap(memory_, sizeof(shared_state)); }

  shared_state& operator*() const noexcept { return *state_; }
  shared_state* operator->() const noexcept { return state_; }

private:
  void* memory_;
  shared_state* state_;
};

std::vector<std::string> run(const scenario& target, const fault& with, std::uint64_t& escaped) {
  std::vector<std::string> complaints;
  const std::size_t descriptors = httpool_test::descriptors();
  const std::int64_t blocks = httpool_test::blocks_in_use();
  arm(with);
  {
    bench one;
    try {
      target.run(one);
    } catch (const std::exception& e) {
      one.complain(std::string("the scenario threw: ").append(e.what()));
    }
    complaints = one.complaints();
    escaped += one.escaped();
  }
  disarm();
  if (!complaints.empty())
    return complaints;
  const std::int64_t left = httpool_test::blocks_in_use() - blocks;
  if (left != 0)
    complaints.push_back("blocks of memory left: " + std::to_string(left));
  if (httpool_test::descriptors() != descriptors)
    complaints.push_back("descriptors left");
  return complaints;
}

/// What a process keeps for good is there after two runs.
void warm_up(const scenario& target) {
  std::uint64_t ignored = 0;
  for (int i = 0; i != 2; ++i)
    run(target, fault(), ignored);
}

/// Says where a process is terminated.
[[noreturn]] void terminated() noexcept {
  std::array<void*, 24> frames{};
  const int depth = ::backtrace(frames.data(), static_cast<int>(frames.size()));
  ::backtrace_symbols_fd(frames.data(), depth, STDERR_FILENO);
  std::abort();
}

/// Runs `work` in a process of its own; false if that did not end well.
template <class Work>
bool apart(Work work) {
  std::cout.flush();
  const pid_t child = ::fork();
  if (child == 0) {
    std::set_terminate(terminated);
    work();
    std::cout.flush();
    std::exit(0); // with what sanitizers do at the end
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

} // namespace

const char* name_of(fault_kind kind) noexcept {
  switch (kind) {
  case fault_kind::none:
    return "nothing";
  case fault_kind::memory:
    return "allocation";
  case fault_kind::famine:
    return "allocations from";
  case fault_kind::openssl:
    return "OpenSSL's allocation";
  case fault_kind::hook:
    return "hook";
  case fault_kind::descriptor:
    return "descriptor";
  case fault_kind::dearth:
    return "descriptors from";
  case fault_kind::cancel:
    return "cancellation (terminal) at step";
  case fault_kind::cancel_partly:
    return "cancellation (partial) at step";
  case fault_kind::cancel_totally:
    return "cancellation (total) at step";
  }
  return "";
}

std::optional<points> count_points(const scenario& of) {
  const shared_page page;
  const bool is_good = apart([&] {
    ::alarm(watchdog);
    warm_up(of);
    std::uint64_t ignored = 0;
    const auto complaints = run(of, fault(), ignored);
    for (const std::string& each : complaints)
      std::cout << "  " << of.name << ", undisturbed: " << each << '\n';
    if (!complaints.empty())
      std::exit(1);
    page->seen = counted();
  });
  return is_good ? std::optional(page->seen) : std::nullopt;
}

tally strike(const scenario& target, fault_kind with, const std::vector<std::uint64_t>& at,
             bool is_verbose) {
  const shared_page page;
  const auto describe = [&](std::size_t index) {
    std::cout << "  " << target.name << ", " << name_of(with) << ' ' << at[index] << ": ";
  };
  while (page->next != at.size()) {
    const bool is_good = apart([&] {
      ::alarm(watchdog);
      warm_up(target);
      for (; page->next != at.size(); ++page->next) {
        ::alarm(watchdog);
        const auto complaints = run(target, {with, at[page->next]}, page->sum.escaped);
        ++(complaints.empty() ? page->sum.passed : page->sum.failed);
        for (const std::string& each : complaints) {
          describe(page->next);
          std::cout << each << std::endl;
        }
        if (is_verbose && complaints.empty()) {
          describe(page->next);
          std::cout << (has_struck() ? "good" : "good, and not reached") << std::endl;
        }
      }
    });
    if (is_good)
      continue;
    if (page->next == at.size()) { // it ended well, but left something
      ++page->sum.failed;
      std::cout << "  " << target.name << ", " << name_of(with) << ": the process ended badly\n";
      break;
    }
    describe(page->next);
    std::cout << "the process crashed, or hung\n";
    ++page->sum.failed;
    ++page->next;
  }
  return page->sum;
}

} // namespace torture
