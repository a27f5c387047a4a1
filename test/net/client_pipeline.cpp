// Exchanges that share a connection: what is sent when, and which response is whose.

#include "net/pipeline_fixture.hpp"

#include <stdexcept>

using namespace client_test;

BOOST_FIXTURE_TEST_CASE(a_depth_beyond_reason_is_refused, loop) {
  for (const std::size_t depth : {std::size_t{0}, std::size_t{1025}})
    BOOST_CHECK_EXCEPTION(client(context, "127.0.0.1", 80, sharing(depth)), std::invalid_argument,
                          [&](const std::invalid_argument& refused) {
                            const std::string what = refused.what();
                            return what.find("pipeline_depth is " + std::to_string(depth)) !=
                                   std::string::npos;
                          });
  const client deepest(context, "127.0.0.1", 80, sharing(1024));
}

BOOST_FIXTURE_TEST_CASE(requests_that_are_made_together_leave_in_one_write, pipeline_loop) {
  scripted_peer peer(
      context,
      {served().hears().pauses().replies(echo).hears().replies(echo).hears().replies(echo)});
  client sender(context, "127.0.0.1", peer.port, sharing());
  warm_up(sender);
  const auto calls = start_some(sender, 3);
  BOOST_TEST(paused(peer, 0));
  BOOST_TEST(peer.unheard(0) == 2 * size_of_get(peer));
  peer.go_on(0);
  check_echoes(calls);
  for (const call& each : calls) {
    BOOST_TEST(each->response.connection_id() == 1u);
    BOOST_TEST(each->response.reused());
  }
  BOOST_TEST(sender.pool().stats().idle == 1u);
  BOOST_TEST(sender.pool().stats().made == 1u);
  check_nothing_is_left(*this, sender, peer);
}

BOOST_FIXTURE_TEST_CASE(each_has_a_connection_alone_unless_it_is_asked_for, pipeline_loop) {
  scripted_peer peer(context, {served().hears().pauses().replies(echo).hears().replies(echo)});
  client sender(context, "127.0.0.1", peer.port, sharing(1));
  warm_up(sender);
  const auto calls = start_some(sender, 2);
  BOOST_TEST(paused(peer, 0));
  settle();
  BOOST_TEST(peer.unheard(0) == 0u);
  peer.go_on(0);
  check_echoes(calls);
}

BOOST_FIXTURE_TEST_CASE(a_connection_is_shared_when_it_has_served_and_not_before, pipeline_loop) {
  scripted_peer peer(
      context,
      {script().hears().pauses().replies(echo).hears().pauses().replies(echo).hears().replies(
          echo)});
  client sender(context, "127.0.0.1", peer.port, sharing());
  const auto calls = start_some(sender, 3);
  BOOST_TEST(paused(peer, 0));
  settle();
  BOOST_TEST(peer.unheard(0) == 0u);
  peer.go_on(0);
  BOOST_TEST(paused(peer, 0));
  BOOST_TEST(peer.unheard(0) == size_of_get(peer));
  peer.go_on(0);
  check_echoes(calls);
  BOOST_TEST(!calls[0]->response.reused());
  BOOST_TEST(calls[2]->response.reused());
  check_nothing_is_left(*this, sender, peer);
}

BOOST_FIXTURE_TEST_CASE(no_more_share_a_connection_than_may, pipeline_loop) {
  scripted_peer peer(context, {served()
                                   .hears()
                                   .pauses()
                                   .replies(echo)
                                   .hears()
                                   .replies(echo)
                                   .hears()
                                   .replies(echo)
                                   .repeats()});
  client sender(context, "127.0.0.1", peer.port, sharing(2));
  warm_up(sender);
  const auto calls = start_some(sender, 5);
  BOOST_TEST(paused(peer, 0));
  settle();
  BOOST_TEST(peer.unheard(0) == size_of_get(peer));
  BOOST_TEST(sender.pool().stats().waiting == 3u);
  while (!calls.back()->is_done) {
    if (peer.is_paused(0))
      peer.go_on(0);
    BOOST_TEST_REQUIRE(until([&] { return peer.is_paused(0) || calls.back()->is_done; }));
  }
  check_echoes(calls);
  BOOST_TEST(sender.pool().stats().waiting == 0u);
}

