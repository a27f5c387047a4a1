// What a connection is used for, as its lessee says it.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace httpool::detail {

/// A short text that its owner replaces while others read it. Nobody waits and nothing is locked:
/// there are two places for texts, of which the one that was not said last is written. Who reads
/// has to begin anew only if two texts were said meanwhile.
///
/// The words are released and acquired one by one, so that whoever has seen one of a later text
/// sees that the text has changed, too, without fences, which thread sanitizers don't know.
class description {
public:
  /// The bytes that are kept of a text.
  static constexpr std::size_t most = 48;

  /// A text that was said.
  struct copy {
    std::string_view view() const noexcept { return {bytes.data(), size}; }

    std::array<char, most> bytes;
    std::size_t size;
  };

  /// Of one thread at a time. Keeps the first `most` bytes.
  void say(std::string_view text) noexcept {
    const std::size_t size = std::min(text.size(), most);
    const std::uint64_t turn = (state_.load(std::memory_order_relaxed) >> size_bits) + 1;
    place& to = places_[turn % 2];
    std::size_t at = 0;
    for (; at + word_size < size; at += word_size)
      to[at / word_size].store(load(text.data() + at, word_size), std::memory_order_release);
    // The last word ends with the text, and begins in the one before if there is one.
    const std::uint64_t last = size < word_size ? load(text.data(), size)
                                                : load(text.data() + size - word_size, word_size);
    to[at / word_size].store(last, std::memory_order_release);
    state_.store(turn << size_bits | size, std::memory_order_release);
  }

  /// The latest text; empty if there was none. Of any thread at any time.
  copy read() const noexcept {
    copy result; // NOLINT(cppcoreguidelines-pro-type-member-init): what `size` says is set
    std::uint64_t state = 0;
    do {
      state = state_.load(std::memory_order_acquire);
      const place& from = places_[(state >> size_bits) % 2];
      result.size = state & ((std::uint64_t{1} << size_bits) - 1);
      std::size_t at = 0;
      for (; at + word_size < result.size; at += word_size)
        store(from[at / word_size].load(std::memory_order_acquire), result.bytes.data() + at,
              word_size);
      const std::size_t rest = std::min(result.size, word_size);
      store(from[at / word_size].load(std::memory_order_acquire),
            result.bytes.data() + result.size - rest, rest);
    } while (state_.load(std::memory_order_relaxed) != state);
    return result;
  }

private:
  static constexpr std::size_t word_size = sizeof(std::uint64_t);
  static constexpr unsigned size_bits = 8;
  using place = std::array<std::atomic<std::uint64_t>, most / word_size>;

  static std::uint64_t load(const char* from, std::size_t size) noexcept {
    std::uint64_t word = 0;
    if (size != 0) // an empty text may be nowhere
      std::memcpy(&word, from, size);
    return word;
  }

  static void store(std::uint64_t word, char* to, std::size_t size) noexcept {
    std::memcpy(to, &word, size);
  }

  std::atomic<std::uint64_t> state_ = 0; ///< How many texts there were, and the last one's size.
  std::array<place, 2> places_ = {};
};

} // namespace httpool::detail
