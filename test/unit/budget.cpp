// One limit for several pools: what counts, who is next, and whose idle connection has to go.

#include "unit/budget_fixture.hpp"

#include <httpool/connection_budget.hpp>

namespace httpool::test {

BOOST_AUTO_TEST_CASE(a_budget_of_nothing_is_refused_by_name) {
  BOOST_CHECK_EXCEPTION(connection_budget(0), std::invalid_argument, [](const auto& e) {
    return std::string(e.what()).find("connection_budget is 0") != std::string::npos;
  });
  const connection_budget budget(3);
  BOOST_TEST(budget.max_connections() == 3u);
  BOOST_TEST(budget.in_use() == 0u);
}

BOOST_AUTO_TEST_CASE(a_pool_that_has_not_come_to_join_may_leave) {
  detail::budget shared(1);
  detail::budget::seat never_joined;
  shared.leave(never_joined);
  BOOST_TEST(shared.in_use() == 0u);
}

BOOST_AUTO_TEST_CASE(dialing_idle_leased_and_closing_connections_count_and_detached_ones_do_not) {
  budget_fixture all(10);
  tenant& a = all.pool();
  a.acquire();
  BOOST_TEST(all.shared.in_use() == 1u);
  connection& c = a.dialed();
  BOOST_TEST(all.shared.in_use() == 1u);
  a.give_back(c);
  BOOST_TEST(c.where == state::idle);
  BOOST_TEST(all.shared.in_use() == 1u);
  a.acquire();
  a.drop(c);
  BOOST_TEST(c.where == state::closing);
  BOOST_TEST(all.shared.in_use() == 1u);
  a.closed();
  BOOST_TEST(all.shared.in_use() == 0u);
  connection& taken_out = a.lease();
  std::erase(a.leases, &taken_out);
  a.event([&] { a.mind.detached(all.now, taken_out); });
  BOOST_TEST(all.shared.in_use() == 0u);
  a.acquire();
  a.dial_fails();
  BOOST_TEST(all.shared.in_use() == 0u);
}

BOOST_AUTO_TEST_CASE(a_spent_budget_has_the_longest_idle_connection_of_all_closed) {
  budget_fixture all(4);
  tenant &a = all.pool(), &b = all.pool(), &c = all.pool();
  std::vector<connection*> leased = {&a.lease(), &b.lease(), &b.lease(), &a.lease()};
  b.give_back(*leased[1]);
  all.now += 1s;
  a.give_back(*leased[0]);
  all.now += 1s;
  b.give_back(*leased[2]);
  BOOST_TEST(b.evictions == 0u, "nobody wants anything");
  caller& w = c.acquire();
  BOOST_TEST(leased[1]->where == state::closing);
  BOOST_TEST(leased[1]->reason == close_reason::evicted);
  BOOST_TEST(b.evictions == 1u);
  BOOST_TEST(c.dials.empty(), "until it is closed");
  b.closed();
  c.dialed();
  BOOST_TEST(w.got);
  c.acquire();
  BOOST_TEST(a.evictions == 1u);
  BOOST_TEST(b.mind.stats(all.now).closed(close_reason::evicted) == 1u);
}

BOOST_AUTO_TEST_CASE(scar_101_what_is_in_use_or_being_made_is_not_evicted) {
  budget_fixture all(2);
  tenant &a = all.pool(), &b = all.pool();
  connection& leased = a.lease();
  caller& own = a.acquire();
  caller& w = b.acquire();
  BOOST_TEST(a.evictions == 0u);
  a.dialed();
  BOOST_TEST(own.got);
  BOOST_TEST(a.evictions == 0u);
  BOOST_TEST(leased.where == state::leased);
  a.give_back(leased);
  BOOST_TEST(leased.reason == close_reason::evicted);
  a.closed();
  b.dialed();
  BOOST_TEST(w.got);
}

BOOST_AUTO_TEST_CASE(a_connection_that_becomes_idle_while_a_pool_waits_makes_room_for_it) {
  budget_fixture all(1);
  tenant &a = all.pool(), &b = all.pool();
  connection& c = a.lease();
  caller& w = b.acquire();
  BOOST_TEST(a.evictions == 0u);
  a.give_back(c);
  BOOST_TEST(c.reason == close_reason::evicted);
  a.closed();
  b.dialed();
  BOOST_TEST(w.got);
}

BOOST_AUTO_TEST_CASE(a_pools_own_waiter_comes_before_other_pools_for_what_is_returned) {
  budget_fixture all(1);
  tenant &a = all.pool(), &b = all.pool();
  connection& c = a.lease();
  b.acquire();
  caller& own = a.acquire();
  a.give_back(c);
  BOOST_TEST(own.got == &c);
  BOOST_TEST((a.asked == need::none));
}

BOOST_AUTO_TEST_CASE(pools_take_turns_however_many_callers_each_has) {
  budget_fixture all(1);
  tenant &holder = all.pool(), &a = all.pool(), &b = all.pool();
  connection* held = &holder.lease();
  tenant* at = &holder;
  for (int i = 0; i < 3; ++i)
    a.acquire();
  b.acquire();
  b.acquire();
  for (tenant* next : {&a, &b, &a, &b, &a}) {
    at->drop(*held);
    at->closed();
    BOOST_TEST(next->dials.size() == 1u);
    held = &next->dialed();
    at = next;
  }
  BOOST_TEST(all.turns.empty());
}

BOOST_AUTO_TEST_CASE(no_more_connections_are_evicted_at_once_than_pools_wait) {
  budget_fixture all(5);
  tenant &a = all.pool(), &b = all.pool(), &c = all.pool();
  for (connection* each : {&a.lease(), &a.lease(), &a.lease(), &a.lease(), &a.lease()})
    a.give_back(*each);
  for (int i = 0; i < 3; ++i)
    b.acquire();
  BOOST_TEST(a.evictions == 1u);
  c.acquire();
  BOOST_TEST(a.evictions == 2u);
  a.tick();
  BOOST_TEST(a.evictions == 2u);
  a.closed();
  BOOST_TEST(c.dials.size() == 1u);
  BOOST_TEST(b.dials.size() == 3u, "one after the other");
  BOOST_TEST(a.evictions == 4u);
}

BOOST_AUTO_TEST_CASE(a_pool_whose_callers_have_gone_leaves_the_queue_and_passes_its_permit_on) {
  budget_fixture all(1);
  tenant &a = all.pool(), &b = all.pool(), &c = all.pool();
  connection& held = a.lease();
  caller& gone = b.acquire();
  caller& late = c.acquire(1s);
  caller& stays = b.acquire();
  b.cancel(gone);
  all.now += 1s;
  c.tick();
  BOOST_TEST(late.failed_with(error::acquire_timeout));
  BOOST_TEST(all.turns.size() == 1u);
  b.cancel(stays);
  BOOST_TEST(all.turns.empty());
  a.give_back(held);
  BOOST_TEST(held.where == state::idle, "nobody wants its place");
}

BOOST_AUTO_TEST_CASE(spare_connections_take_what_is_left_over_and_evict_nothing) {
  budget_fixture all(2);
  tenant& a = all.pool();
  connection &c = a.lease(), &d = a.lease();
  a.give_back(c);
  tenant& b = all.pool({.min_idle = 1});
  BOOST_TEST((b.asked == need::spare));
  BOOST_TEST(a.evictions == 0u);
  caller& w = b.acquire();
  BOOST_TEST(a.evictions == 1u, "a caller may");
  a.closed();
  b.dialed();
  BOOST_TEST(w.got);
  BOOST_TEST((b.asked == need::spare));
  a.drop(d);
  tenant& third = all.pool();
  third.acquire();
  a.closed();
  BOOST_TEST(third.dials.size() == 1u, "a caller who comes later is served first");
  third.dial_fails();
  BOOST_TEST(b.dials.size() == 1u);
}

BOOST_AUTO_TEST_CASE(an_evicted_spare_connection_is_replaced_when_there_is_room_and_not_before) {
  budget_fixture all(1);
  tenant& a = all.pool({.min_idle = 1});
  a.dialed();
  tenant& b = all.pool();
  b.acquire();
  BOOST_TEST(a.evictions == 1u);
  a.closed();
  BOOST_TEST((a.asked == need::spare));
  connection& c = b.dialed();
  b.give_back(c);
  BOOST_TEST(c.where == state::idle);
  all.now += 30s;
  b.tick();
  b.closed();
  BOOST_TEST(a.dials.size() == 1u);
}

BOOST_AUTO_TEST_CASE(a_pool_that_pauses_for_its_back_off_does_not_queue_and_wakes_no_more_often) {
  budget_fixture all(1);
  tenant &a = all.pool(), &b = all.pool();
  a.acquire();
  caller& w = a.acquire();
  a.dial_fails();
  BOOST_TEST(w.waits());
  connection& c = b.lease();
  BOOST_TEST((a.asked == need::none));
  all.now = a.mind.next_wake(all.now);
  a.tick();
  BOOST_TEST((a.asked == need::urgent));
  BOOST_TEST((a.mind.next_wake(all.now) > all.now),
             "a permit is not to be waited for by the clock");
  b.give_back(c);
  b.closed();
  a.dialed();
  BOOST_TEST(w.got);
}

BOOST_AUTO_TEST_CASE(a_retry_keeps_the_permit_of_the_connection_that_died) {
  budget_fixture all(1);
  tenant &a = all.pool(), &b = all.pool();
  connection& c = a.lease();
  b.acquire();
  std::erase(a.leases, &c);
  caller& w = a.callers.emplace_back();
  a.event([&] { a.mind.redial(all.now, c, close_reason::peer_closed, w, all.now + 5s); });
  BOOST_TEST(a.dials.size() == 1u);
  a.dialed();
  BOOST_TEST(w.got == &c);
  BOOST_TEST(b.dials.empty());
}

BOOST_AUTO_TEST_CASE(pools_that_close_or_are_destroyed_give_everything_back) {
  budget_fixture all(2);
  tenant &a = all.pool(), &b = all.pool(), &c = all.pool();
  connection& held = a.lease();
  a.give_back(a.lease());
  a.lease();
  b.acquire();
  c.acquire();
  b.event([&] { b.mind.close(all.now); });
  BOOST_TEST(all.turns.size() == 1u);
  a.event([&] { a.mind.close(all.now); });
  a.drop(held);
  a.closed();
  BOOST_TEST(c.dials.size() == 1u);
  all.destroy(b);
  c.event([&] { c.mind.close(all.now); });
  c.dial_fails();
  while (!a.leases.empty())
    a.drop(*a.leases.front());
  a.closed();
  BOOST_TEST(all.shared.in_use() == 0u);
  all.destroy(c);
  all.destroy(a);
  all.shared.check_invariants();
}

BOOST_AUTO_TEST_CASE(a_pool_destroyed_while_it_evicts_makes_room_and_counts_no_more) {
  budget_fixture all(1);
  tenant &a = all.pool(), &b = all.pool();
  a.give_back(a.lease());
  b.acquire();
  BOOST_TEST(a.evictions == 1u);
  all.destroy(a); // checks that evictions add up
  BOOST_TEST(b.dials.size() == 1u);
}

} // namespace httpool::test
