// Bytes as the options of a pool and the events that happen to it, each held against the oracle.

#include "fuzz/fuzz.hpp"
#include "sim/ledger/checked_ledger.hpp"
#include "sim/ledger/shrink.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string_view>
#include <vector>

namespace httpool::test {
namespace {

using namespace std::chrono_literals;
using kind = event::kind;

constexpr std::size_t endless = std::numeric_limits<std::size_t>::max();
constexpr std::array<duration, 16> lengths = {0ns,  1ns,   2ns,      10ns,           1us,   1ms,
                                              10ms, 100ms, 1s,       500ms,          600ms, 5s,
                                              1h,   -1ns,  for_ever, duration::min()};
constexpr std::array<std::size_t, 8> counts = {0, 1, 2, 3, 8, 20, endless - 1, endless};

class bytes {
public:
  explicit bytes(std::string_view all) : left_(all) {}

  bool are_left() const { return !left_.rest().empty(); }
  std::uint8_t next() { return left_.next(); }
  duration length() { return lengths[next() % lengths.size()]; }
  duration longer_than_zero() { return std::max<duration>(length(), 1ns); }
  std::size_t count() { return counts[next() % counts.size()]; }

  pool_limits limits() {
    pool_limits l;
    l.max_connections = std::clamp<std::size_t>(count(), 1, 20);
    l.max_waiters = count();
    l.min_idle = std::min(count(), l.max_connections);
    l.max_dials = std::max<std::size_t>(count(), 1);
    return l;
  }

  pool_options options() {
    const pool_limits l = limits();
    pool_options o;
    o.max_connections = l.max_connections;
    o.max_waiters = l.max_waiters;
    o.min_idle = l.min_idle;
    o.max_dials = l.max_dials;
    o.dial_timeout = longer_than_zero();
    o.dial_backoff = std::max<duration>(length(), 0ns);
    o.max_dial_backoff = std::max<duration>(length(), o.dial_backoff);
    o.idle_timeout = longer_than_zero();
    o.max_lifetime = longer_than_zero();
    o.max_uses = count();
    if (next() % 2 == 0)
      o.probe.ask = answers_well;
    o.probe.interval = longer_than_zero();
    o.probe.timeout = longer_than_zero();
    return o;
  }

  /// One byte says what happens and whether there is more to say of it.
  event one_event() {
    event e;
    const std::uint8_t first = next();
    e.what = static_cast<kind>(first % 64 % static_cast<std::uint8_t>(kind::count));
    e.which = first >= 128 ? next() : 0;
    if (first % 128 < 64)
      return e;
    e.after = std::max<duration>(length(), 0ns);
    e.timeout = length();
    e.max_idle = length();
    e.dial_timeout = length();
    e.count = count();
    if (e.what == kind::set_limits)
      e.limits = limits();
    return e;
  }

private:
  httpool_fuzz::reader left_;
};

void run(std::string_view input) {
  bytes from(input);
  const pool_options options = from.options();
  std::vector<event> events;
  try {
    checked_ledger pool(options, 1);
    while (from.are_left()) {
      events.push_back(from.one_event());
      pool.apply(events.back());
    }
    pool.come_to_rest();
  } catch (const std::exception& broken) {
    const std::vector<event> few = shrink(events, faults_of(options, 1));
    throw httpool_fuzz::broken_property(to_test_case(options, 1, few, broken.what()));
  }
}

const httpool_fuzz::target here("ledger", run);

} // namespace
} // namespace httpool::test
