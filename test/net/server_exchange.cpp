// Requests and responses as they should be: pipelined, with bodies, in HTTP/1.0, answered late.

#include "http1/serialize.hpp"
#include "net/server_fixture.hpp"

#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <atomic>
#include <exception>
#include <stdexcept>
#include <string>
#include <vector>

using namespace server_test;
using httpool::reply;
using httpool::request;
using httpool::request_context;
using httpool::response;

namespace {

response echo(request message) {
  response answer(200, std::move(message.body()), "text/plain");
  answer.fields().set("X-Target", message.target());
  if (message.fields().contains("Transfer-Encoding"))
    answer.fields().set("Transfer-Encoding", "chunked");
  for (const httpool::field line : message.trailers())
    answer.trailers().add(line.name, line.value);
  return answer;
}

std::string post(std::string_view body) {
  return "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\n\r\n" + std::string(body);
}

// What is in each chunk of a chunked body, in chunks of that size.
std::string chunks_of(std::string_view body, std::size_t size) {
  std::string text;
  while (!body.empty()) {
    const std::string_view chunk = body.substr(0, size);
    httpool::http1::append_chunk_size(text, chunk.size());
    text.append(chunk).append("\r\n");
    body.remove_prefix(chunk.size());
  }
  return text + "0\r\n\r\n";
}

} // namespace

BOOST_AUTO_TEST_CASE(a_thousand_requests_in_one_write_are_answered_in_order) {
  live_server server(echo);
  client peer(server);
  std::string all;
  for (int i = 0; i < 1000; ++i)
    all += std::string("GET /") + std::to_string(i) + " HTTP/1.1\r\nHost: a\r\n\r\n";
  peer.send(all);
  for (int i = 0; i < 1000; ++i) {
    const auto answer = peer.receive();
    BOOST_REQUIRE(answer.has_value());
    BOOST_TEST(answer->fields().value("X-Target") == std::string("/").append(std::to_string(i)));
  }
  BOOST_TEST(server->stats().requests == 1000u);
  BOOST_TEST(server->stats().writes < 500u, "responses are not gathered");
}

