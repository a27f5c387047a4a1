#include "sim/world/epoll_set.hpp"

#include <algorithm>
#include <cerrno>

namespace httpool_sim {
namespace {

std::uint32_t ready(const epoll_watch& each) {
  return each.of->readiness() & (each.events | EPOLLERR | EPOLLHUP);
}

} // namespace

epoll_set::~epoll_set() {
  while (!watches_.empty())
    drop(*watches_.back());
}

int epoll_set::control(int operation, int descriptor, const epoll_event* wanted) {
  const auto of = kernel::current()->find(descriptor);
  if (!of)
    return -1;
  const auto found = std::find_if(of->watches_.begin(), of->watches_.end(),
                                  [this](const epoll_watch* each) { return each->set == this; });
  const bool is_there = found != of->watches_.end();
  if (is_there == (operation == EPOLL_CTL_ADD)) {
    errno = is_there ? EEXIST : ENOENT;
    return -1;
  }
  if (operation == EPOLL_CTL_DEL) {
    drop(**found);
    return 0;
  }
  if (operation == EPOLL_CTL_ADD) {
    watches_.push_back(
        std::make_unique<epoll_watch>(epoll_watch{this, of.get(), wanted->events, wanted->data}));
    of->watches_.push_back(watches_.back().get());
    mark(*watches_.back());
    return 0;
  }
  (*found)->events = wanted->events;
  (*found)->data = wanted->data;
  mark(**found);
  return 0;
}

int epoll_set::collect(epoll_event* to, int room) {
  std::erase_if(marked_, [](epoll_watch* each) {
    each->is_marked = ready(*each) != 0;
    return !each->is_marked;
  });
  if (marked_.empty())
    return 0;
  random_source& random = kernel::current()->random;
  for (std::size_t i = marked_.size(); i > 1; --i)
    std::swap(marked_[i - 1], marked_[random.below(i)]);
  const auto told = static_cast<std::ptrdiff_t>(
      std::min(1 + random.below(marked_.size()), static_cast<std::uint64_t>(room)));
  for (auto each = marked_.begin(); each != marked_.begin() + told; ++each, ++to) {
    to->events = ready(**each);
    to->data = (*each)->data;
    (*each)->is_marked = ((*each)->events & EPOLLET) == 0;
  }
  std::erase_if(marked_, [](const epoll_watch* each) { return !each->is_marked; });
  return static_cast<int>(told);
}

void epoll_set::mark(epoll_watch& which) {
  if (!std::exchange(which.is_marked, true))
    marked_.push_back(&which);
}

void epoll_set::forget(file& gone) {
  while (!gone.watches_.empty())
    gone.watches_.back()->set->drop(*gone.watches_.back());
}

void epoll_set::drop(epoll_watch& which) {
  std::erase(which.of->watches_, &which);
  std::erase(marked_, &which);
  std::erase_if(watches_, [&](const auto& each) { return each.get() == &which; });
}

void timer_file::set(moment when) {
  is_expired_ = false;
  ++settings_;
  if (when == 0)
    return;
  kernel::current()->at(when, [weak = weak_from_this(), setting = settings_] {
    const auto self = weak.lock();
    if (self && self->settings_ == setting) {
      self->is_expired_ = true;
      self->notify(EPOLLIN);
    }
  });
}

} // namespace httpool_sim
