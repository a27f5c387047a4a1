#include "sim/world/tcp.hpp"

#include <algorithm>
#include <cerrno>
#include <utility>

#include <arpa/inet.h>
#include <sys/epoll.h>
#include <sys/socket.h>

namespace httpool_sim {
namespace {

constexpr moment longest_silence = 60 * second; // keep-alive's, as the library sets it
constexpr int max_knocks = 7;                   // SYNs, 127 s in all

int fail(int error) {
  errno = error;
  return -1;
}

random_source& chance() {
  return kernel::current()->random;
}

} // namespace

sockaddr_in address::to_system() const {
  sockaddr_in to = {};
  to.sin_family = AF_INET;
  to.sin_addr.s_addr = htonl(host);
  to.sin_port = htons(port);
  return to;
}

address address::of(const sockaddr_in& from) {
  return {ntohl(from.sin_addr.s_addr), ntohs(from.sin_port)};
}

// What a program sees -----------------------------------------------------------------------------

std::uint32_t tcp_socket::readiness() const {
  switch (state_) {
  case state::fresh:
    return EPOLLOUT | EPOLLHUP | (error_ != 0 ? EPOLLIN | EPOLLERR : 0u);
  case state::listening:
    return backlog_.empty() ? 0u : EPOLLIN;
  case state::connecting:
    return 0;
  case state::open:
    break;
  }
  std::uint32_t what = 0;
  if (read_ < received_.size() || has_fin_ || is_reset_ || is_read_shut_)
    what |= EPOLLIN;
  if (has_fin_ || is_reset_ || is_read_shut_)
    what |= EPOLLRDHUP;
  if (is_reset_ || is_write_shut_ || (!is_stuffed_ && in_flight_ < window))
    what |= EPOLLOUT;
  if (is_reset_ || ((has_fin_ || is_read_shut_) && is_write_shut_))
    what |= EPOLLHUP;
  if (error_ != 0)
    what |= EPOLLERR;
  return what;
}

void tcp_socket::closed() {
  is_open_ = false;
  if (state_ == state::listening) {
    network_.listeners_.erase(local_);
    for (const auto& each : std::exchange(backlog_, {}))
      each->closed();
  } else if (state_ == state::open && !is_reset_) {
    if (read_ < received_.size())
      transmit_reset(); // RFC 2525 §2.17
    else
      transmit_fin();
  }
  if (direction_ == 0 && remote_.port != 0)
    --network_.clients_[remote_].now;
  if (path_ && peer() && !peer()->is_open_)
    path_->ends = {};
}

int tcp_socket::bind(const address& to) {
  if (network_.listeners_.contains(to))
    return fail(EADDRINUSE);
  local_ = to;
  if (local_.port == 0)
    local_.port = network_.next_port();
  return 0;
}

int tcp_socket::listen(int backlog) {
  if (!network_.listeners_.try_emplace(local_, this).second)
    return fail(EADDRINUSE);
  state_ = state::listening;
  backlog_limit_ = static_cast<std::size_t>(std::min(backlog, 16));
  return 0;
}

int tcp_socket::connect(const address& to) {
  if (state_ != state::fresh)
    return fail(state_ == state::connecting ? EALREADY : EISCONN);
  ++kernel::current()->counts.connects;
  state_ = state::connecting;
  error_ = 0;
  remote_ = to;
  if (local_.port == 0)
    local_ = {0x0a00'0001, network_.next_port()};
  auto& population = network_.clients_[remote_];
  population.peak = std::max(population.peak, ++population.now);
  path_ = network_.new_path();
  knock(0);
  return fail(EINPROGRESS);
}

int tcp_socket::accept(address& peer) {
  if (state_ != state::listening)
    return fail(EINVAL);
  if (backlog_.empty())
    return fail(EAGAIN);
  const int descriptor = kernel::current()->open(backlog_.front());
  if (descriptor >= 0) {
    peer = backlog_.front()->remote_;
    backlog_.pop_front();
  }
  return descriptor;
}

ssize_t tcp_socket::send(const iovec* from, std::size_t count) {
  if (const int error = take_error())
    return fail(error);
  if (state_ != state::open || is_write_shut_ || is_reset_)
    return fail(state_ == state::open ? EPIPE : ENOTCONN);
  if (is_stuffed_ || in_flight_ >= window) {
    is_stuffed_ = true;
    return fail(EAGAIN);
  }
  std::string bytes;
  for (std::size_t i = 0; i != count; ++i)
    bytes.append(static_cast<const char*>(from[i].iov_base), from[i].iov_len);
  if (bytes.size() > window - in_flight_) {
    bytes.resize(window - in_flight_);
    is_stuffed_ = true;
  } else if (bytes.size() > 1 && chance().chance(path_->partial)) {
    ++kernel::current()->counts.partial_writes;
    bytes.resize(1 + chance().below(bytes.size() - 1));
    is_stuffed_ = true; // Who has written less than he wanted waits until he is told of room.
    kernel::current()->at(kernel::current()->now() + 2 * path_->latency,
                          [self = shared_from_this()] { self->give_room(0); });
  }
  transmit(bytes);
  return static_cast<ssize_t>(bytes.size());
}

ssize_t tcp_socket::receive(const iovec* to, std::size_t count, bool peek) {
  if (state_ != state::open)
    return fail(ENOTCONN);
  std::size_t taken = 0;
  for (std::size_t i = 0; i != count; ++i) {
    const std::size_t part = std::min(to[i].iov_len, received_.size() - read_ - taken);
    std::copy_n(received_.data() + read_ + taken, part, static_cast<char*>(to[i].iov_base));
    taken += part;
  }
  if (taken != 0) {
    if (!peek) {
      read_ += taken;
      if (read_ == received_.size()) {
        received_.clear();
        read_ = 0;
      }
      to_peer([taken](tcp_socket& peer) { peer.give_room(taken); });
    }
    return static_cast<ssize_t>(taken);
  }
  if (const int error = take_error())
    return fail(error);
  if (has_fin_ || is_reset_ || is_read_shut_)
    return 0;
  return fail(EAGAIN);
}

int tcp_socket::shutdown(int how) {
  if (state_ != state::open || is_reset_)
    return fail(ENOTCONN);
  if (how != SHUT_WR)
    is_read_shut_ = true;
  if (how != SHUT_RD)
    transmit_fin();
  notify(EPOLLIN | EPOLLOUT | EPOLLHUP | EPOLLRDHUP);
  return 0;
}

int tcp_socket::take_error() {
  return std::exchange(error_, 0);
}

// What arrives ------------------------------------------------------------------------------------

void tcp_socket::take(std::string_view bytes) {
  if (is_reset_ || has_fin_)
    return;
  if (!is_open_ || is_read_shut_) {
    if (!is_open_)
      transmit_reset();
    return;
  }
  received_.append(bytes);
  notify(EPOLLIN);
}

void tcp_socket::take_fin() {
  if (is_reset_ || std::exchange(has_fin_, true))
    return;
  notify(EPOLLIN | EPOLLRDHUP | (is_write_shut_ ? EPOLLHUP : 0u));
}

void tcp_socket::take_reset(int error) {
  if (std::exchange(is_reset_, true) || !is_open_)
    return;
  error_ = has_fin_ && error == ECONNRESET ? EPIPE : error;
  notify(EPOLLIN | EPOLLOUT | EPOLLERR | EPOLLHUP | EPOLLRDHUP);
}

void tcp_socket::give_room(std::size_t bytes) {
  in_flight_ -= bytes;
  if (is_stuffed_ && in_flight_ < window) {
    is_stuffed_ = false;
    notify(EPOLLOUT);
  }
}

// What leaves -------------------------------------------------------------------------------------

// Segments of one direction arrive in order.
moment tcp_socket::arrival() {
  const moment lag = path_->latency + (path_->jitter != 0 ? chance().between(0, path_->jitter) : 0);
  return last_arrival_ = std::max(last_arrival_ + 1, kernel::current()->now() + lag);
}

void tcp_socket::to_peer(std::function<void(tcp_socket&)> what) {
  if (!peer() || path_->is_silent)
    return;
  kernel::current()->at(arrival(), [peer = peer(), path = path_, what = std::move(what)] {
    if (!path->is_silent)
      what(*peer);
  });
}

void tcp_socket::transmit(std::string_view bytes) {
  in_flight_ += bytes.size();
  const bool is_cut = is_to_be_cut();
  if (is_cut) {
    const auto left = static_cast<std::size_t>(path_->bytes_until_cut);
    bytes = bytes.substr(0, left);
    path_->bytes_until_cut -= static_cast<std::int64_t>(bytes.size());
  }
  while (!bytes.empty()) {
    std::size_t part = bytes.size();
    if (part > 1 && chance().chance(path_->split))
      part = 1 + chance().below(part - 1);
    to_peer(
        [segment = std::string(bytes.substr(0, part))](tcp_socket& peer) { peer.take(segment); });
    bytes.remove_prefix(part);
  }
  if (is_cut && path_->bytes_until_cut == 0)
    cut();
}

void tcp_socket::transmit_fin() {
  const bool is_lost = is_to_be_cut() && path_->bytes_until_cut == 0; // as what came before it
  if (!std::exchange(is_write_shut_, true) && !is_lost)
    to_peer([](tcp_socket& peer) { peer.take_fin(); });
}

void tcp_socket::transmit_reset() {
  is_reset_ = true;
  to_peer([](tcp_socket& peer) { peer.take_reset(ECONNRESET); });
}

// This end was the last that the network let speak.
void tcp_socket::cut() {
  const auto by = std::exchange(path_->cut_by, tcp_path::ending::none);
  kernel_counts& counts = kernel::current()->counts;
  const moment now = kernel::current()->now();
  const auto reset = [this, now](moment after, int error) {
    for (const auto& end : path_->ends) {
      if (end)
        kernel::current()->at(now + after, [end, error] { end->take_reset(error); });
    }
  };
  switch (by) {
  case tcp_path::ending::none:
    break;
  case tcp_path::ending::fin:
    ++counts.cut_by_fin;
    to_peer([](tcp_socket& peer) { peer.take_fin(); });
    kernel::current()->at(arrival() + path_->latency,
                          [self = shared_from_this()] { self->take_reset(ECONNRESET); });
    break;
  case tcp_path::ending::reset:
    ++counts.cut_by_reset;
    reset(2 * path_->latency, ECONNRESET);
    break;
  case tcp_path::ending::silence:
    ++counts.cut_in_silence;
    path_->is_silent = true;
    reset(longest_silence, ETIMEDOUT);
    break;
  }
}

// A SYN, which is sent again if nobody answers.
void tcp_socket::knock(int attempt) {
  const auto self = shared_from_this();
  const auto end = [self](int error) {
    if (self->state_ != state::connecting || !self->is_open_)
      return;
    self->state_ = state::fresh;
    self->error_ = error;
    self->notify(EPOLLIN | EPOLLOUT | EPOLLERR | EPOLLHUP);
  };
  kernel& system = *kernel::current();
  const auto later = [&](moment after, std::function<void()> what) {
    system.at(system.now() + after, std::move(what));
  };
  const auto again = [self, end, attempt] {
    if (attempt + 1 == max_knocks)
      end(ETIMEDOUT);
    else if (self->is_open_)
      self->knock(attempt + 1);
  };
  if (attempt == 0) {
    if (chance().chance(system.weather.refuse)) {
      ++system.counts.refused;
      later(2 * path_->latency, [end] { end(ECONNREFUSED); });
      return;
    }
    if (chance().chance(system.weather.lose_connect)) {
      ++system.counts.lost_connects;
      later(127 * second, [end] { end(ETIMEDOUT); });
      return;
    }
  }
  later(path_->latency, [self, end, again, attempt] {
    kernel& there = *kernel::current();
    const moment back = there.now() + self->path_->latency;
    const auto found = self->network_.listeners_.find(self->remote_);
    if (!self->is_open_)
      return;
    if (found == self->network_.listeners_.end()) {
      there.at(back, [end] { end(ECONNREFUSED); });
      return;
    }
    tcp_socket& listener = *found->second;
    if (listener.backlog_.size() >= listener.backlog_limit_) {
      ++there.counts.full_backlogs;
      there.at(there.now() + (second << attempt), again);
      return;
    }
    const auto accepted = self->network_.make();
    accepted->state_ = state::open;
    accepted->local_ = self->remote_;
    accepted->remote_ = self->local_;
    accepted->direction_ = 1;
    accepted->path_ = self->path_;
    self->path_->ends = {self, accepted};
    if (self->path_->cut_by != tcp_path::ending::none && self->path_->bytes_until_cut < 0)
      there.at(there.now() + chance().between(0, there.weather.max_time_until_cut),
               [accepted] { accepted->cut(); });
    listener.backlog_.push_back(accepted);
    listener.notify(EPOLLIN);
    there.at(back, [self] {
      if (self->state_ != state::connecting)
        return;
      self->state_ = state::open;
      if (self->is_open_)
        self->notify(EPOLLOUT);
      else
        self->transmit_reset(); // gone meanwhile
    });
  });
}

// The network -------------------------------------------------------------------------------------

tcp_network::population tcp_network::clients_of(const address& to) const {
  const auto found = clients_.find(to);
  return found == clients_.end() ? population() : found->second;
}

std::shared_ptr<tcp_path> tcp_network::new_path() {
  kernel& system = *kernel::current();
  const conditions& weather = system.weather;
  auto path = std::make_shared<tcp_path>();
  path->latency = chance().between(weather.min_latency, weather.max_latency);
  path->jitter = weather.max_jitter;
  path->split = weather.split;
  path->partial = weather.partial;
  if (!chance().chance(weather.cut))
    return path;
  path->cut_by = static_cast<tcp_path::ending>(1 + chance().below(3));
  path->cut_direction = chance().below(2);
  if (chance().chance(500'000))
    path->bytes_until_cut = chance().between(0, weather.max_bytes_until_cut);
  return path;
}

std::uint16_t tcp_network::next_port() noexcept {
  return port_ == 60'999 ? port_ = 32'768 : ++port_;
}

} // namespace httpool_sim