BOOST_AUTO_TEST_CASE(pipelined_bodies_of_all_sizes_and_kinds_come_back_whole) {
  live_server server(echo);
  client peer(server);
  std::string all;
  std::vector<std::string> bodies;
  for (const std::size_t size : {0u, 1u, 4095u, 4096u, 4097u, 20'000u, 70'000u, 307'200u}) {
    for (const bool chunked : {false, true}) {
      std::string body(size, static_cast<char>('a' + bodies.size()));
      all += chunked ? "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" +
                           chunks_of(body, 33'000)
                     : post(body);
      bodies.push_back(std::move(body));
    }
  }
  std::thread sender([&] { peer.send(all); });
  for (const std::string& body : bodies) {
    const auto answer = peer.receive();
    BOOST_REQUIRE(answer.has_value());
    BOOST_TEST((answer->body() == body));
  }
  sender.join();
}

BOOST_AUTO_TEST_CASE(trailers_go_both_ways) {
  live_server server(echo);
  client peer(server);
  peer.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
            "2\r\nhi\r\n0\r\nCheck: sum\r\n\r\n");
  const auto answer = peer.receive();
  BOOST_REQUIRE(answer.has_value());
  BOOST_TEST(answer->fields().value("Transfer-Encoding") == "chunked");
  BOOST_TEST(answer->body() == "hi");
  BOOST_TEST(answer->trailers().value("Check") == "sum");
}

BOOST_AUTO_TEST_CASE(head_gets_the_head_of_get_and_no_body) {
  live_server server([](const request&) { return response(200, "hello", "text/plain"); });
  client peer(server);
  peer.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n");
  const auto head = peer.receive("HEAD");
  const auto whole = peer.receive();
  BOOST_REQUIRE((head && whole));
  BOOST_TEST(head->fields().value("Content-Length") == "5");
  BOOST_TEST(head->body() == "");
  BOOST_TEST(whole->body() == "hello");
}

BOOST_AUTO_TEST_CASE(http_1_0_is_kept_alive_only_if_asked_for_and_never_sent_chunks) {
  live_server server([](const request&) {
    response answer(200, "hello", "text/plain");
    answer.fields().set("Transfer-Encoding", "chunked");
    return answer;
  });
  client kept(server);
  for (int i = 0; i < 2; ++i) {
    kept.send("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n");
    const auto answer = kept.receive();
    BOOST_REQUIRE(answer.has_value());
    BOOST_TEST(answer->fields().value("Connection") == "keep-alive");
    BOOST_TEST(answer->fields().value("Content-Length") == "5");
  }
  client plain(server);
  plain.send("GET / HTTP/1.0\r\n\r\n");
  const auto answer = plain.receive();
  BOOST_REQUIRE(answer.has_value());
  BOOST_TEST(answer->fields().value("Connection") == "close");
  BOOST_TEST(answer->body() == "hello");
  BOOST_TEST(plain.at_end());
}

BOOST_AUTO_TEST_CASE(connection_close_ends_it_after_the_response_and_nothing_more_is_answered) {
  std::atomic<int> calls = 0;
  live_server server([&](const request&) {
    ++calls;
    return response(200);
  });
  client peer(server);
  peer.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: x, Close\r\n\r\n"
            "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  const auto answer = peer.receive();
  BOOST_REQUIRE(answer.has_value());
  BOOST_TEST(answer->fields().value("Connection") == "close");
  peer.half_close();
  BOOST_TEST(peer.at_end());
  BOOST_TEST(calls == 1);
}

BOOST_AUTO_TEST_CASE(a_body_is_called_for_when_the_client_expects_it) {
  live_server server(echo);
  client peer(server);
  for (int i = 0; i < 2; ++i) {
    peer.send("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
    const auto interim = peer.receive();
    BOOST_REQUIRE(interim.has_value());
    BOOST_TEST(interim->status() == 100u);
    peer.send("hello");
    const auto answer = peer.receive();
    BOOST_REQUIRE(answer.has_value());
    BOOST_TEST(answer->body() == "hello");
  }
  // Nobody waits for it once the body has begun, nor if there is none, nor in HTTP/1.0.
  peer.send("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nhello");
  BOOST_TEST(peer.receive()->status() == 200u);
  peer.send("GET / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\r\n");
  BOOST_TEST(peer.receive()->status() == 200u);
  peer.send("POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
  peer.send("hello");
  BOOST_TEST(peer.receive()->status() == 200u);
}

BOOST_AUTO_TEST_CASE(a_body_that_is_too_large_is_refused_instead_of_called_for) {
  httpool::server_options options;
  options.max_body_bytes = 4;
  live_server server(echo, options);
  client peer(server);
  peer.send("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
  BOOST_TEST(peer.receive()->status() == 413u);
}

BOOST_AUTO_TEST_CASE(a_refusal_reaches_a_client_that_is_still_sending) {
  httpool::server_options options;
  options.max_body_bytes = 1000;
  live_server server(echo, options);
  client peer(server);
  peer.send(post(std::string(8 * 1024 * 1024, 'x')));
  peer.half_close();
  BOOST_TEST(peer.receive()->status() == 413u);
  BOOST_TEST(peer.at_end());
}

BOOST_AUTO_TEST_CASE(a_request_that_is_cut_off_gets_a_400_and_a_whole_one_its_answer) {
  live_server server(echo);
  for (const std::string& cut :
       {std::string("GET / HT"), post("hello").substr(0, post("").size() + 3)}) {
    client peer(server);
    peer.send(cut);
    peer.half_close();
    BOOST_TEST(peer.receive()->status() == 400u);
    BOOST_TEST(peer.at_end());
  }
  client whole(server);
  whole.send(post("hello"));
  whole.half_close();
  BOOST_TEST(whole.receive()->body() == "hello");
  BOOST_TEST(whole.at_end());
}

BOOST_AUTO_TEST_CASE(a_handler_that_throws_makes_a_500_and_the_connection_serves_on) {
  httpool::server_options options;
  std::vector<std::string> told;
  options.on_failure = [&](const std::exception_ptr& thrown, const request_context& context) {
    try {
      std::rethrow_exception(thrown);
    } catch (const std::exception& e) {
      told.push_back(std::to_string(context.request_number) + ' ' + e.what());
    }
  };
  const auto throw_later = []() -> asio::awaitable<void> {
    co_await asio::post(co_await asio::this_coro::executor, asio::use_awaitable);
    throw std::runtime_error("later");
  };
  live_server server(
      [&](request message) -> reply {
        if (message.target() == "/now")
          throw std::runtime_error("now");
        if (message.target() == "/interim")
          return response(101);
        if (message.target() == "/later")
          return [](auto fails) -> asio::awaitable<response> {
            co_await fails();
            co_return response(200);
          }(throw_later);
        if (message.target() == "/piece")
          return reply(response(200), [&](asio::mutable_buffer) -> asio::awaitable<std::size_t> {
            co_await throw_later();
            co_return 0;
          });
        return response(204);
      },
      options);
  client peer(server);
  BOOST_TEST(peer.get("/now").status() == 500u);
  BOOST_TEST(peer.get("/later").status() == 500u);
  BOOST_TEST(peer.get("/interim").status() == 500u);
  BOOST_TEST(peer.get("/").status() == 204u);
  BOOST_TEST(server->stats().handler_failures == 3u);
  peer.send("GET /piece HTTP/1.1\r\nHost: a\r\n\r\n");
  until([&] { return server->stats().handler_failures == 4; });
  server.settle();
  BOOST_TEST(told == (std::vector<std::string>{"1 now", "2 later", "5 later"}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_handler_may_take_its_arguments_and_return_its_response_in_several_ways) {
  const auto status_of = [](httpool::server_handler handler) {
    live_server server(std::move(handler));
    client peer(server);
    return peer.get("/").status();
  };
  BOOST_TEST(status_of([](const request&) { return response(201); }) == 201u);
  BOOST_TEST(status_of([](request) { return response(202); }) == 202u);
  BOOST_TEST(status_of([](request&&, const request_context& context) {
               return response(context.peer.port() != 0 ? 203 : 500);
             }) == 203u);
  BOOST_TEST(status_of([](const request&) -> reply { return response(204); }) == 204u);
  BOOST_TEST(status_of([](const request& message) -> asio::awaitable<response> {
               co_await asio::post(co_await asio::this_coro::executor, asio::use_awaitable);
               co_return response(message.target() == "/" ? 205 : 500);
             }) == 205u);
}

BOOST_AUTO_TEST_CASE(every_response_shows_which_connection_and_which_request_it_answers) {
  httpool::server_options options;
  options.on_response = [](response& message, const request_context& context) {
    message.fields().set("X-At", std::to_string(context.connection_id) + "/" +
                                     std::to_string(context.request_number));
  };
  live_server server(echo, options);
  client first(server);
  BOOST_TEST(first.get("/").fields().value("X-At") == "1/1");
  client second(server);
  BOOST_TEST(second.get("/").fields().value("X-At") == "2/1");
  BOOST_TEST(first.get("/").fields().value("X-At") == "1/2");
  first.send("nonsense\r\n\r\n");
  BOOST_TEST(first.receive()->fields().value("X-At") == "1/3");
  BOOST_TEST(server->stats().accepted == 2u);
  BOOST_TEST(server->stats().peak_open == 2u);
}

BOOST_AUTO_TEST_CASE(the_last_request_that_a_connection_is_allowed_closes_it) {
  httpool::server_options options;
  options.max_requests = 2;
  live_server server(echo, options);
  client peer(server);
  BOOST_TEST(!peer.get("/").fields().contains("Connection"));
  BOOST_TEST(peer.get("/").fields().value("Connection") == "close");
  peer.half_close();
  BOOST_TEST(peer.at_end());
}

BOOST_AUTO_TEST_CASE(what_is_ready_does_not_wait_for_what_is_not) {
  std::atomic<bool> go = false;
  live_server server([&](request message) -> reply {
    if (message.target() == "/quick")
      return response(200, "quick", "text/plain");
    return [](std::atomic<bool>& may_go) -> asio::awaitable<response> {
      while (!may_go)
        co_await asio::post(co_await asio::this_coro::executor, asio::use_awaitable);
      co_return response(200, "slow", "text/plain");
    }(go);
  });
  client peer(server);
  peer.send("GET /quick HTTP/1.1\r\nHost: a\r\n\r\nGET /slow HTTP/1.1\r\nHost: a\r\n\r\n"
            "GET /quick HTTP/1.1\r\nHost: a\r\n\r\n");
  BOOST_TEST(peer.receive()->body() == "quick");
  go = true;
  BOOST_TEST(peer.receive()->body() == "slow");
  BOOST_TEST(peer.receive()->body() == "quick");
}

BOOST_AUTO_TEST_CASE(a_client_that_reads_late_gets_all_it_asked_for) {
  const std::string large(5'000'000, 'x');
  live_server server([&](const request&) { return response(200, large, "text/plain"); });
  client peer(server);
  std::string all;
  for (int i = 0; i < 10; ++i)
    all += "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
  peer.send(all);
  until([&] { return server->stats().requests > 0; });
  BOOST_TEST(server->stats().requests < 10u, "what is sent ahead is not bounded");
  for (int i = 0; i < 10; ++i)
    BOOST_TEST((peer.receive()->body() == large));
}
