// epoll, timerfd and eventfd, as epoll(7) and its kin say.
#pragma once

#include "sim/world/kernel.hpp"

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include <sys/epoll.h>

namespace httpool_sim {

/// That a set watches a file.
struct epoll_watch {
  epoll_set* set;
  file* of;
  std::uint32_t events;
  epoll_data_t data;
  bool is_marked = false; ///< Something has happened since it was last looked at.
};

/// What epoll_create1 makes.
class epoll_set final : public file {
public:
  ~epoll_set() override;

  std::uint32_t readiness() const override { return 0; }

  /// epoll_ctl.
  int control(int operation, int descriptor, const epoll_event* wanted);

  /// epoll_wait without waiting: a part of what is ready, in an order that nobody may rely on.
  int collect(epoll_event* to, int room);

  /// Something has happened to what `which` watches.
  void mark(epoll_watch& which);

  /// No set watches `gone` any longer.
  static void forget(file& gone);

private:
  void drop(epoll_watch& which);

  std::vector<std::unique_ptr<epoll_watch>> watches_;
  std::vector<epoll_watch*> marked_;
};

/// What timerfd_create makes.
class timer_file final : public file, public std::enable_shared_from_this<timer_file> {
public:
  std::uint32_t readiness() const override { return is_expired_ ? EPOLLIN : 0u; }

  /// Expires once at `when`; never if it is 0.
  void set(moment when);

private:
  bool is_expired_ = false;
  std::uint64_t settings_ = 0;
};

/// What eventfd makes.
class counter_file final : public file {
public:
  std::uint32_t readiness() const override { return EPOLLOUT | (count_ != 0 ? EPOLLIN : 0u); }

  void add(std::uint64_t count) {
    count_ += count;
    notify(EPOLLIN);
  }

  /// What has been added since the last time.
  std::uint64_t take() noexcept { return std::exchange(count_, 0); }

private:
  std::uint64_t count_ = 0;
};

} // namespace httpool_sim
