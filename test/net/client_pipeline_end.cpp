// Calls on shared connections that end early: cancelled, late, closed, or destroyed with their
// context.

#include "net/pipeline_fixture.hpp"

#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>

#include <optional>

using namespace client_test;

namespace {

/// A peer that has served once, and holds three requests until it is told to answer.
std::vector<script> holds_three() {
  return {hears(served(), 3)
              .pauses()
              .says(ok("/0") + ok("/1") + ok("/2"))
              .hears()
              .replies(echo)
              .repeats(),
          served().repeats()};
}

} // namespace

// Cancellation ------------------------------------------------------------------------------------

BOOST_FIXTURE_TEST_CASE(a_cancelled_call_keeps_its_place_and_the_connection, pipeline_loop) {
  for (const int which : {0, 1, 2}) {
    scripted_peer peer(context, holds_three());
    client sender(context, "127.0.0.1", peer.port, sharing());
    warm_up(sender);
    asio::cancellation_signal signal;
    std::vector<call> calls;
    for (int i = 0; i != 3; ++i)
      calls.push_back(i == which ? start_cancellable(sender, get('/' + std::to_string(i)), signal)
                                 : start(sender, get('/' + std::to_string(i))));
    BOOST_TEST(paused(peer, 0));
    signal.emit(asio::cancellation_type::total);
    const call& gone = calls[static_cast<std::size_t>(which)];
    BOOST_TEST(!gone->is_done);
    BOOST_TEST(end_of(gone).error == asio::error::operation_aborted);
    BOOST_TEST(gone->response.attempts() == 0u);
    peer.go_on(0);
    for (int i = 0; i != 3; ++i)
      if (i != which)
        check_echoes({calls[static_cast<std::size_t>(i)]}, i);
    BOOST_TEST(until([&] { return sender.pool().stats().idle == 1u; }));
    check_echoes(start_some(sender, 1, 5), 5);
    BOOST_TEST(peer.accepted() == 1u);
    check_nothing_is_left(*this, sender, peer);
  }
}

BOOST_FIXTURE_TEST_CASE(nobody_waits_behind_a_call_that_is_not_wanted_any_more, pipeline_loop) {
  scripted_peer peer(context, {hears(served(), 1).pauses(), served().repeats()});
  client_options options = sharing();
  options.pool.max_connections = 1;
  options.exchange_timeout = std::chrono::nanoseconds::max();
  client sender(context, "127.0.0.1", peer.port, options);
  warm_up(sender);
  asio::cancellation_signal signal;
  const call gone = start_cancellable(sender, get("/silence"), signal);
  BOOST_TEST(paused(peer, 0));
  signal.emit(asio::cancellation_type::total);
  BOOST_TEST(end_of(gone).error == asio::error::operation_aborted);
  BOOST_TEST(send(sender, get()).error == error_code());
  BOOST_TEST(peer.accepted() == 2u);
  peer.go_on(0);
  check_nothing_is_left(*this, sender, peer);
}

BOOST_FIXTURE_TEST_CASE(a_cancelled_call_that_its_messages_outlive_not_is_left_alone,
                        pipeline_loop) {
  scripted_peer peer(context, holds_three());
  client sender(context, "127.0.0.1", peer.port, sharing());
  warm_up(sender);
  asio::cancellation_signal signal;
  auto question = std::make_unique<request>(get("/0"));
  auto answer = std::make_unique<client_response>();
  std::optional<error_code> end;
  sender.async_send(*question, *answer,
                    asio::bind_cancellation_slot(signal.slot(), [&](error_code ec) { end = ec; }));
  const auto others = start_some(sender, 2, 1);
  BOOST_TEST(paused(peer, 0));
  signal.emit(asio::cancellation_type::terminal);
  BOOST_TEST(until([&] { return end.has_value(); }));
  BOOST_TEST(*end == asio::error::operation_aborted);
  question.reset();
  answer.reset();
  peer.go_on(0);
  check_echoes(others, 1);
}

BOOST_FIXTURE_TEST_CASE(nobody_joins_a_connection_whose_place_another_origin_waits_for,
                        pipeline_loop) {
  scripted_peer busy(context,
                     {hears(served(), 1).pauses().says(ok("/0")).hears().pauses().says(ok("/1"))});
  scripted_peer other(context, {served().repeats()});
  client_options options = sharing();
  options.max_total_connections = 1;
  client sender(context, "127.0.0.1", busy.port, options);
  warm_up(sender);
  const auto first = start_some(sender, 1);
  BOOST_TEST(paused(busy, 0));
  const call elsewhere = start(sender, get("http://127.0.0.1:" + std::to_string(other.port) + "/"));
  const auto second = start_some(sender, 1, 1);
  BOOST_TEST(sender.pool().stats().waiting == 1u);
  busy.go_on(0);
  check_echoes(first);
  BOOST_TEST(paused(busy, 0));
  busy.go_on(0);
  check_echoes(second, 1);
  BOOST_TEST(end_of(elsewhere).error == error_code());
}

