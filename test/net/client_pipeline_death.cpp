// Shared connections that die: who is sent again, who fails, and that nobody gets what is
// another's.

#include "net/pipeline_fixture.hpp"

#include <algorithm>
#include <set>

using namespace client_test;

namespace {

/// How often each target was heard.
std::size_t times_heard(const scripted_peer& peer, const std::string& target) {
  return static_cast<std::size_t>(
      std::count_if(peer.heard.begin(), peer.heard.end(),
                    [&](const std::string& each) { return target_of(each) == target; }));
}

} // namespace

BOOST_FIXTURE_TEST_CASE(scar_58_those_without_an_answer_are_sent_again_once, pipeline_loop) {
  for (const bool resets : {false, true})
    for (const int answered : {0, 1, 3}) {
      script first = served();
      for (int i = 0; i != 5; ++i) {
        first = std::move(first).hears();
        if (i < answered)
          first = std::move(first).replies(echo);
      }
      first = std::move(first).pauses();
      first = resets ? std::move(first).resets() : std::move(first).closes();
      scripted_peer peer(context, {first, served().repeats()});
      client sender(context, "127.0.0.1", peer.port, sharing());
      warm_up(sender);
      const auto calls = start_some(sender, 5);
      BOOST_TEST(paused(peer, 0));
      for (int i = 0; i != answered; ++i)
        end_of(calls[static_cast<std::size_t>(i)]);
      peer.go_on(0);
      for (int i = 0; i != 5; ++i) {
        const auto& each = calls[static_cast<std::size_t>(i)];
        check_echoes({each}, i, i < answered ? 1 : 2);
        BOOST_TEST(times_heard(peer, '/' + std::to_string(i)) == (i < answered ? 1u : 2u));
      }
      BOOST_TEST(sender.pool().stats().peak_total == 1u);
      check_nothing_is_left(*this, sender, peer);
    }
}

BOOST_FIXTURE_TEST_CASE(a_response_that_has_begun_is_lost_with_its_connection, pipeline_loop) {
  for (const std::string begun :
       {"H", "HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n12",
        "HTTP/1.1 200 OK\r\nContent-Length: 50000\r\n\r\n12"}) {
    scripted_peer peer(context,
                       {hears(served(), 3).says(ok("/0") + begun).closes(), served().repeats()});
    client sender(context, "127.0.0.1", peer.port, sharing());
    warm_up(sender);
    const auto calls = start_some(sender, 3);
    check_echoes({calls[0]});
    const outcome& lost = end_of(calls[1]);
    BOOST_TEST(lost.error == error::connection_closed);
    BOOST_TEST(lost.response.body() == "");
    BOOST_TEST(lost.response.attempts() == 0u);
    check_echoes({calls[2]}, 2, 2);
    settle();
    BOOST_TEST(times_heard(peer, "/1") == 1u);
    check_nothing_is_left(*this, sender, peer);
  }
}

BOOST_FIXTURE_TEST_CASE(a_malformed_response_fails_its_own_call_alone, pipeline_loop) {
  for (const std::string& wrong :
       {std::string("GARBAGE\r\n\r\n"), std::string("HTTP/1.1 101 Switching Protocols\r\n\r\n"),
        std::string("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"),
        std::string("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n")}) {
    scripted_peer peer(
        context, {hears(served(), 3).says(ok("/0") + wrong + ok("not /2")), served().repeats()});
    client sender(context, "127.0.0.1", peer.port, sharing());
    warm_up(sender);
    const auto calls = start_some(sender, 3);
    check_echoes({calls[0]});
    BOOST_TEST(end_of(calls[1]).error == error::protocol_error);
    check_echoes({calls[2]}, 2, 2);
    check_nothing_is_left(*this, sender, peer);
  }
}

BOOST_FIXTURE_TEST_CASE(behind_a_response_that_is_the_last_all_are_sent_again, pipeline_loop) {
  scripted_peer peer(
      context,
      {hears(served(), 3).says(ok("/0", "Connection: close\r\n") + ok("not /1") + ok("not /2")),
       served().repeats()});
  client sender(context, "127.0.0.1", peer.port, sharing());
  warm_up(sender);
  const auto calls = start_some(sender, 3);
  check_echoes({calls[0]});
  check_echoes({calls[1]}, 1, 2);
  check_echoes({calls[2]}, 2, 2);
  check_nothing_is_left(*this, sender, peer);
}

BOOST_FIXTURE_TEST_CASE(the_end_of_the_connection_may_be_that_of_a_response, pipeline_loop) {
  scripted_peer peer(
      context, {hears(served(), 2).says("HTTP/1.1 200 OK\r\n\r\n/0").closes(), served().repeats()});
  client sender(context, "127.0.0.1", peer.port, sharing());
  warm_up(sender);
  const auto calls = start_some(sender, 2);
  check_echoes({calls[0]});
  check_echoes({calls[1]}, 1, 2);
}

BOOST_FIXTURE_TEST_CASE(bytes_that_nobody_has_asked_for_are_nobodys, pipeline_loop) {
  scripted_peer peer(
      context, {hears(served(), 2).says(ok("/0") + ok("/1") + ok("surplus")), served().repeats()});
  client sender(context, "127.0.0.1", peer.port, sharing());
  warm_up(sender);
  const auto calls = start_some(sender, 2);
  check_echoes(calls);
  check_echoes(start_some(sender, 2, 2), 2);
  BOOST_TEST(sender.pool().stats().closed(close_reason::unread_bytes) == 1u);
  BOOST_TEST(peer.accepted() == 2u);
  check_nothing_is_left(*this, sender, peer);
}

