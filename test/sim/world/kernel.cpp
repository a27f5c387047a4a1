#include "sim/world/kernel.hpp"

#include "sim/world/epoll_set.hpp"
#include "sim/world/tcp.hpp"

#include <algorithm>
#include <cerrno>
#include <utility>

namespace httpool_sim {

kernel* kernel::current_ = nullptr;

kernel::kernel(std::uint64_t seed) : random(seed), tcp(std::make_unique<tcp_network>()) {
  current_ = this;
}

kernel::~kernel() {
  current_ = nullptr;
}

void file::notify(std::uint32_t what) {
  for (epoll_watch* each : watches_) {
    if ((what & (each->events | EPOLLERR | EPOLLHUP)) != 0)
      each->set->mark(*each);
  }
}

bool kernel::advance() {
  if (events_.empty())
    return false;
  const auto what = events_.top().what;
  now_ = std::max(now_, events_.top().when);
  events_.pop();
  what();
  return true;
}

void kernel::at(moment when, std::function<void()> what) {
  events_.push({std::max(when, now_), orders_++, std::move(what)});
}

int kernel::open(std::shared_ptr<file> what) {
  if (open_ >= max_descriptors) {
    ++counts.shortages;
    errno = EMFILE;
    return -1;
  }
  ++open_;
  std::size_t index = files_.size();
  if (free_.empty()) {
    files_.push_back(std::move(what));
  } else {
    index = free_.top();
    free_.pop();
    files_[index] = std::move(what);
  }
  return first_descriptor + static_cast<int>(index);
}

int kernel::close(int descriptor) {
  const auto what = find(descriptor);
  if (!what)
    return -1;
  const auto index = static_cast<std::size_t>(descriptor - first_descriptor);
  files_[index].reset();
  free_.push(index);
  --open_;
  epoll_set::forget(*what);
  what->closed();
  return 0;
}

std::shared_ptr<file> kernel::find(int descriptor) const {
  const auto index = static_cast<std::size_t>(descriptor - first_descriptor);
  if (index < files_.size() && files_[index])
    return files_[index];
  errno = EBADF;
  return nullptr;
}

} // namespace httpool_sim
