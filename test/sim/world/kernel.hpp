// The kernel of a world in virtual time: descriptors, TCP, epoll, timers, and the clock.
//
// The simulation's executable defines the system calls that Asio makes (system_calls.cpp) and hands
// those that concern descriptors of this kernel to it. So the library's objects, and Asio's, run as
// they are shipped.
#pragma once

#include "sim/world/random.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <queue>
#include <vector>

namespace httpool_sim {

/// Nanoseconds since the world began.
using moment = std::int64_t;

inline constexpr moment microsecond = 1'000;
inline constexpr moment millisecond = 1'000'000;
inline constexpr moment second = 1'000'000'000;

class epoll_set;
struct epoll_watch;
class tcp_network;

/// What a descriptor stands for.
class file {
public:
  file() = default;
  file(const file&) = delete;
  file& operator=(const file&) = delete;
  virtual ~file() = default;

  /// What `epoll_wait` and `poll` would say of it now.
  virtual std::uint32_t readiness() const = 0;

  /// The last descriptor of it has been closed.
  virtual void closed() {}

  /// Something has happened to it: those who watch it for `what` hear of it.
  void notify(std::uint32_t what);

private:
  friend class epoll_set;
  std::vector<epoll_watch*> watches_;
};

/// What the network does to connections that are made from now on, and how often; in parts of a
/// million where it is a chance.
struct conditions {
  moment min_latency = 50 * microsecond; ///< One way.
  moment max_latency = 500 * microsecond;
  moment max_jitter = 100 * microsecond; ///< On top of it, for each segment.
  std::uint64_t split = 0;               ///< A write arrives in several segments.
  std::uint64_t partial = 0;             ///< A write takes a part of what it is given.
  std::uint64_t refuse = 0;              ///< A connect finds nobody.
  std::uint64_t lose_connect = 0;        ///< A connect is never answered.
  std::uint64_t cut = 0; ///< The connection ends early: by FIN, by RST, or in silence.
  std::int64_t max_bytes_until_cut = 4096; ///< In one direction.
  moment max_time_until_cut = 20 * second; ///< Where it is time that cuts.
};

/// Counts what a simulation has been through, to show that it has been through it.
struct kernel_counts {
  std::uint64_t calls = 0; ///< System calls.
  std::uint64_t connects = 0;
  std::uint64_t refused = 0;
  std::uint64_t lost_connects = 0;
  std::uint64_t full_backlogs = 0;
  std::uint64_t cut_by_fin = 0;
  std::uint64_t cut_by_reset = 0;
  std::uint64_t cut_in_silence = 0;
  std::uint64_t partial_writes = 0;
  std::uint64_t shortages = 0; ///< Descriptors that were refused.
};

/// One world's kernel. There is one at a time.
class kernel {
public:
  explicit kernel(std::uint64_t seed);
  ~kernel();
  kernel(const kernel&) = delete;
  kernel& operator=(const kernel&) = delete;

  /// The kernel that system calls go to; null before and after.
  static kernel* current() noexcept { return current_; }

  moment now() const noexcept { return now_; }

  /// Runs what is due next, and moves the clock there; false if nothing will ever happen.
  bool advance();

  /// Runs `what` at `when`, or now if that has passed.
  void at(moment when, std::function<void()> what);

  /// The same for the same seed in every build; mixes in a further figure.
  void trace(std::uint64_t figure) noexcept {
    hash_ = (hash_ ^ figure) * 0x100000001b3u; // FNV-1a
  }
  std::uint64_t hash() const noexcept { return hash_; }

  // Descriptors. They start at `first_descriptor`; the lowest free one is taken, as in POSIX, so
  // that whoever mistakes an old descriptor for his own is found out.
  static constexpr int first_descriptor = 1 << 20;
  static bool owns(int descriptor) noexcept { return descriptor >= first_descriptor; }

  /// Negative, with errno, if there is no room.
  int open(std::shared_ptr<file> what);
  int close(int descriptor);

  /// Null, with errno, if there is none.
  std::shared_ptr<file> find(int descriptor) const;
  std::size_t open_descriptors() const noexcept { return open_; }

  /// No more than these can be open.
  std::size_t max_descriptors = 1 << 20;

  conditions weather;
  kernel_counts counts;
  random_source random;
  const std::unique_ptr<tcp_network> tcp;

private:
  struct event {
    moment when;
    std::uint64_t order;
    std::function<void()> what;
    bool operator<(const event& other) const noexcept {
      return when != other.when ? when > other.when : order > other.order;
    }
  };

  static kernel* current_;
  moment now_ = 0;
  std::uint64_t orders_ = 0;
  std::uint64_t hash_ = 0xcbf29ce484222325u;
  std::priority_queue<event> events_;
  std::vector<std::shared_ptr<file>> files_;
  std::priority_queue<std::size_t, std::vector<std::size_t>, std::greater<>> free_; ///< Of files_.
  std::size_t open_ = 0;
};

} // namespace httpool_sim