/// More requests are under way than the sockets hold, so that most have not left when the peer,
/// which has read but one, answers them all: none of which the system has no byte.
BOOST_FIXTURE_TEST_CASE(bytes_that_come_before_a_request_has_left_are_not_its_answer,
                        pipeline_loop) {
  constexpr int count = 500;
  std::string answers;
  for (int i = 0; i != count; ++i)
    answers += ok('/' + std::to_string(i));
  scripted_peer peer(context,
                     {served().hears().pauses().says(answers + ok("surplus")), served().repeats()});
  client sender(context, "127.0.0.1", peer.port, sharing(count + 1));
  warm_up(sender);
  std::vector<call> calls;
  for (int i = 0; i != count; ++i) {
    request put("PUT", '/' + std::to_string(i));
    put.body(std::string(60'000, 'p'));
    calls.push_back(start(sender, put));
  }
  BOOST_TEST(paused(peer, 0));
  settle();
  const auto last = start_some(sender, 1, count);
  peer.go_on(0);
  int answered_at_once = 0;
  for (int i = 0; i != count; ++i) {
    const auto& answer = end_of(calls[static_cast<std::size_t>(i)]).response;
    BOOST_TEST(answer.body() == '/' + std::to_string(i));
    BOOST_TEST((answer.attempts() == 2 || answered_at_once == i)); // once one is not, none is
    answered_at_once += answer.attempts() == 1;
  }
  BOOST_TEST(answered_at_once > 0);
  BOOST_TEST(answered_at_once < count);
  check_echoes(last, count, 2);
  check_nothing_is_left(*this, sender, peer);
}

BOOST_FIXTURE_TEST_CASE(a_fresh_connection_that_dies_allows_no_second_try, pipeline_loop) {
  scripted_peer peer(context, {script().hears().closes()});
  client sender(context, "127.0.0.1", peer.port, sharing());
  BOOST_TEST(send(sender, get()).error == error::connection_closed);
  settle();
  BOOST_TEST(peer.heard.size() == 1u);
  check_nothing_is_left(*this, sender, peer);
}

BOOST_FIXTURE_TEST_CASE(nobody_is_sent_a_third_time, pipeline_loop) {
  scripted_peer peer(context, {hears(served(), 3).closes(), script().hears().closes()});
  client sender(context, "127.0.0.1", peer.port, sharing());
  warm_up(sender);
  const auto calls = start_some(sender, 3);
  for (const call& each : calls)
    BOOST_TEST(end_of(each).error == error::connection_closed);
  settle();
  for (const char* target : {"/0", "/1", "/2"})
    BOOST_TEST(times_heard(peer, target) <= 2u);
  check_nothing_is_left(*this, sender, peer);
}

BOOST_FIXTURE_TEST_CASE(each_second_try_has_a_fresh_connection, pipeline_loop) {
  scripted_peer peer(context, {hears(served(), 3).closes(), served().hears().closes()});
  client sender(context, "127.0.0.1", peer.port, sharing());
  warm_up(sender);
  const auto calls = start_some(sender, 3);
  check_echoes(calls, 0, 2);
  for (const call& each : calls)
    BOOST_TEST(!each->response.reused());
  BOOST_TEST(peer.accepted() == 4u);
  check_nothing_is_left(*this, sender, peer);
}

BOOST_FIXTURE_TEST_CASE(the_second_try_takes_no_connection_that_was_idle, pipeline_loop) {
  const script idle = served().hears().closes();
  scripted_peer peer(context, {idle, hears(served(), 2).closes(), served().repeats()});
  client sender(context, "127.0.0.1", peer.port, sharing(16, 8));
  const auto first = start_some(sender, 2);
  check_echoes(first);
  BOOST_TEST(sender.pool().stats().idle == 2u);
  const auto calls = start_some(sender, 2);
  for (int i = 0; i != 2; ++i) {
    const outcome& end = end_of(calls[static_cast<std::size_t>(i)]);
    BOOST_TEST(end.error == error_code());
    BOOST_TEST(end.response.attempts() == 2u);
    BOOST_TEST(end.response.connection_id() > 2u);
  }
  check_nothing_is_left(*this, sender, peer);
}

BOOST_FIXTURE_TEST_CASE(a_peer_that_ends_each_connection_is_never_sent_two_requests,
                        pipeline_loop) {
  scripted_peer peer(context, {script()
                                   .hears()
                                   .replies([](const std::string& request) {
                                     return ok(target_of(request), "Connection: close\r\n");
                                   })
                                   .closes()});
  client sender(context, "127.0.0.1", peer.port, sharing(16, 4));
  check_echoes(start_some(sender, 40));
  BOOST_TEST(peer.heard.size() == 40u);
  check_nothing_is_left(*this, sender, peer);
}

/// It keeps silent about it, too.
BOOST_FIXTURE_TEST_CASE(a_peer_that_serves_two_and_no_more_serves_all, pipeline_loop) {
  scripted_peer peer(context, {served().hears().replies(echo).closes()});
  client sender(context, "127.0.0.1", peer.port, sharing(8, 2));
  const auto calls = start_some(sender, 30);
  std::set<std::string> bodies;
  for (const call& each : calls) {
    BOOST_TEST(end_of(each).error == error_code());
    bodies.insert(each->response.body());
  }
  BOOST_TEST(bodies.size() == 30u);
  check_nothing_is_left(*this, sender, peer);
}
