// One random run: a seed gives the options, the events, their times and what comes of dials, looks,
// probes and leases. Each event goes to the oracle first and then to the ledger; what they decide
// must agree, and so must dials, back-off, wakes and figures with the rules worked out here.
#pragma once

#include "unit/ledger_oracle.hpp"

#include <deque>
#include <initializer_list>
#include <stdexcept>
#include <string>

namespace httpool::test {

inline void require(bool holds, const char* what) {
  if (!holds)
    throw std::logic_error(what);
}

inline constexpr duration for_ever = duration::max();

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

/// When the back-off allows the next dial: a time between these two.
struct dial_pause {
  unsigned failures = 0;
  time_point failed_at = {};
  time_point earliest = time_point::min();
  time_point latest = time_point::min();
};

/// What differs between runs beside the options.
struct pace {
  std::size_t acquires;  ///< Per cent of events.
  std::size_t wakes;     ///< Per cent of steps in time that go to the next wake or next to it.
  duration longest_step; ///< Of the other steps.
  unsigned good_dials;   ///< Per cent.
  unsigned good_looks;   ///< Per cent.
};

class random_run {
public:
  explicit random_run(std::uint64_t seed);

  void one_event();

  /// Stops the load and lets time pass until the pool has come to rest; checks what is left.
  void come_to_rest();

private:
  static pool_options random_options(dice& random);
  static pace random_pace(dice& random);
  duration random_timeout();
  void time_moves();

  void acquire();
  void try_acquire();
  void look();
  void end_lease();
  void dial_ends();
  void spoke();
  void probe_ends();
  void cancel(caller& w);
  void some_cancel();
  void lease_deadline();
  void peer_hints();
  void prewarm();
  void set_limits();
  void cut_off_all();
  void close();
  void finish_all();
  void time_passes();

  void tick();
  void closed(link& c);
  void dialed(link& c);
  void returned(link& c);
  void probed(link& c, bool good);

  void after_event(bool one_failure = false);
  void carry_out(const ledger::decision& d, std::vector<outcome>& decided);
  void granted(caller& w, link& c);
  void begins_dial(link& c);
  void check_wake() const;
  void check_figures() const;
  duration pause(unsigned percent) const;
  std::size_t in_flight() const { return dials_.size(); }

  caller& new_caller();
  link& new_link();
  void ended(caller& w);
  void gone(link& c);

  dice random_;
  const pool_options options_;
  pace pace_;
  time_point now_ = time_point(std::chrono::hours(1));

  std::deque<caller> all_callers_; // These two outlive the ledger, which links them.
  std::deque<link> all_links_;
  std::vector<caller*> free_callers_;
  std::vector<link*> free_links_;

  ledger mind_;
  oracle oracle_;

  std::vector<caller*> waiting_;
  std::vector<link*> dials_; ///< Started.
  std::vector<link*> looks_; ///< Granted, and not looked at yet.
  std::vector<link*> leases_;
  std::vector<link*> probes_;
  std::vector<link*> closing_;

  dial_pause pause_;
  std::uint64_t order_ = 0;
  pool_stats counted_;
};

} // namespace httpool::test
