#include "sim/model/search.hpp"

#include "prove/report.hpp"
#include "sim/ledger/checked_ledger.hpp"
#include "sim/model/arena.hpp"
#include "sim/model/digest.hpp"

#include <memory>
#include <new>

namespace httpool::test {
namespace {

using kind = event::kind;

constexpr std::uint32_t states_a_look = 1'024;
constexpr unsigned patience = 120; ///< In seconds, for so many states.

/// Numbers that have been seen, in one table.
class number_set {
public:
  /// False if it was there already.
  bool insert(std::uint64_t number) {
    if (2 * size_ >= slots_.size())
      grow();
    std::uint64_t& slot = slot_of(number);
    if (slot == number)
      return false;
    slot = number;
    ++size_;
    return true;
  }

private:
  std::uint64_t& slot_of(std::uint64_t number) { // Zero, which is no digest of ours, is empty.
    std::size_t i = number & (slots_.size() - 1);
    while (slots_[i] != 0 && slots_[i] != number)
      i = (i + 1) & (slots_.size() - 1);
    return slots_[i];
  }

  void grow() {
    std::vector<std::uint64_t> old(2 * slots_.size());
    old.swap(slots_);
    for (const std::uint64_t number : old) {
      if (number != 0)
        slot_of(number) = number;
    }
  }

  std::vector<std::uint64_t> slots_ = std::vector<std::uint64_t>(1 << 16);
  std::size_t size_ = 0;
};

/// What happened last, and the state before it.
struct step {
  std::uint32_t parent;
  std::uint16_t what; ///< Of the configuration's events; one more is the passing of time.
  std::uint16_t which;
};

/// To how many this may happen.
std::size_t targets(const event& e, const checked_ledger& pool, std::size_t callers) {
  std::size_t present = pool.waiting().size();
  for (const link* c : pool.looks())
    present += c->granted_to != nullptr;
  switch (e.what) {
  case kind::acquire:
  case kind::cancelled_acquire:
    return present < callers ? 1 : 0;
  case kind::redial:
    return present < callers ? pool.leases().size() : 0;
  case kind::cancel:
    return pool.waiting().size();
  case kind::accept:
  case kind::stale:
  case kind::undelivered:
  case kind::cancel_granted:
    return pool.looks().size();
  case kind::returned:
  case kind::dropped:
  case kind::detached:
  case kind::lease_deadline:
  case kind::limit_idle:
  case kind::limit_uses:
    return pool.leases().size();
  case kind::dialed:
  case kind::dial_failed:
    return pool.dials().size();
  case kind::answered:
  case kind::unanswered:
    return pool.probes().size();
  case kind::end_again:
    return pool.dials().size() + pool.probes().size();
  case kind::spoke:
  case kind::watch_again:
    return pool.expectation().idle.size();
  case kind::closed: // It does not matter which.
    return pool.closing().empty() ? 0 : 1;
  case kind::no_permits:
    return pool.has_permits() ? 1 : 0;
  case kind::permits:
    return pool.has_permits() ? 0 : 1;
  default:
    return 1;
  }
}

/// The one pool, in the arena, and how it came to the state that it is in: a state at each depth is
/// kept, so that the next one, which mostly differs in its last step, is soon reached.
class walker {
public:
  walker(const configuration& what, const std::vector<step>& steps) : what_(what), steps_(steps) {
    arena::reset();
    const arena::scope inside;
    pool_ = new checked_ledger(what.options, 1);
    kept_.resize(1);
    keep(0);
  }

  const checked_ledger& pool() const { return *pool_; }
  std::size_t kinds() const { return what_.events.size() + 1; }

