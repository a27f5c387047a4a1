// The deadlines of all connections of a server behind one timer.
#pragma once

#include "wait_room.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/intrusive/list.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>

namespace httpool::detail {

enum class deadline_kind : std::uint8_t { warm, idle, head, progress, linger, handshake };

// One who has at most one deadline at a time.
class deadline_holder : public boost::intrusive::list_base_hook<
                            boost::intrusive::link_mode<boost::intrusive::auto_unlink>> {
public:
  virtual void on_deadline(deadline_kind kind) noexcept = 0;

protected:
  ~deadline_holder() = default;

private:
  friend class deadlines;
  std::chrono::steady_clock::time_point expiry_;
};

// Deadlines of one kind are all equally long, so that a list of them in the order they were set is
// in the order they expire. Setting one is a few pointers and no system call: the timer is touched
// only when a deadline comes before the one it is armed for, and firing too early it just looks for
// the next.
class deadlines : public std::enable_shared_from_this<deadlines> {
public:
  using clock = std::chrono::steady_clock;
  static constexpr std::size_t kinds = 6;

  deadlines(const boost::asio::any_io_executor& executor,
            const std::array<clock::duration, kinds>& lengths);

  // Replaces the holder's deadline.
  void set(deadline_holder& holder, deadline_kind kind);

  // The same of one whose deadline has just come, from within `on_deadline`.
  void set_next(deadline_holder& holder, deadline_kind kind) noexcept;

  void clear(deadline_holder& holder) noexcept;

  // Forgets all deadlines and lets go of the timer.
  void stop() noexcept;

private:
  using list = boost::intrusive::list<deadline_holder, boost::intrusive::constant_time_size<false>>;

  bool add(deadline_holder& holder, deadline_kind kind) noexcept;
  void arm(clock::time_point at);
  void arm_for_first() noexcept;
  void fire();

  boost::asio::steady_timer timer_;
  const std::shared_ptr<wait_room> room_ = std::make_shared<wait_room>();
  std::array<clock::duration, kinds> lengths_;
  std::array<list, kinds> lists_;
  clock::time_point armed_ = clock::time_point::max();
  bool stopped_ = false;
};

} // namespace httpool::detail
