// Random numbers for tests that can be run again from their seed.
#pragma once

#include <httpool/detail/waiter.hpp>

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <utility>
#include <vector>

namespace httpool::test {

using detail::duration;

/// Random numbers that are the same on every machine.
class dice {
public:
  explicit dice(std::uint64_t seed) : state_(seed * 0x9e3779b97f4a7c15 + 1) {}

  std::uint64_t roll() {
    std::uint64_t z = state_ += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }

  std::size_t below(std::size_t end) { return roll() % end; }
  bool chance(unsigned percent) { return below(100) < percent; }
  duration up_to(duration longest) {
    return duration(
        static_cast<duration::rep>(roll() % (static_cast<std::uint64_t>(longest.count()) + 1)));
  }

  template <class T>
  T one_of(std::initializer_list<T> some) {
    return some.begin()[below(some.size())];
  }

  template <class T>
  T take(std::vector<T>& some) {
    std::swap(some[below(some.size())], some.back());
    const T taken = some.back();
    some.pop_back();
    return taken;
  }

private:
  std::uint64_t state_;
};

} // namespace httpool::test
