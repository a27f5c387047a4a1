// What must be so of every scene, whatever its fault was and however slow the machine is.

#include "faults/scene.hpp"

#include <algorithm>

namespace httpool_test::faults {
namespace {

/// What a busy machine may add to a time that is promised.
constexpr auto margin = 3s;

std::string in_ms(std::chrono::nanoseconds time) {
  return std::to_string(time / 1ms) + " ms";
}

} // namespace

void scene::judge_pool(const httpool::pool_stats& s) {
  if (s.total() != 0 || s.made != s.closed())
    complain(std::to_string(s.total()) + " connections are left");
  if (s.acquires != s.granted + s.timed_out + s.cancelled + s.failed + s.refused)
    complain("the pool's figures do not add up");
  if (s.peak_total > what_.connections)
    complain(std::to_string(s.peak_total) + " connections at once");
}

void scene::judge_calls(row& to) {
  const tally& sum = load_->sum();
  to.calls = sum.begun;
  to.answered = sum.answered;
  to.failed = sum.failed;
  to.longest = sum.longest;
  to.allowed = what_.deadline + stood_still_;
  std::string kinds;
  for (const auto& [name, count] : sum.kinds) {
    kinds += kinds.empty() ? "" : ", ";
    kinds += std::to_string(count) + " " + name;
  }
  put(kinds, to.kinds);

  std::vector<bool> has_failed(sum.begun);
  for (const std::uint32_t each : sum.abandoned)
    has_failed[each] = true;
  std::uint64_t undone = 0;
  for (std::uint32_t call = 0; call < sum.begun; ++call) {
    const unsigned times = shared_.done[call];
    to.lost += has_failed[call] && times > 0;
    to.repeated += !is_post(call) && times == 2;
    to.duplicated += times > (is_post(call) ? 1u : 2u);
    undone += !has_failed[call] && times == 0;
  }
  const auto complain_of = [this](std::uint64_t count, const std::string& what) {
    if (count != 0)
      complain(std::to_string(count) + " " + what);
  };
  complain_of(to.duplicated, "calls were done too often");
  if (what_.loses_nothing)
    complain_of(to.lost, "answers were lost");
  complain_of(undone, "calls were answered that the server has not done");
  complain_of(sum.wrong, "answers were another's");
  complain_of(shared_.garbled, "requests did not arrive as they were sent");
  complain_of(sum.early, "calls failed before their deadline");
  complain_of(sum.begun - sum.answered - sum.failed, "calls are neither answered nor failed");
  if (sum.longest > to.allowed + margin)
    complain("a call took " + in_ms(sum.longest));

  if (what_.expected == losses::none)
    complain_of(sum.failed, "calls failed, and none should");
  else if (what_.expected != losses::any && sum.failed == 0)
    complain("no call failed, so that the fault was none");
  if (what_.expected == losses::one_a_connection && sum.failed > what_.connections)
    complain("more calls failed than there were connections");
}

void scene::judge_recovery(row& to) {
  const tally& sum = load_->sum();
  to.first = sum.first_answer - ended_;
  to.steady = std::max<std::chrono::nanoseconds>(sum.last_failure - ended_, 0ns);
  // The last call of the fault's time has its deadline, a dial of that time its own; then the
  // longest pause between dials.
  const httpool::pool_options pool = options().pool;
  const std::chrono::nanoseconds bound = what_.deadline + pool.dial_timeout +
                                         pool.max_dial_backoff * 6 / 5 + what_.resolver_timeout +
                                         margin;
  if (sum.first_answer == tally::clock::time_point() || to.first > bound)
    complain("no answer within " + in_ms(bound) + " after the fault");
  if (to.steady > bound)
    complain("a failure " + in_ms(to.steady) + " after the fault");
}

} // namespace httpool_test::faults
