#include "sim/ledger/shrink.hpp"

#include "sim/ledger/checked_ledger.hpp"

#include <algorithm>

namespace httpool::test {
namespace {

using events_t = std::vector<event>;

events_t without(const events_t& events, std::size_t first, std::size_t count) {
  events_t result = events;
  const auto begin = result.begin() + static_cast<std::ptrdiff_t>(first);
  result.erase(begin, begin + static_cast<std::ptrdiff_t>(std::min(count, events.size() - first)));
  return result;
}

/// The same without its time, which goes to the event after it.
events_t without_keeping_time(const events_t& events, std::size_t i) {
  events_t result = without(events, i, 1);
  if (i < result.size())
    result[i].after =
        duration(std::min(for_ever - events[i].after, result[i].after) + events[i].after);
  return result;
}

/// Delta debugging (Zeller and Hildebrandt 2002): ever smaller pieces are left out, from the end,
/// where most of what does not matter lies.
bool leave_out(events_t& events, const std::function<bool(const events_t&)>& still_fails) {
  bool any = false;
  for (std::size_t piece = std::max<std::size_t>(events.size() / 2, 1); piece != 0; piece /= 2) {
    for (std::size_t end = events.size(); end != 0;) {
      const std::size_t begin = end > piece ? end - piece : 0;
      if (events_t shorter = without(events, begin, end - begin); still_fails(shorter)) {
        events = std::move(shorter);
        any = true;
      } else if (piece == 1 && events[begin].after != duration::zero()) {
        if (shorter = without_keeping_time(events, begin); still_fails(shorter)) {
          events = std::move(shorter);
          any = true;
        }
      }
      end = begin;
    }
  }
  return any;
}

template <class T>
bool leave_at_default(events_t& events, T event::*member,
                      const std::function<bool(const events_t&)>& still_fails) {
  bool any = false;
  const T standard = event().*member;
  for (std::size_t i = 0; i < events.size(); ++i) {
    if (events[i].*member == standard)
      continue;
    events_t plainer = events;
    plainer[i].*member = standard;
    if (still_fails(plainer)) {
      events = std::move(plainer);
      any = true;
    }
  }
  return any;
}

} // namespace

fault_finder faults_of(const pool_options& options, std::uint64_t seed, unsigned walk_every) {
  return [=](const events_t& events) -> std::string {
    try {
      checked_ledger pool(options, seed, walk_every);
      for (const event& e : events)
        pool.apply(e);
      pool.come_to_rest();
      return {};
    } catch (const std::exception& e) {
      return e.what();
    }
  };
}

std::vector<event> shrink(std::vector<event> events, const fault_finder& fault_of,
                          std::chrono::seconds longest) {
  using clock = std::chrono::steady_clock;
  const clock::time_point end = clock::now() + longest;
  const std::string fault = fault_of(events);
  const auto still_fails = [&](const events_t& some) {
    return clock::now() < end && fault_of(some) == fault;
  };
  bool any = !fault.empty();
  while (any) {
    any = leave_out(events, still_fails);
    any |= leave_at_default(events, &event::after, still_fails);
    any |= leave_at_default(events, &event::which, still_fails);
    any |= leave_at_default(events, &event::timeout, still_fails);
    any |= leave_at_default(events, &event::max_idle, still_fails);
    any |= leave_at_default(events, &event::dial_timeout, still_fails);
    any |= leave_at_default(events, &event::count, still_fails);
  }
  return events;
}

} // namespace httpool::test
