// What is known of one pool: its latest view, and the last minute of each of its connections.
#pragma once

#include <httpool/pool_view.hpp>

#include <array>
#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace httpool::detail {

/// How many samples are kept of each thing: a minute, at five a second.
inline constexpr std::size_t columns = 300;

/// What a connection was seen to do in a column.
enum class mark : char {
  absent = '.',
  dialing = 'd',
  idle = 'i',
  used = 'u', ///< Idle, but it was used since the column before.
  leased = 'l',
  leased_anew = 'n', ///< Leased, by the lease after that of the column before.
  probed = 'p',
  closing = 'c',
};

/// The last values of something, one a column.
template <class Value>
class minute {
public:
  explicit minute(Value before) { values_.fill(before); }

  void set(std::uint64_t column, Value value) noexcept { values_[column % columns] = value; }

  /// The value of a column that is at most `columns - 1` behind the latest.
  Value at(std::uint64_t column) const noexcept { return values_[column % columns]; }

private:
  std::array<Value, columns> values_;
};

/// One connection through the last minute.
struct lane {
  connection_view seen;  ///< As it was when it was last seen.
  std::uint64_t key = 0; ///< Unique among the lanes of a pool, and for ever its own.
  bool is_gone = false;
  std::uint64_t last_column = 0; ///< In which it was seen last.
  minute<char> marks{static_cast<char>(mark::absent)};
};

/// One pool through the last minute.
class track {
public:
  using time_point = std::chrono::steady_clock::time_point;

  explicit track(std::string name) : name_(std::move(name)) {}

  /// Takes in what the pool holds in a column, the same as before or a later one, at the time
  /// `now`. No more than `max_lanes` connections are followed.
  void update(pool_view view, std::uint64_t column, time_point now, std::size_t max_lanes);

  /// The pool is not there in that column; its connections are gone.
  void miss(std::uint64_t column);

  const std::string& name() const noexcept { return name_; }
  bool is_gone() const noexcept { return is_gone_; }

  /// The column in which it was there last.
  std::uint64_t last_column() const noexcept { return last_seen_; }

  const pool_view& view() const noexcept { return view_; }
  time_point seen_at() const noexcept { return seen_at_; }

  /// Connections that there are, in the order of their dials, and then those that have gone.
  const std::vector<lane>& lanes() const noexcept { return lanes_; }

  /// How many connections have no lane.
  std::size_t hidden() const noexcept { return hidden_; }

  /// How many callers waited in a column.
  std::uint32_t waiting_at(std::uint64_t column) const noexcept { return waiting_.at(column); }

  /// Grants a second, of late.
  double rate() const noexcept { return rate_; }

private:
  void skip_to(std::uint64_t column);
  lane* find(const connection_view& seen);
  lane* room(std::size_t max_lanes);
  void forget_the_old(std::uint64_t column);
  void measure(time_point now);

  std::string name_;
  bool is_gone_ = true;
  std::uint64_t column_ = 0;
  std::uint64_t last_seen_ = 0;
  std::uint64_t last_key_ = 0;
  pool_view view_;
  time_point seen_at_ = {};
  std::vector<lane> lanes_;
  std::size_t hidden_ = 0;
  minute<std::uint32_t> waiting_{0};
  double rate_ = 0;
  std::uint64_t rate_count_ = 0; ///< Grants at `rate_since_`.
  time_point rate_since_ = {};
};

} // namespace httpool::detail
