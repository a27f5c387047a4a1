// Exchanges whose messages belong to the caller.

#include "net/client_fixture.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/execution/blocking.hpp>
#include <boost/asio/require.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <atomic>
#include <functional>
#include <new>
#include <optional>
#include <thread>

using namespace client_test;

namespace {

struct own_messages : loop {
  request question = get("/orders");
  client_response answer;
  std::optional<error_code> end;

  auto ends() {
    return [this](error_code ec) { end = ec; };
  }

  error_code ask(client& sender) {
    end.reset();
    sender.async_send(question, answer, ends());
    BOOST_TEST(!end.has_value()); // never inside the call
    BOOST_TEST_REQUIRE(until([&] { return end.has_value(); }));
    return *end;
  }

  void check_is_empty() const {
    BOOST_TEST(answer.fields().empty());
    BOOST_TEST(answer.body().empty());
    BOOST_TEST(answer.attempts() == 0u);
    BOOST_TEST(answer.connection_id() == 0u);
    BOOST_TEST(!answer.reused());
  }
};

} // namespace

BOOST_FIXTURE_TEST_CASE(an_answer_is_received_into_the_message_that_was_given, own_messages) {
  scripted_peer peer(context, {script().answers(ok("one")).answers(ok("another"))});
  client sender(context, "127.0.0.1", peer.port);
  BOOST_TEST(ask(sender) == error_code());
  BOOST_TEST(answer.body() == "one");
  BOOST_TEST(answer.status() == 200u);
  BOOST_TEST(!answer.reused());
  BOOST_TEST(ask(sender) == error_code());
  BOOST_TEST(answer.body() == "another"); // and nothing of the one before
  BOOST_TEST(answer.fields().count("Content-Length") == 1u);
  BOOST_TEST(answer.reused());
  BOOST_TEST(answer.attempts() == 1u);
  BOOST_TEST(question.target() == "/orders");
  check_nothing_is_left(*this, sender, peer);
}

BOOST_FIXTURE_TEST_CASE(after_an_error_nothing_of_an_earlier_answer_is_left, own_messages) {
  scripted_peer peer(context,
                     {script().answers(ok("one")).answers("HTTP/1.1 200 OK\r\nA: b\r\n\r")});
  client_options patient;
  patient.exchange_timeout = 100ms;
  client sender(context, "127.0.0.1", peer.port, patient);
  BOOST_TEST(ask(sender) == error_code());
  BOOST_TEST(ask(sender) == error_code(error::exchange_timeout));
  check_is_empty();
  question = request("CONNECT", "a:1");
  BOOST_TEST(ask(sender) == error_code(error::invalid_request));
  check_is_empty();
  check_nothing_is_left(*this, sender, peer);
}

BOOST_FIXTURE_TEST_CASE(a_request_is_left_as_it_is_whatever_is_made_of_it_on_the_wire,
                        own_messages) {
  scripted_peer peer(context, {script().answers(ok()).repeats()});
  client sender(context);
  const std::string url = "http://127.0.0.1:" + std::to_string(peer.port) + "/a?b";
  question = get(url);
  question.fields().add("Proxy-Authorization", "secret");
  BOOST_TEST(ask(sender) == error_code());
  BOOST_TEST(question.target() == url);
  BOOST_TEST(question.fields().contains("Proxy-Authorization"));
  BOOST_TEST(peer.heard.back().starts_with("GET /a?b HTTP/1.1\r\n"));
  BOOST_TEST(peer.heard.back().find("secret") == std::string::npos);
  sender.close();
  BOOST_TEST(until([&] { return peer.open() == 0; }));
}

BOOST_FIXTURE_TEST_CASE(a_request_is_sent_again_from_the_message_that_was_given, own_messages) {
  scripted_peer peer(context, {script().answers(ok()).hears().closes(), script().answers(ok("2"))});
  client sender(context, "127.0.0.1", peer.port);
  BOOST_TEST(ask(sender) == error_code());
  BOOST_TEST(ask(sender) == error_code());
  BOOST_TEST(answer.attempts() == 2u);
  BOOST_TEST(answer.body() == "2");
  check_nothing_is_left(*this, sender, peer);
}

