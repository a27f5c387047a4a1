// Requests that many exchanges of one turn have to send leave together, after that turn.

#include "net/client_fixture.hpp"

#include <httpool/exchange_trace.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/error.hpp>

#include <array>
#include <optional>

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

  std::vector<call> start_all(std::size_t count = many) {
    std::vector<call> calls;
    while (calls.size() != count)
      calls.push_back(start(*sender, get(), {.trace = &requests}));
    return calls;
  }

  void finish(const std::vector<call>& calls) {
    for (const call& each : calls)
      BOOST_TEST(end_of(each).error == error_code());
  }

  /// Does it in a turn of the context, and that turn alone.
  template <class Action>
  void in_one_turn(Action action) {
    bool is_done = false;
    asio::post(context, [&] {
      action();
      is_done = true;
    });
    context.restart();
    while (!is_done)
      context.poll_one();
  }
};

} // namespace

BOOST_FIXTURE_TEST_CASE(a_few_leave_at_once_and_many_after_the_turn, turn) {
  std::vector<call> calls;
  in_one_turn([&] { calls = start_all(); });
  BOOST_TEST(requests.written == 3u); // which found no company
  BOOST_TEST(sender->pool().stats().leased == many);
  finish(calls);
  BOOST_TEST(requests.written == many);
  BOOST_TEST(peer.accepted() == many);
  check_nothing_is_left(*this, *sender, peer);
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
    sender->async_send(get("/cancelled"), send_options{},
                       asio::bind_cancellation_slot(signal.slot(), into(cancelled)));
    signal.emit(asio::cancellation_type::terminal);
  });
  BOOST_TEST(end_of(cancelled).error == asio::error::operation_aborted);
  finish(calls);
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