BOOST_FIXTURE_TEST_CASE(nobody_joins_a_connection_of_which_there_are_too_many, pipeline_loop) {
  scripted_peer peer(context, holds_three());
  client sender(context, "127.0.0.1", peer.port, sharing(16, 2));
  sender.pool().prewarm(2);
  BOOST_TEST(until([&] { return sender.pool().stats().idle == 2u; }));
  const auto alone = start(sender, get());
  check_echoes({start(sender, get("/0"))});
  BOOST_TEST(end_of(alone).error == error_code());
  const auto calls = start_some(sender, 1);
  BOOST_TEST(sender.pool().stats().leased == 1u);
  const httpool::lease kept = sender.pool().try_acquire();
  BOOST_TEST(bool(kept));
  sender.pool().set_limits({.max_connections = 1});
  const call surplus = start(sender, get("/3"));
  BOOST_TEST(sender.pool().stats().waiting == 1u);
}

BOOST_FIXTURE_TEST_CASE(a_call_that_waits_for_room_can_be_cancelled, pipeline_loop) {
  scripted_peer peer(context, holds_three());
  client sender(context, "127.0.0.1", peer.port, sharing(3));
  warm_up(sender);
  const auto calls = start_some(sender, 3);
  asio::cancellation_signal signal;
  const call waits = start_cancellable(sender, get("/3"), signal);
  const call waits_on = start(sender, get("/4"));
  BOOST_TEST(sender.pool().stats().waiting == 2u);
  signal.emit(asio::cancellation_type::partial);
  BOOST_TEST(end_of(waits).error == asio::error::operation_aborted);
  BOOST_TEST(sender.pool().stats().waiting == 1u);
  BOOST_TEST(paused(peer, 0));
  peer.go_on(0);
  check_echoes(calls);
  check_echoes({waits_on}, 4);
  check_nothing_is_left(*this, sender, peer);
}

BOOST_FIXTURE_TEST_CASE(a_cancellation_at_any_step_leaves_nothing_behind, pipeline_loop) {
  { const scripted_peer makes_the_context_open_its_own(context, {script()}); }
  settle();
  const std::size_t before = descriptors();
  for (const bool has_idle : {false, true})
    for (const int which : {0, 2, 4})
      for (int step = 0; step != 20; ++step) {
        scripted_peer peer(context, {served().repeats()});
        client sender(context, "127.0.0.1", peer.port, sharing(3));
        if (has_idle)
          warm_up(sender);
        asio::cancellation_signal signal;
        std::vector<call> calls;
        for (int i = 0; i != 5; ++i)
          calls.push_back(i == which
                              ? start_cancellable(sender, get('/' + std::to_string(i)), signal)
                              : start(sender, get('/' + std::to_string(i))));
        for (int i = 0; i != step; ++i) {
          context.restart();
          context.poll_one();
        }
        signal.emit(asio::cancellation_type::terminal);
        for (int i = 0; i != 5; ++i) {
          const call& each = calls[static_cast<std::size_t>(i)];
          if (i != which)
            check_echoes({each}, i);
          else
            BOOST_TEST((!end_of(each).error || each->error == asio::error::operation_aborted));
        }
        check_nothing_is_left(*this, sender, peer);
      }
  settle();
  BOOST_TEST(descriptors() == before);
}

// Deadlines ---------------------------------------------------------------------------------------

BOOST_FIXTURE_TEST_CASE(whose_time_runs_out_fails_and_the_others_are_sent_again, pipeline_loop) {
  for (const int which : {0, 2}) {
    scripted_peer peer(context, {hears(served(), 3), served().repeats()});
    client sender(context, "127.0.0.1", peer.port, sharing());
    warm_up(sender);
    std::vector<call> calls;
    for (int i = 0; i != 3; ++i) {
      send_options how;
      if (i == which)
        how.timeout = 50ms;
      calls.push_back(start(sender, get('/' + std::to_string(i)), how));
    }
    BOOST_TEST(end_of(calls[static_cast<std::size_t>(which)]).error == error::exchange_timeout);
    for (int i = 0; i != 3; ++i)
      if (i != which)
        check_echoes({calls[static_cast<std::size_t>(i)]}, i, 2);
    check_nothing_is_left(*this, sender, peer);
  }
}