  /// Goes to a state, and keeps it for `go_back`.
  void go_to(std::uint32_t state) {
    std::vector<std::uint32_t> path;
    for (; state != 0; state = steps_[state].parent)
      path.push_back(state);
    std::reverse(path.begin(), path.end());
    std::size_t common = 0;
    while (common < path.size() && common < path_.size() && path[common] == path_[common])
      ++common;
    depth_ = common;
    go_back();
    for (; depth_ < path.size(); keep(depth_)) {
      const step& s = steps_[path[depth_]];
      apply(s.what, s.which);
      ++depth_;
    }
    path_ = std::move(path);
  }

  void go_back() { arena::put_back(kept_[depth_]); }

  std::size_t targets_of(std::size_t what) const {
    return what < what_.events.size() ? targets(what_.events[what], *pool_, what_.callers) : 1;
  }

  event make(std::size_t what, std::size_t which) const {
    event e;
    if (what == what_.events.size()) {
      const time_point wake = pool_->mind().next_wake(pool_->now());
      e.what = kind::pass;
      e.after = wake == time_point::max() ? duration::zero() : wake - pool_->now();
    } else {
      e = what_.events[what];
      e.which = static_cast<std::uint32_t>(which);
    }
    return e;
  }

  /// False if nothing happened.
  bool apply(std::size_t what, std::size_t which) {
    const event e = make(what, which);
    if (e.what == kind::pass && e.after == duration::zero())
      return false;
    const arena::scope inside;
    return pool_->apply(e);
  }

  /// The events that lead to a state.
  std::vector<event> events_to(std::uint32_t state) {
    path_.clear();
    std::vector<std::uint32_t> path;
    for (; state != 0; state = steps_[state].parent)
      path.push_back(state);
    depth_ = 0;
    go_back();
    std::vector<event> result;
    for (auto i = path.rbegin(); i != path.rend(); ++i) {
      result.push_back(make(steps_[*i].what, steps_[*i].which));
      apply(steps_[*i].what, steps_[*i].which);
    }
    return result;
  }

private:
  void keep(std::size_t depth) {
    if (kept_.size() <= depth)
      kept_.resize(depth + 1);
    arena::keep(kept_[depth]);
  }

  const configuration& what_;
  const std::vector<step>& steps_;
  checked_ledger* pool_ = nullptr; // Never deleted: the arena forgets it.
  std::vector<arena::snapshot> kept_;
  std::vector<std::uint32_t> path_;
  std::size_t depth_ = 0;
};

} // namespace

search_result search(const configuration& what, unsigned depth, std::uint64_t most_states,
                     std::chrono::steady_clock::time_point ends) {
  search_result result;
  std::vector<step> steps(1);
  number_set seen;
  walker walk(what, steps);
  seen.insert(digest_of(walk.pool()));
  std::uint32_t state = 0;
  for (; result.depth < depth; ++result.depth) {
    const auto end = static_cast<std::uint32_t>(steps.size());
    if (state == end) {
      result.is_complete = true;
      break;
    }
    for (; state < end; ++state) {
      if (state % states_a_look == 0)
        httpool_test::expect_an_end(
            patience, std::string("in ") + what.name + ", at state " + std::to_string(state), 0, 0);
      if (steps.size() >= most_states ||
          (state % states_a_look == 0 && std::chrono::steady_clock::now() >= ends)) {
        result.states = steps.size();
        return result;
      }
      walk.go_to(state);
      for (std::size_t i = 0; i < walk.kinds(); ++i) {
        for (std::size_t which = 0; which < walk.targets_of(i); ++which) {
          try {
            const bool happened = walk.apply(i, which);
            result.transitions += happened;
            if (happened && seen.insert(digest_of(walk.pool())))
              steps.push_back(
                  {state, static_cast<std::uint16_t>(i), static_cast<std::uint16_t>(which)});
          } catch (const std::exception& e) {
            result.fault = e.what();
            walk.go_back();
            const event last = walk.make(i, which);
            result.events = walk.events_to(state);
            result.events.push_back(last);
            result.states = steps.size();
            return result;
          }
          walk.go_back();
        }
      }
    }
  }
  result.states = steps.size();
  return result;
}

} // namespace httpool::test