BOOST_FIXTURE_TEST_CASE(a_response_ends_where_its_own_request_says, pipeline_loop) {
  const std::string chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                              "3\r\none\r\n3\r\ntwo\r\n0\r\nX-Sum: 6\r\n\r\n";
  const std::string informed = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\n"
                               "Link: </a>\r\n\r\n";
  for (const bool trickles : {false, true}) {
    const std::string answers = ok("first") + "HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n" +
                                chunked + informed + ok("third") +
                                "HTTP/1.1 204 No Content\r\n\r\n" +
                                "HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n" +
                                ok(std::string(9000, 'l')) + ok("last");
    script plan = hears(served(), 8);
    plan = trickles ? std::move(plan).trickles(answers) : std::move(plan).says(answers);
    scripted_peer peer(context, {plan});
    client sender(context, "127.0.0.1", peer.port, sharing());
    warm_up(sender);
    std::vector<call> calls;
    for (const char* method : {"GET", "HEAD", "GET", "GET", "DELETE", "GET", "GET", "OPTIONS"})
      calls.push_back(start(sender, request(method, "/")));
    for (const call& each : calls)
      BOOST_TEST(end_of(each).error == error_code());
    BOOST_TEST(calls[0]->response.body() == "first");
    BOOST_TEST(calls[1]->response.body() == "");
    BOOST_TEST(calls[1]->response.fields().value("Content-Length") == "5000");
    BOOST_TEST(calls[2]->response.body() == "onetwo");
    BOOST_TEST(calls[2]->response.trailers().value("X-Sum") == "6");
    BOOST_TEST(calls[3]->response.body() == "third");
    BOOST_TEST(!calls[3]->response.fields().contains("Link"));
    BOOST_TEST(calls[4]->response.status() == 204u);
    BOOST_TEST(calls[5]->response.status() == 304u);
    BOOST_TEST(calls[6]->response.body().size() == 9000u);
    BOOST_TEST(calls[7]->response.body() == "last");
    BOOST_TEST(sender.pool().stats().idle == 1u);
    check_nothing_is_left(*this, sender, peer);
  }
}

BOOST_FIXTURE_TEST_CASE(each_response_has_its_own_limit_for_its_heads, pipeline_loop) {
  const std::string heads = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + ok("");
  for (const bool fits : {true, false}) {
    scripted_peer peer(context, {hears(served(), 3).says(heads + heads + heads)});
    client_options limited = sharing();
    limited.max_head_bytes = heads.size() - (fits ? 0 : 1);
    client sender(context, "127.0.0.1", peer.port, limited);
    warm_up(sender);
    const auto calls = start_some(sender, 3);
    if (fits) {
      for (const call& each : calls)
        BOOST_TEST(end_of(each).error == error_code());
    } else {
      BOOST_TEST(end_of(calls[0]).error == error::head_too_large);
    }
  }
}