BOOST_FIXTURE_TEST_CASE(a_handler_runs_where_it_belongs, own_messages) {
  scripted_peer peer(context, {script().answers(ok()).repeats()});
  client sender(context, "127.0.0.1", peer.port);
  const auto strand = asio::make_strand(context);
  bool was_on_strand = false;
  sender.async_send(question, answer, asio::bind_executor(strand, [&](error_code ec) {
                      was_on_strand = strand.running_in_this_thread();
                      end = ec;
                    }));
  BOOST_TEST(until([&] { return end.has_value(); }));
  BOOST_TEST(was_on_strand);

  asio::io_context other;
  std::thread::id at;
  std::atomic<bool> is_done = false;
  sender.async_send(question, answer, asio::bind_executor(other.get_executor(), [&](error_code) {
                      at = std::this_thread::get_id();
                      is_done = true;
                    }));
  std::thread runs_other([&] { other.run(); }); // until the handler has run
  BOOST_TEST(until([&] { return is_done.load(); }));
  const std::thread::id expected = runs_other.get_id();
  runs_other.join();
  BOOST_TEST((at == expected));
  check_nothing_is_left(*this, sender, peer);
}

BOOST_FIXTURE_TEST_CASE(a_handler_does_not_run_within_the_strand_of_the_client, own_messages) {
  scripted_peer peer(context, {script().answers(ok()).repeats()});
  const auto strand = asio::make_strand(context);
  client sender(strand, "127.0.0.1", peer.port);
  bool was_on_strand = true;
  sender.async_send(question, answer,
                    asio::bind_executor(context.get_executor(), [&](error_code ec) {
                      was_on_strand = strand.running_in_this_thread();
                      end = ec;
                    }));
  BOOST_TEST(until([&] { return end.has_value(); }));
  BOOST_TEST(!was_on_strand);
  check_nothing_is_left(*this, sender, peer);
}

BOOST_FIXTURE_TEST_CASE(a_handler_that_is_never_to_block_is_posted, own_messages) {
  scripted_peer peer(context, {script().answers(ok()).repeats()});
  client sender(context, "127.0.0.1", peer.port);
  const auto never = asio::require(context.get_executor(), asio::execution::blocking.never);
  sender.async_send(question, answer, asio::bind_executor(never, ends()));
  BOOST_TEST(until([&] { return sender.pool().stats().idle == 1; }));
  BOOST_TEST(!end.has_value()); // the step that gave the connection back has ended since
  BOOST_TEST(until([&] { return end.has_value(); }));
  check_nothing_is_left(*this, sender, peer);
}

BOOST_FIXTURE_TEST_CASE(handlers_that_ask_again_need_no_stack, own_messages) {
  scripted_peer peer(context, {script().answers(ok()).repeats()});
  client sender(context, "127.0.0.1", peer.port);
  std::size_t left = 5000;
  std::size_t depth = 0;
  std::size_t deepest = 0;
  std::function<void(error_code)> again = [&](error_code ec) {
    deepest = std::max(deepest, ++depth);
    BOOST_TEST_REQUIRE(ec == error_code());
    if (--left > 0)
      sender.async_send(question, answer, again);
    --depth;
  };
  sender.async_send(question, answer, again);
  BOOST_TEST(until([&] { return left == 0; }));
  BOOST_TEST(deepest == 1u);
  check_nothing_is_left(*this, sender, peer);
}

BOOST_FIXTURE_TEST_CASE(what_a_handler_throws_comes_out_of_run, own_messages) {
  scripted_peer peer(context, {script().answers(ok()).repeats()});
  client sender(context, "127.0.0.1", peer.port);
  for (int i = 0; i != 2; ++i) {
    sender.async_send(question, answer, [](error_code) { throw std::bad_alloc(); });
    BOOST_CHECK_THROW(until([] { return false; }), std::bad_alloc);
  }
  BOOST_TEST(sender.pool().stats().idle == 1u);
  check_nothing_is_left(*this, sender, peer);
}

BOOST_FIXTURE_TEST_CASE(a_cancelled_exchange_leaves_the_messages_to_their_owner, own_messages) {
  scripted_peer peer(context, {script().hears().pauses(), script().answers(ok()).repeats()});
  client sender(context, "127.0.0.1", peer.port);
  asio::cancellation_signal signal;
  sender.async_send(question, answer, asio::bind_cancellation_slot(signal.slot(), ends()));
  BOOST_TEST(until([&] { return peer.heard.size() == 1; }));
  signal.emit(asio::cancellation_type::terminal);
  BOOST_TEST(until([&] { return end.has_value(); }));
  BOOST_TEST(*end == error_code(asio::error::operation_aborted));
  check_is_empty();
  BOOST_TEST(ask(sender) == error_code());
  peer.go_on(0);
  check_nothing_is_left(*this, sender, peer);
}
