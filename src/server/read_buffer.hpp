// The bytes of a connection that have arrived and are not used yet.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <string_view>
#include <utility>

namespace httpool::detail {

// Starts small, since most connections are idle most of the time, grows while reads fill it, and
// becomes small again when it has run empty.
class read_buffer {
public:
  explicit read_buffer(std::size_t limit) noexcept : limit_(std::max(limit, small)) {}

  std::string_view view() const noexcept { return {bytes_.get() + begin_, end_ - begin_}; }
  bool empty() const noexcept { return begin_ == end_; }

  void consume(std::size_t bytes) noexcept {
    begin_ += bytes;
    if (begin_ == end_)
      begin_ = end_ = 0;
  }

  // Room to read into, at least one byte of it while the unused bytes are fewer than the limit.
  std::pair<char*, std::size_t> prepare() {
    if (empty() && capacity_ > small && !filled_)
      reserve(small);
    else if (end_ == capacity_ && begin_ == 0)
      reserve(std::min(std::max(2 * capacity_, small), limit_));
    else if (filled_ && capacity_ < limit_)
      reserve(std::min(2 * capacity_, limit_));
    else if (end_ == capacity_)
      compact();
    return {bytes_.get() + end_, capacity_ - end_};
  }

  void commit(std::size_t bytes) noexcept {
    end_ += bytes;
    filled_ = end_ == capacity_;
  }

  // Gives its memory back, if there is nothing in it.
  void release() noexcept {
    if (!empty())
      return;
    bytes_.reset();
    capacity_ = 0;
  }

private:
  static constexpr std::size_t small = 4096;

  void compact() noexcept {
    std::memmove(bytes_.get(), bytes_.get() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }

  void reserve(std::size_t capacity) {
    std::unique_ptr<char[]> bytes(new char[capacity]);
    const std::string_view unused = view();
    std::copy(unused.begin(), unused.end(), bytes.get());
    bytes_ = std::move(bytes);
    capacity_ = capacity;
    begin_ = 0;
    end_ = unused.size();
  }

  std::unique_ptr<char[]> bytes_;
  std::size_t limit_;
  std::size_t capacity_ = 0;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  bool filled_ = false; // by the last read
};

} // namespace httpool::detail