BOOST_FIXTURE_TEST_CASE(bodies_go_with_their_requests, pipeline_loop) {
  scripted_peer peer(context, {hears(served(), 3).says(ok() + ok() + ok())});
  client sender(context, "127.0.0.1", peer.port, sharing());
  warm_up(sender);
  request put("PUT", "/file");
  put.body(std::string(60'000, 'p'));
  request chunked("PUT", "/sum");
  chunked.body("body");
  chunked.trailers().add("X-Sum", "1");
  const call calls[] = {start(sender, put), start(sender, chunked), start(sender, get("/after"))};
  for (const call& each : calls)
    BOOST_TEST(end_of(each).error == error_code());
  BOOST_TEST_REQUIRE(peer.heard.size() == 4u);
  BOOST_TEST(peer.heard[1].ends_with(std::string(60'000, 'p')));
  BOOST_TEST(peer.heard[2].ends_with("\r\n4\r\nbody\r\n0\r\nX-Sum: 1\r\n\r\n"));
  BOOST_TEST(target_of(peer.heard[3]) == "/after");
}

/// The peer reads nothing until far more is under way than the sockets hold.
BOOST_FIXTURE_TEST_CASE(what_the_system_does_not_take_at_once_goes_later, pipeline_loop) {
  constexpr int count = 500;
  script plan = served().hears().pauses().replies([](const std::string&) { return ok("/0"); });
  for (int i = 1; i != count; ++i)
    plan = std::move(plan).hears().replies(echo);
  scripted_peer peer(context, {plan});
  client sender(context, "127.0.0.1", peer.port, sharing(count));
  warm_up(sender);
  std::vector<call> calls;
  for (int i = 0; i != count; ++i) {
    request put("PUT", '/' + std::to_string(i));
    put.body(std::string(60'000, 'p'));
    calls.push_back(start(sender, put));
  }
  BOOST_TEST(paused(peer, 0));
  settle();
  peer.go_on(0);
  check_echoes(calls);
  check_nothing_is_left(*this, sender, peer);
}

BOOST_FIXTURE_TEST_CASE(what_may_not_be_sent_twice_has_a_connection_alone, pipeline_loop) {
  send_options never;
  never.replay = httpool::replay::never;
  send_options fast;
  fast.first_byte_timeout = 50s;
  request closes = get();
  closes.fields().add("Connection", "close");
  request large("PUT", "/");
  large.body(std::string(70'000, 'l'));
  const std::vector<std::pair<request, send_options>> alone{
      {post(), {}}, {get(), never}, {get(), fast}, {closes, {}}, {large, {}}};
  for (const auto& [message, how] : alone) {
    scripted_peer peer(context, {hears(served(), 2)
                                     .pauses()
                                     .says(ok("/0") + ok("/1"))
                                     .hears()
                                     .pauses()
                                     .says(ok())
                                     .hears()
                                     .replies(echo),
                                 served().repeats()});
    client sender(context, "127.0.0.1", peer.port, sharing());
    warm_up(sender);
    const auto before = start_some(sender, 2);
    const call single = start(sender, message, how);
    const auto after = start_some(sender, 1, 2);
    BOOST_TEST(paused(peer, 0));
    settle();
    BOOST_TEST(peer.unheard(0) == 0u); // nothing behind those before
    peer.go_on(0);
    check_echoes(before);
    BOOST_TEST(paused(peer, 0));
    settle();
    BOOST_TEST(peer.unheard(0) == 0u); // nor behind it
    BOOST_TEST(!after[0]->is_done);
    peer.go_on(0);
    BOOST_TEST(end_of(single).error == error_code());
    check_echoes(after, 2);
  }
}

BOOST_FIXTURE_TEST_CASE(scar_58_who_needs_a_connection_alone_is_not_starved, pipeline_loop) {
  scripted_peer peer(context, {served().repeats()});
  client sender(context, "127.0.0.1", peer.port, sharing(4));
  warm_up(sender);
  bool is_over = false;
  int answered = 0;
  std::function<void()> next = [&] {
    sender.async_send(get("/x"), [&](error_code ec, const client_response&) {
      BOOST_TEST(ec == error_code());
      ++answered;
      if (!is_over)
        next();
    });
  };
  for (int i = 0; i != 8; ++i)
    next();
  for (int i = 0; i != 20; ++i) {
    const int before = answered;
    const call order = start(sender, post());
    BOOST_TEST(end_of(order).error == error_code());
    BOOST_TEST(answered - before <= 16);
  }
  is_over = true;
  BOOST_TEST(until([&] { return sender.pool().stats().leased == 0; }));
}

BOOST_FIXTURE_TEST_CASE(a_connection_serves_no_more_exchanges_than_it_may, pipeline_loop) {
  scripted_peer peer(context, {served().repeats()});
  client_options options = sharing();
  options.pool.max_uses = 4;
  client sender(context, "127.0.0.1", peer.port, options);
  warm_up(sender);
  const auto calls = start_some(sender, 10);
  check_echoes(calls);
  std::vector<int> by(5);
  for (const call& each : calls)
    ++by.at(each->response.connection_id());
  BOOST_TEST(by[1] == 3);
  for (const int count : by)
    BOOST_TEST(count <= 4);
  BOOST_TEST(sender.pool().stats().closed(close_reason::max_uses) == 2u);
}

BOOST_FIXTURE_TEST_CASE(what_the_peer_says_it_will_serve_is_not_exceeded, pipeline_loop) {
  int left = 5;
  scripted_peer peer(context,
                     {script()
                          .hears()
                          .replies([&left](const std::string& request) {
                            const std::string body = target_of(request);
                            return ok(body, "Keep-Alive: max=" + std::to_string(--left) + "\r\n");
                          })
                          .repeats(),
                      served().repeats()});
  client sender(context, "127.0.0.1", peer.port, sharing());
  warm_up(sender);
  BOOST_TEST(left == 4);
  const auto calls = start_some(sender, 10);
  check_echoes(calls);
  int by_first = 0;
  for (const call& each : calls)
    by_first += each->response.connection_id() == 1;
  BOOST_TEST(by_first == 4);
}

BOOST_FIXTURE_TEST_CASE(a_peer_that_speaks_1_0_is_asked_one_thing_at_a_time, pipeline_loop) {
  const auto old = [](const std::string& request) {
    const std::string body = target_of(request);
    return "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: " +
           std::to_string(body.size()) + "\r\n\r\n" + body;
  };
  scripted_peer peer(
      context, {script().hears().replies(old).hears().pauses().replies(old).hears().replies(old)});
  client sender(context, "127.0.0.1", peer.port, sharing());
  warm_up(sender);
  const auto calls = start_some(sender, 2);
  BOOST_TEST(paused(peer, 0));
  settle();
  BOOST_TEST(peer.unheard(0) == 0u);
  peer.go_on(0);
  check_echoes(calls);
}

BOOST_FIXTURE_TEST_CASE(calls_share_the_connections_of_the_origin_in_their_url, pipeline_loop) {
  scripted_peer peer(context, {served().hears().pauses().replies(echo).hears().replies(echo)});
  client sender(context, sharing());
  const std::string url = "http://127.0.0.1:" + std::to_string(peer.port);
  BOOST_TEST(send(sender, get(url + "/first")).error == error_code());
  const std::vector<call> calls{start(sender, get(url + "/0")), start(sender, get(url + "/1"))};
  BOOST_TEST(paused(peer, 0));
  BOOST_TEST(peer.unheard(0) == size_of_get(peer));
  peer.go_on(0);
  check_echoes(calls);
  BOOST_TEST_REQUIRE(sender.stats().size() == 1u);
  sender.close();
  BOOST_TEST(until([&] { return peer.open() == 0; }));
}
