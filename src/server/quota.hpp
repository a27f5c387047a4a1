// How many connections are open, and who waits for one to close; common to a server's threads.
#pragma once

#include "wakeable_timer.hpp"

#include <boost/intrusive/list.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <utility>

namespace httpool::detail {

class quota;

// One connection's share of a quota: first reserved, then, once there is a connection, open.
class place {
public:
  place() noexcept = default;
  explicit place(std::shared_ptr<quota> owner) noexcept : owner_(std::move(owner)) {}
  place(place&& other) noexcept = default;
  place& operator=(place&&) = delete;
  ~place();

  explicit operator bool() const noexcept { return owner_ != nullptr; }

  void open() noexcept;

private:
  std::shared_ptr<quota> owner_;
  bool is_open_ = false;
};

// Who waits for a place: the wait of the timer is ended when there may be one again.
class place_waiter : public boost::intrusive::list_base_hook<> {
public:
  explicit place_waiter(wakeable_timer& timer) noexcept : timer_(timer) {}

private:
  friend class quota;
  wakeable_timer& timer_;
};

class quota : public std::enable_shared_from_this<quota> {
public:
  // At most `limit` at a time; zero: no limit.
  explicit quota(std::size_t limit) noexcept : limit_(limit) {}

  // A place, or none: then `who` waits for one, which needs no memory.
  place take(place_waiter& who) noexcept;

  // To be called before `who` goes.
  void forget(place_waiter& who) noexcept;

  // The next connection's id, counting from 1.
  std::uint64_t next_id() noexcept { return ++last_id_; }

  std::size_t open() const noexcept;
  std::size_t peak() const noexcept;

private:
  friend class place;
  void count_open() noexcept;
  void give_back(bool was_open) noexcept;

  const std::size_t limit_;
  mutable std::mutex mutex_;
  std::size_t taken_ = 0;
  std::size_t open_ = 0;
  std::size_t peak_ = 0;
  boost::intrusive::list<place_waiter> waiting_;
  std::atomic<std::uint64_t> last_id_ = 0;
};

} // namespace httpool::detail
