// Permits: who has one, who waits for one, and who has to be told.

#include "pool/budget.hpp"

#include <boost/test/unit_test.hpp>

#include <memory>

namespace httpool::test {

using detail::budget;
using detail::need;
using detail::time_point;
using namespace std::chrono_literals;

namespace {

/// Pools of a budget, each no more than its seat and what keeps it alive.
struct permits {
  explicit permits(std::size_t count) : shared(count) {
    for (std::size_t i = 0; i != 3; ++i) {
      pools[i] = std::make_shared<int>();
      shared.join(seats[i], pools[i]);
    }
  }

  ~permits() {
    for (budget::seat& s : seats)
      shared.leave(s);
    BOOST_TEST(shared.in_use() == 0u);
  }

  budget shared;
  std::shared_ptr<int> pools[3];
  budget::seat seats[3];
  budget::seat &a = seats[0], &b = seats[1], &c = seats[2];
};

struct permits_of_one : permits {
  permits_of_one() : permits(1) {}
};

struct permits_of_two : permits {
  permits_of_two() : permits(2) {}
};

} // namespace

BOOST_AUTO_TEST_CASE(a_pool_destroyed_with_a_permit_reserved_passes_it_on) {
  budget shared(1);
  const auto owner = std::make_shared<int>();
  budget::seat holder, first, second;
  for (budget::seat* s : {&holder, &first, &second})
    shared.join(*s, owner);
  BOOST_TEST(shared.take(holder));
  BOOST_TEST(!shared.take(first));
  BOOST_TEST(shared.ask(first, need::urgent));
  BOOST_TEST(shared.ask(second, need::urgent));
  shared.give_back(holder, 1, 0);
  BOOST_TEST(shared.has_news());
  BOOST_TEST(!shared.take(second), "it is the first one's");
  shared.leave(first);
  BOOST_TEST(shared.take(second));
  shared.leave(second);
  shared.leave(holder);
  BOOST_TEST(shared.in_use() == 0u);
}

BOOST_AUTO_TEST_CASE(a_pool_that_has_nothing_idle_any_more_is_passed_over_for_another) {
  budget shared(1);
  const auto a_pool = std::make_shared<int>(), b_pool = std::make_shared<int>();
  budget::seat a, b, wants;
  shared.join(a, a_pool);
  shared.join(b, b_pool);
  shared.join(wants, a_pool);
  BOOST_TEST(shared.take(b));
  a.publish(time_point(1s));
  b.publish(time_point(2s));
  shared.ask(wants, need::urgent);
  BOOST_TEST(shared.wants_idle());
  const budget::errand first = shared.next_errand();
  BOOST_TEST((first.what == budget::errand::action::evict && first.pool == a_pool));
  BOOST_TEST(!shared.wants_idle());
  BOOST_TEST(!shared.next_errand().pool, "one is on its way");
  a.publish(time_point::max());
  shared.not_evicted(a);
  BOOST_TEST(shared.wants_idle(), "another has to go");
  BOOST_TEST(shared.next_errand().pool == b_pool);
  shared.check_invariants();
  for (budget::seat* s : {&a, &b, &wants})
    shared.leave(*s);
}

BOOST_AUTO_TEST_CASE(no_idle_connection_is_wanted_when_whoever_waited_has_gone) {
  budget shared(1);
  const auto owner = std::make_shared<int>();
  budget::seat a, wants;
  shared.join(a, owner);
  shared.join(wants, owner);
  BOOST_TEST(shared.take(a));
  a.publish(time_point(1s));
  shared.ask(wants, need::urgent);
  BOOST_TEST(static_cast<bool>(shared.next_errand().pool));
  shared.ask(wants, need::none);
  BOOST_TEST(!shared.wants_idle(), "one is on its way, and nobody waits");
  shared.not_evicted(a);
  shared.leave(wants);
  shared.leave(a);
}

BOOST_AUTO_TEST_CASE(a_pool_that_leaves_waits_no_more) {
  budget shared(1);
  const auto owner = std::make_shared<int>();
  budget::seat holder, first, second;
  for (budget::seat* s : {&holder, &first, &second})
    shared.join(*s, owner);
  BOOST_TEST(shared.take(holder));
  holder.publish(time_point(1s));
  BOOST_TEST(shared.ask(first, need::urgent));
  BOOST_TEST(shared.wants_idle());
  shared.leave(first);
  BOOST_TEST(!shared.wants_idle());
  BOOST_TEST(shared.ask(second, need::urgent));
  shared.give_back(holder, 1, 0);
  BOOST_TEST(shared.take(second));
  shared.leave(second);
  shared.leave(holder);
}

BOOST_FIXTURE_TEST_CASE(whoever_asks_again_keeps_its_place, permits_of_one) {
  BOOST_TEST(shared.take(a));
  BOOST_TEST(shared.ask(b, need::urgent));
  BOOST_TEST(shared.ask(c, need::urgent));
  BOOST_TEST(!shared.ask(b, need::urgent), "it has not joined, it was there");
  shared.give_back(a, 1, 0);
  BOOST_TEST(!shared.ask(b, need::urgent), "a permit waits for it");
  BOOST_TEST(!shared.take(c));
  BOOST_TEST(shared.take(b));
  shared.check_invariants();
}

BOOST_FIXTURE_TEST_CASE(a_permit_that_came_free_before_the_question_is_reserved_at_once,
                        permits_of_one) {
  BOOST_TEST(shared.take(a));
  BOOST_TEST(!shared.take(b));
  shared.give_back(a, 1, 0);
  BOOST_TEST(!shared.ask(b, need::urgent), "nobody has to wait");
  BOOST_TEST(shared.has_news());
  BOOST_TEST(shared.in_use() == 0u, "it is reserved, not in use");
  BOOST_TEST(!shared.take(c));
  BOOST_TEST(shared.take(b));
  BOOST_TEST(!shared.has_news(), "it need not be told what it knows");
  BOOST_TEST(shared.in_use() == 1u);
}

BOOST_FIXTURE_TEST_CASE(each_reservation_is_told_once, permits_of_one) {
  BOOST_TEST(shared.take(a));
  BOOST_TEST(shared.ask(b, need::urgent));
  shared.give_back(a, 1, 0);
  const budget::errand told = shared.next_errand();
  BOOST_TEST((told.what == budget::errand::action::go_on && told.pool == pools[1]));
  BOOST_TEST(!shared.has_news());
  BOOST_TEST(!shared.next_errand().pool);
  BOOST_TEST(shared.take(b));
}

BOOST_FIXTURE_TEST_CASE(a_pool_that_is_being_destroyed_is_told_nothing, permits_of_one) {
  BOOST_TEST(shared.take(a));
  BOOST_TEST(shared.ask(b, need::urgent));
  pools[1].reset();
  shared.give_back(a, 1, 0);
  BOOST_TEST(shared.has_news());
  BOOST_TEST(!shared.next_errand().pool);
  BOOST_TEST(!shared.has_news());
}

BOOST_FIXTURE_TEST_CASE(a_pool_that_is_being_destroyed_evicts_nothing, permits_of_two) {
  BOOST_TEST(shared.take(a));
  BOOST_TEST(shared.take(b));
  a.publish(time_point(1s));
  b.publish(time_point(2s));
  pools[0].reset();
  BOOST_TEST(shared.ask(c, need::urgent));
  const budget::errand told = shared.next_errand();
  BOOST_TEST((told.what == budget::errand::action::evict && told.pool == pools[1]));
  shared.not_evicted(b);
}

} // namespace httpool::test
