// The other ends of connections, in a process of its own that knows nothing but system calls.
#pragma once

#include <cstddef>
#include <cstdint>

#include <sys/types.h>

namespace bench {

/// Throws what `errno` says unless `is_good`.
void check(bool is_good, const char* what);

/// A child process. To be made before there are threads; ends with this object.
class bare_peer {
public:
  struct task {
    std::uint16_t port = 0;      ///< Of who is to be called, for `ask_each`.
    std::size_t connections = 0; ///< That there should be, with those that there are.
  };

  /// What the process does: `work` for each task, with a listener that it may use and the
  /// descriptors that it has, which may become more.
  using work = void (*)(const task& what, int listener, std::size_t have, int* descriptors);

  explicit bare_peer(work does);
  bare_peer(const bare_peer&) = delete;
  bare_peer& operator=(const bare_peer&) = delete;
  ~bare_peer();

  /// Of its listener.
  std::uint16_t port() const noexcept { return port_; }

  void begin(const task& what) const;

  /// Whether the task that was begun is done; true once for each. Does not block.
  bool is_done() const;

private:
  std::uint16_t port_ = 0;
  int control_ = -1;
  pid_t process_ = -1;
};

/// Connects until there are as many as wanted, and sends a request on each new one, whose response
/// it waits for.
void ask_each(const bare_peer::task& what, int listener, std::size_t have, int* descriptors);

/// Accepts until there are as many as wanted.
void accept_each(const bare_peer::task& what, int listener, std::size_t have, int* descriptors);

/// Accepts until there are as many as wanted, waits for a request on each of all, and answers them
/// only then.
void answer_each(const bare_peer::task& what, int listener, std::size_t have, int* descriptors);

} // namespace bench