BOOST_FIXTURE_TEST_CASE(a_deadline_is_gone_with_its_call, pipeline_loop) {
  scripted_peer peer(context, {hears(served(), 2).says(ok("/0")).pauses().says(ok("/1"))});
  client sender(context, "127.0.0.1", peer.port, sharing());
  warm_up(sender);
  send_options brief;
  brief.timeout = 200ms;
  const std::vector<call> calls{start(sender, get("/0"), brief), start(sender, get("/1"))};
  end_of(calls[0]);
  if (calls[0]->error) // the machine has stood still
    return;
  const auto late = std::chrono::steady_clock::now() + 300ms;
  BOOST_TEST(until([&] { return std::chrono::steady_clock::now() > late; }));
  BOOST_TEST(!calls[1]->is_done);
  peer.go_on(0);
  check_echoes({calls[1]}, 1);
  check_nothing_is_left(*this, sender, peer);
}

BOOST_FIXTURE_TEST_CASE(who_waits_too_long_is_told_by_the_pool, pipeline_loop) {
  scripted_peer peer(context, holds_three());
  client_options options = sharing(3);
  options.pool.max_waiters = 1;
  client sender(context, "127.0.0.1", peer.port, options);
  warm_up(sender);
  const auto calls = start_some(sender, 3);
  send_options brief;
  brief.acquire_timeout = 20ms;
  const auto waits = start_some(sender, 1, 3, brief);
  BOOST_TEST(send(sender, get()).error == error::too_many_waiters);
  BOOST_TEST(end_of(waits[0]).error == error::acquire_timeout);
  BOOST_TEST(paused(peer, 0));
  peer.go_on(0);
  check_echoes(calls);
  check_nothing_is_left(*this, sender, peer);
}

// The end of the client ---------------------------------------------------------------------------

BOOST_FIXTURE_TEST_CASE(nobody_joins_a_connection_of_a_closed_client, pipeline_loop) {
  for (const bool by_pool : {false, true}) {
    scripted_peer peer(context, holds_three());
    client sender(context, "127.0.0.1", peer.port, sharing(3));
    warm_up(sender);
    const auto calls = start_some(sender, 3);
    const auto waits = start_some(sender, 1);
    BOOST_TEST(paused(peer, 0));
    by_pool ? sender.pool().close() : sender.close();
    BOOST_TEST(end_of(waits[0]).error == error::pool_closed);
    BOOST_TEST(send(sender, get()).error == error::pool_closed);
    peer.go_on(0);
    check_echoes(calls);
    check_nothing_is_left(*this, sender, peer);
  }
}

BOOST_FIXTURE_TEST_CASE(a_drain_waits_for_all_and_cuts_them_off_in_the_end, pipeline_loop) {
  for (const bool is_late : {false, true}) {
    scripted_peer peer(context, holds_three());
    client sender(context, "127.0.0.1", peer.port, sharing());
    warm_up(sender);
    const auto calls = start_some(sender, 3);
    BOOST_TEST(paused(peer, 0));
    std::optional<error_code> drained;
    sender.async_drain(is_late ? 10ms : 50s, [&](error_code ec) { drained = ec; });
    BOOST_TEST(send(sender, get()).error == error::pool_closed);
    if (is_late) {
      for (const call& each : calls)
        BOOST_TEST(end_of(each).error == error::pool_closed);
    } else {
      peer.go_on(0);
      check_echoes(calls);
    }
    BOOST_TEST(until([&] { return drained.has_value(); }));
    BOOST_TEST((*drained == (is_late ? make_error_code(asio::error::timed_out) : error_code())));
  }
}

namespace {

/// A handler that is not called, but destroyed.
struct dropped {
  explicit dropped(int& count) : of(&count) {}
  dropped(dropped&& other) noexcept : of(std::exchange(other.of, nullptr)) {}
  dropped& operator=(dropped&&) = delete;
  ~dropped() {
    if (of)
      ++*of;
  }
  void operator()(error_code, const client_response&) const { BOOST_ERROR("was called"); }

  int* of;
};

} // namespace

BOOST_FIXTURE_TEST_CASE(calls_are_dropped_with_their_context, pipeline_loop) {
  { const scripted_peer makes_the_context_open_its_own(context, {script()}); }
  settle();
  const std::size_t before = descriptors();
  for (int step = 0; step != 30; ++step) {
    scripted_peer peer(context, {hears(served(), 1)});
    std::optional<asio::io_context> own(std::in_place);
    std::optional<client> sender(std::in_place, *own, "127.0.0.1", peer.port, sharing(4));
    const call first = start(*sender, get());
    BOOST_TEST(until([&] {
      own->restart();
      own->poll();
      return first->is_done;
    }));
    int count = 0;
    for (int i = 0; i != 7; ++i)
      sender->async_send(get(), dropped(count));
    for (int i = 0; i != step; ++i) {
      own->restart();
      own->poll_one();
      settle();
    }
    BOOST_TEST(count == 0);
    if (step % 2 == 0)
      sender.reset();
    own.reset();
    BOOST_TEST(count == 7);
    sender.reset();
    BOOST_TEST(until([&] { return peer.open() == 0; }));
  }
  settle();
  BOOST_TEST(descriptors() == before);
}
