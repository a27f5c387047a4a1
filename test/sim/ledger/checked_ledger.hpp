// A ledger whose every step is checked. Each event goes to the oracle first and then to the ledger;
// what they decide must agree, and so must dials, back-off, wakes and figures with the rules worked
// out here. A fault is thrown as `std::logic_error`.
//
// The events of a run come from elsewhere: from a seed, from a search, from bytes or from a list.
#pragma once

#include "sim/ledger/event.hpp"
#include "sim/ledger/oracle.hpp"

#include <deque>
#include <stdexcept>
#include <string>

namespace httpool::test {

inline void require(bool holds, const char* what) {
  if (!holds)
    throw std::logic_error(what);
}

/// A probe that only has to be there: the ledger asks nobody.
boost::asio::awaitable<bool> answers_well(lease&);

/// When the back-off allows the next dial: a time between these two.
struct dial_pause {
  unsigned failures = 0;
  time_point failed_at = {};
  time_point earliest = time_point::min();
  time_point latest = time_point::min();
};

class checked_ledger {
public:
  /// Whatever takes time for each connection or waiter is checked after every `walk_every`th event
  /// alone, for the sake of large pools.
  checked_ledger(const pool_options& options, std::uint64_t seed, unsigned walk_every = 1);

  /// Time moves by `e.after` in any case; false if there is nobody whom the event could happen to.
  bool apply(const event& e);

  /// Stops the load and lets time pass until the pool has come to rest; checks what is left.
  void come_to_rest();

  const ledger& mind() const noexcept { return mind_; }
  const oracle& expectation() const noexcept { return oracle_; }
  const dial_pause& pause() const noexcept { return pause_; }
  time_point now() const noexcept { return now_; }
  bool has_permits() const noexcept { return has_permits_; }

  const std::vector<caller*>& waiting() const noexcept { return waiting_; }
  const std::vector<link*>& dials() const noexcept { return dials_; }
  const std::vector<link*>& looks() const noexcept { return looks_; }
  const std::vector<link*>& leases() const noexcept { return leases_; }
  const std::vector<link*>& probes() const noexcept { return probes_; }
  const std::vector<link*>& closing() const noexcept { return closing_; }

private:
  static constexpr time_point end_of_clock = time_point::max() - std::chrono::hours(24 * 365);

  void begin_event();
  bool happen(const event& e);
  bool lease_event(const event& e);
  bool connection_event(const event& e);
  bool pool_event(const event& e);

  void acquire(const event& e);
  bool try_acquire(duration max_idle);
  void stale(link& c);
  void undelivered(link& c);
  void returned(link& c);
  void dropped(link& c);
  void redial(link& c, const event& e);
  void detached(link& c);
  void dialed(link& c);
  void dial_failed(link& c);
  void closed(link& c);
  void probed(link& c, bool good);
  void cancel(caller& w);
  void limit_uses(link& c, std::uint64_t more);
  bool end_again(std::uint32_t which, time_point then);
  bool watch_again(std::uint32_t which, time_point then);
  bool spoke(std::uint32_t which);
  void tick();
  void close();
  void cut_off_all();
  void expect_cut_offs(time_point now);
  void moves(duration length);
  void finish_all();
  void time_passes();

  void after_event(bool one_failure = false);
  void start_dials();
  void start_dial();
  void make_no_dial();
  void carry_out(const ledger::decision& d);
  void granted(caller& w, link& c);
  void begins_dial(link& c);
  void count_failure(time_point began);
  void walk() const;
  void check_answers() const;
  void check_wake() const;
  void check_figures() const;
  time_point pause_from_now(int direction) const;
  std::size_t in_flight() const { return dials_.size(); }
  bool may_dial() const {
    return !is_held_ && in_flight() < oracle_.limits.max_dials &&
           (pause_.failures == 0 || now_ >= pause_.latest);
  }

  caller& new_caller();
  void comes(caller& w);
  link& new_link();
  void ended(caller& w);
  void gone(link& c);

  const pool_options options_;
  const unsigned walk_every_;
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

  bool has_permits_ = true;
  bool lacks_memory_ = false; ///< For the next dial.
  bool is_held_ = false;      ///< A dial, for want of a permit.
  dial_pause pause_;
  std::uint64_t order_ = 0;
  std::uint64_t events_ = 0;
  pool_stats counted_;

  std::vector<outcome> decided_; ///< By the present event.
  std::vector<outcome> cut_offs_;
  std::vector<outcome> expected_cut_offs_;
};

} // namespace httpool::test
