// Requests that many exchanges of one turn have to send leave together, after that turn. What the
// clock says is the test's to decide.

#include "net/client_fixture.hpp"

#include <httpool/exchange_trace.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/error.hpp>

#include <optional>

#include <dlfcn.h>
#include <time.h>

namespace {

bool is_frozen = false; ///< Time stands still,
long pace = 0;          ///< or goes on so many nanoseconds whenever somebody asks for it,
long ahead = 0;         ///< and never goes back: so many nanoseconds it is ahead.
timespec frozen_at{};

void advance(timespec& time, long nanoseconds) {
  time.tv_nsec += nanoseconds;
  time.tv_sec += time.tv_nsec / 1'000'000'000;
  time.tv_nsec %= 1'000'000'000;
}

} // namespace

extern "C" int clock_gettime(clockid_t clock, timespec* now) noexcept {
  static const auto real =
      reinterpret_cast<int (*)(clockid_t, timespec*)>(::dlsym(RTLD_NEXT, "clock_gettime"));
  const int result = real(clock, now);
  if (is_frozen) {
    ahead += pace;
    advance(frozen_at, pace);
    *now = frozen_at;
  } else {
    advance(*now, ahead);
  }
  return result;
}

using namespace client_test;

namespace {

constexpr std::size_t many = 6;

/// Counts the requests that have left.
struct counter : httpool::exchange_trace {
  std::size_t written = 0;

  void request_written() override { ++written; }
};

struct turn : loop {
  scripted_peer peer{context, {script().answers(ok()).repeats()}};
  std::optional<client> sender{std::in_place, context, "127.0.0.1", peer.port};
  counter requests;

  /// There is an idle connection for each.
  turn() {
    finish(start_all());
    BOOST_TEST_REQUIRE(sender->pool().stats().idle == many);
    requests.written = 0;
    peer.heard.clear();
  }

  std::vector<call> start_all(std::size_t count = many, const request& message = get()) {
    std::vector<call> calls;
    while (calls.size() != count)
      calls.push_back(start(*sender, message, {.trace = &requests}));
    return calls;
  }

  void finish(const std::vector<call>& calls) {
    for (const call& each : calls)
      BOOST_TEST(end_of(each).error == error_code());
  }

  /// Does it in a turn of the context, and that turn alone, in which time goes at that pace.
  template <class Action>
  void in_one_turn(Action action, std::chrono::nanoseconds each_look = 0ns) {
    bool is_done = false;
    asio::post(context, [&] {
      ::clock_gettime(CLOCK_MONOTONIC, &frozen_at);
      pace = static_cast<long>(each_look.count());
      is_frozen = true;
      action();
      is_frozen = false;
      is_done = true;
    });
    context.restart();
    while (!is_done)
      context.poll_one();
  }
};

} // namespace

BOOST_FIXTURE_TEST_CASE(the_first_leave_at_once_and_the_others_after_the_turn, turn) {
  std::vector<call> calls;
  in_one_turn([&] { calls = start_all(); });
  // Three had no company, and the fourth was the first that has some.
  BOOST_TEST(requests.written == 4u);
  BOOST_TEST(sender->pool().stats().leased == many);
  finish(calls);
  BOOST_TEST(requests.written == many);
  BOOST_TEST(peer.accepted() == many);
  check_nothing_is_left(*this, *sender, peer);
}

BOOST_FIXTURE_TEST_CASE(who_begins_later_leaves_at_once, turn) {
  std::vector<call> calls;
  in_one_turn([&] { calls = start_all(); }, 1ms);
  BOOST_TEST(requests.written == many);
  finish(calls);
  check_nothing_is_left(*this, *sender, peer);
}

BOOST_FIXTURE_TEST_CASE(what_cannot_be_sent_again_leaves_at_once, turn) {
  std::vector<call> calls;
  in_one_turn([&] { calls = start_all(many, post()); });
  BOOST_TEST(requests.written == many);
  finish(calls);
  check_nothing_is_left(*this, *sender, peer);
}

BOOST_FIXTURE_TEST_CASE(calls_that_are_under_way_for_long_hold_up_nobody, turn) {
  scripted_peer slow(context, {script().hears().pauses().says(ok())});
  const std::string elsewhere = "http://127.0.0.1:" + std::to_string(slow.port) + "/";
  std::vector<call> polls;
  while (polls.size() != many)
    polls.push_back(start(*sender, get(elsewhere)));
  for (std::size_t i = 0; i != many; ++i)
    BOOST_TEST_REQUIRE(until([&] { return slow.is_paused(i); }));
  settle();
  std::vector<call> calls;
  in_one_turn([&] { calls = start_all(1); });
  BOOST_TEST(requests.written == 1u);
  finish(calls);
  for (std::size_t i = 0; i != many; ++i)
    slow.go_on(i);
  finish(polls);
}

BOOST_FIXTURE_TEST_CASE(who_begins_outside_of_the_context_does_not_wait_for_it, turn) {
  const std::vector<call> calls = start_all();
  BOOST_TEST(requests.written == many);
  finish(calls);
  check_nothing_is_left(*this, *sender, peer);
}

BOOST_FIXTURE_TEST_CASE(what_is_cancelled_before_its_turn_is_not_sent, turn) {
  std::vector<call> calls;
  asio::cancellation_signal signal;
  const call cancelled = std::make_shared<outcome>();
  in_one_turn([&] {
    calls = start_all(many - 1);
    sender->async_send(get("/cancelled"), {.trace = &requests},
                       asio::bind_cancellation_slot(signal.slot(), into(cancelled)));
    signal.emit(asio::cancellation_type::terminal);
  });
  BOOST_TEST(requests.written == 4u);
  BOOST_TEST(end_of(cancelled).error == asio::error::operation_aborted);
  finish(calls);
  BOOST_TEST(requests.written == many - 1);
  for (const std::string& each : peer.heard)
    BOOST_TEST(each.find("/cancelled") == std::string::npos);
  check_nothing_is_left(*this, *sender, peer);
}

BOOST_FIXTURE_TEST_CASE(a_deadline_may_pass_before_the_turn_comes, turn) {
  std::vector<call> calls;
  call late;
  in_one_turn([&] {
    calls = start_all(many - 1);
    late = start(*sender, get("/late"), {.timeout = 0ns});
  });
  BOOST_TEST((end_of(late).error == error::exchange_timeout));
  finish(calls);
  check_nothing_is_left(*this, *sender, peer);
}

BOOST_AUTO_TEST_CASE(with_the_context_go_those_that_wait_for_their_turn) {
  const std::size_t before = descriptors();
  std::vector<call> calls;
  {
    turn under_way;
    under_way.in_one_turn([&] { calls = under_way.start_all(); });
  }
  for (const call& each : calls)
    BOOST_TEST(!each->is_done);
  BOOST_TEST(descriptors() == before);
}
