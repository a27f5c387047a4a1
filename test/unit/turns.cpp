// Steps that wait for their turn: in order, by one handler, and lost only with their context.

#include "client/turns.hpp"

#include <boost/asio/post.hpp>
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

namespace asio = boost::asio;
using httpool::detail::turn_waiter;
using httpool::detail::turns;

namespace {

struct waiter final : turn_waiter {
  std::function<void()> step;
  bool is_lost = false;

  void take_turn() override { step(); }
  void lose_turn() noexcept override { is_lost = true; }
};

struct fixture {
  std::optional<asio::io_context> context{std::in_place};
  const std::shared_ptr<turns> queue = std::make_shared<turns>();

  void await(waiter& who) { queue->await(who, queue, context->get_executor()); }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(turn, fixture)

BOOST_AUTO_TEST_CASE(who_came_first_is_served_first_and_all_by_one_handler) {
  std::vector<int> order;
  std::vector<waiter> waiters(5);
  for (int i = 0; i != 5; ++i)
    waiters[static_cast<std::size_t>(i)].step = [&order, i] { order.push_back(i); };
  BOOST_TEST(!queue->is_awaited());
  for (waiter& each : waiters)
    await(each);
  BOOST_TEST(queue->is_awaited());
  BOOST_TEST(order.empty());
  BOOST_TEST(context->run() == 1);
  BOOST_TEST(order == (std::vector<int>{0, 1, 2, 3, 4}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(others_come_in_between_when_very_many_wait) {
  std::vector<int> order;
  std::vector<waiter> waiters(100);
  for (int i = 0; i != 100; ++i)
    waiters[static_cast<std::size_t>(i)].step = [&, i, comes_again = i < 10]() mutable {
      order.push_back(i);
      if (std::exchange(comes_again, false))
        await(waiters[static_cast<std::size_t>(i)]);
    };
  for (waiter& each : waiters)
    await(each);
  std::size_t served_before = 0;
  asio::post(*context, [&] { served_before = order.size(); });
  context->run();
  BOOST_TEST(served_before > 0u);
  BOOST_TEST(served_before < 50u);
  BOOST_TEST(order.size() == 110u);
  BOOST_TEST(std::is_sorted(order.begin(), order.begin() + 100)); // who comes again is behind all
  BOOST_TEST(order.back() == 9);
}

BOOST_AUTO_TEST_CASE(what_was_ready_before_comes_before) {
  std::vector<char> order;
  waiter one;
  one.step = [&] { order.push_back('t'); };
  asio::post(*context, [&] {
    await(one);
    order.push_back('a');
  });
  asio::post(*context, [&] { order.push_back('b'); });
  context->run();
  BOOST_TEST(order == (std::vector<char>{'a', 'b', 't'}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(who_comes_again_during_a_turn_has_the_next) {
  int firsts = 0, others = 0;
  waiter one, other;
  one.step = [&] {
    if (++firsts == 1)
      await(one);
  };
  other.step = [&] { ++others; };
  await(one);
  await(other);
  BOOST_TEST(context->run_one() == 1);
  BOOST_TEST(firsts == 1);
  BOOST_TEST(others == 1);
  BOOST_TEST(context->run() == 1);
  BOOST_TEST(firsts == 2);
  BOOST_TEST(others == 1);
}

BOOST_AUTO_TEST_CASE(who_comes_after_one_that_throws_is_served_still) {
  std::vector<int> order;
  std::vector<waiter> waiters(3);
  waiters[0].step = [] { throw std::runtime_error("a caller's own"); };
  waiters[1].step = [&] { order.push_back(1); };
  waiters[2].step = [&] { order.push_back(2); };
  for (waiter& each : waiters)
    await(each);
  BOOST_CHECK_THROW(context->run(), std::runtime_error);
  BOOST_TEST(order.empty());
  BOOST_TEST(context->run() == 1);
  BOOST_TEST(order == (std::vector<int>{1, 2}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(with_the_context_goes_the_turn) {
  std::vector<waiter> waiters(3);
  for (waiter& each : waiters)
    await(each);
  BOOST_TEST(!waiters[0].is_lost);
  context.reset();
  for (const waiter& each : waiters)
    BOOST_TEST(each.is_lost);
  BOOST_TEST(queue.use_count() == 1);
}

BOOST_AUTO_TEST_CASE(threads_lose_nobody) {
  constexpr int rounds = 20'000;
  std::atomic<int> steps = 0;
  std::vector<waiter> waiters(8);
  for (waiter& each : waiters)
    each.step = [&, left = rounds]() mutable {
      ++steps;
      if (--left != 0)
        await(each);
    };
  for (waiter& each : waiters)
    await(each);
  std::thread other([&] { context->run(); });
  context->run();
  other.join();
  BOOST_TEST(steps == 8 * rounds);
}

BOOST_AUTO_TEST_SUITE_END()
