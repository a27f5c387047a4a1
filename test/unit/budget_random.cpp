// Random events in several pools with one budget; a seed that fails is printed with the number of
// the event.

#include "unit/budget_fixture.hpp"
#include "unit/dice.hpp"

namespace httpool::test {
namespace {

pool_options random_options(dice& random) {
  pool_options o;
  o.max_connections = random.one_of<std::size_t>({1, 2, 8});
  o.min_idle = std::min(o.max_connections, random.one_of<std::size_t>({0, 0, 0, 1, 2}));
  o.max_dials = random.one_of<std::size_t>({1, 2, 8});
  o.dial_backoff = random.one_of<duration>({0ns, 1ms, 100ms});
  o.max_uses = random.one_of<std::uint64_t>({0, 0, 3});
  return o;
}

void one_event(budget_fixture& all, dice& random, std::uint64_t events) {
  tenant& t = *all.pools[random.below(all.pools.size())];
  if (random.chance(50))
    all.now += random.up_to(random.one_of<duration>({1ms, 100ms, 5s}));
  switch (random.below(16)) {
  case 0:
  case 1:
  case 2:
  case 3:
    return void(t.acquire(random.one_of<duration>({0ns, 10ms, 5s, for_ever})));
  case 4:
  case 5:
  case 6:
    return t.leases.empty() ? t.tick()
                            : t.give_back(*random.one_of({t.leases.front(), t.leases.back()}));
  case 7:
    return t.leases.empty() ? t.tick() : t.drop(*t.leases.front());
  case 8:
  case 9:
  case 10:
    return t.dials.empty() ? t.tick() : void(t.dialed());
  case 11:
    return t.dials.empty() || random.chance(70) ? t.tick() : t.dial_fails();
  case 12:
    return t.closed();
  case 13:
    for (caller& w : t.callers) {
      if (w.waits())
        return t.cancel(w);
    }
    return;
  case 14:
    if (random.chance(5))
      t.event([&] { t.mind.close(all.now); });
    else
      t.event([&] { t.mind.prewarm(all.now, random.below(4)); });
    return;
  default:
    t.tick();
    if (events % 500 == 0)
      all.pool(random_options(random));
    else if (t.mind.is_closed() && t.mind.total() == 0)
      all.destroy(t);
    if (all.pools.empty())
      all.pool(random_options(random));
  }
}

/// All that is under way ends well, until nothing is and nobody waits.
bool comes_to_rest(budget_fixture& all) {
  for (int round = 0; round < 1000; ++round) {
    bool rests = true;
    for (std::size_t i = 0; i < all.pools.size(); ++i) {
      tenant& t = *all.pools[i];
      t.closed();
      while (!t.leases.empty())
        t.give_back(*t.leases.front());
      while (!t.dials.empty())
        t.dialed();
      t.tick();
      rests &= t.closing.empty() && t.leases.empty() && t.dials.empty() &&
               t.mind.snapshot().waiting == 0;
    }
    if (rests)
      return true;
    all.now += 100ms;
  }
  return false;
}

} // namespace

BOOST_AUTO_TEST_CASE(random_events_in_pools_of_one_budget_break_no_invariant) {
  int failures = 0;
  for (std::uint64_t seed = 1; seed <= 400 && failures < 10; ++seed) {
    std::uint64_t event = 0;
    try {
      dice random(seed);
      budget_fixture all(1 + random.below(6));
      for (std::size_t count = 1 + random.below(5); count != 0; --count)
        all.pool(random_options(random));
      while (++event <= 1500)
        one_event(all, random, event);
      if (!comes_to_rest(all))
        throw std::logic_error("nobody waits for ever");
      for (const auto& p : all.pools)
        p->event([&] { p->mind.close(all.now); });
      comes_to_rest(all);
      if (all.shared.in_use() != 0)
        throw std::logic_error("all is given back");
      while (!all.pools.empty())
        all.destroy(*all.pools.front());
    } catch (const std::exception& e) {
      ++failures;
      BOOST_ERROR("seed " << seed << ", event " << event << ": " << e.what());
    }
  }
}

} // namespace httpool::test
