// One random run: a seed gives the options, the events, their times and what comes of dials, looks,
// probes and leases. Each event goes to the oracle first and then to the ledger; what they decide
// must agree, and so must dials, back-off, wakes and figures with the rules worked out here.
#pragma once

#include "unit/dice.hpp"
#include "sim/ledger/oracle.hpp"

#include <deque>
#include <stdexcept>
#include <string>

namespace httpool::test {

inline void require(bool holds, const char* what) {
  if (!holds)
    throw std::logic_error(what);
}

inline constexpr duration for_ever = duration::max();

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
  duration random_max_idle();
  void expects(caller& w, time_point deadline, duration max_idle);
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
  bool may_dial() const {
    return in_flight() < oracle_.limits.max_dials &&
           (pause_.failures == 0 || now_ >= pause_.latest);
  }

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
